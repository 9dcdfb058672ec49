"""`Audit`: one checkpoint under all probes of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.results.associations import Finding
from audit.results.checks import Competence, PrecisionCheck, evaluable
from audit.results.probe_result import ProbeResult, exclusion_sentence
from audit.results.recipe import Recipe
from audit.results.thresholds import Grade

if TYPE_CHECKING:
    import pandas


SCHEMA = 4
"""Version of the saved form. A reader refuses a newer one."""


@dataclass(frozen=True, slots=True)
class Audit:
    """One checkpoint under all the probes of one run."""

    schema: int
    recipe: Recipe
    probes: tuple[ProbeResult, ...]
    competence: Competence | None = None
    """None where it was not asked: a demo checkpoint knows the sentences of its own small language alone, and for
    probes in other languages than the clozes' it would say nothing."""
    single_token: tuple[ProbeResult, ...] = ()
    """With multi-token scoring: the same probes over the single-token words alone, so that every summary exists with
    and without the others. Empty where only single tokens were scored."""
    precision_check: PrecisionCheck | None = None
    """None in float32, where there is nothing to check."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Of all evaluable probes: the best grade first, then by contribution."""
        grades: tuple[Grade | None, ...] = ("strong", "moderate", "weak", "none", None)
        found = [finding for probe in self.probes if self.evaluable(probe) for finding in probe.findings]
        found.sort(key=lambda f: (grades.index(f.association.grade), -(f.association.js_contribution or 0.0)))
        return tuple(found)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Things a reader of the numbers must know, as plain sentences."""
        own = (self.precision_check.sentence(self.recipe.dtype),) if self.precision_check else ()
        lacking = tuple(exclusion_sentence(probe) for probe in self.probes if probe.excluded_templates)
        return (*self.recipe.checkpoint.warnings, *own, *lacking)

    @property
    def unanswered(self) -> int:
        """Prompts whose score is not finite; their templates enter none of the audit's."""
        return sum(probe.unanswered for probe in self.probes)

    def __repr__(self) -> str:
        prompts = sum(probe.prompts for probe in self.probes)
        return f"<Audit of {self.recipe.checkpoint.name}: {len(self.probes)} probes, {prompts:,} prompts>"

    def to_frame(self) -> pandas.DataFrame:
        """A row an association, as `findings.csv` has it."""
        from audit.results.tables import findings

        return findings(self.probes)

    def _repr_html_(self) -> str:
        from audit.results.notebook import audit_html

        return audit_html(self)

    def evaluable(self, probe: ProbeResult) -> bool:
        """Whether the probe's numbers can be relied on."""
        return evaluable(self.competence, probe.language, probe.coverage)
