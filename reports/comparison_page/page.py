"""The values of a comparison's page: a verdict first, then the changes, probe by probe.

The base is the first side; the words of the page are the sides' names, because what is held against it may be its
fine-tuned version, its student, or another model altogether.
"""

from __future__ import annotations

from dataclasses import dataclass

from audit.results.comparison import Comparison, ProbeComparison
from reports.comparison_page.change_tables import rows_per_table, unshared_words
from reports.comparison_page.finding_changes import SideFindings, finding_changes
from reports.comparison_page.pair_section import PairPart, Scales, pair_part, scales
from reports.comparison_page.side_by_side import Blocks, first_predictions, top_lists
from reports.comparison_page.sides import Origin, SidePart, origins, side_name, side_parts, swatch
from reports.comparison_page.trends import Trends, trends
from reports.comparison_page.verdict import ComparisonVerdict, comparison_verdict
from reports.components.columns import WordsOfReason
from reports.components.palette import Palette, Swatch, palette
from reports.text import formatting as fmt
from reports.text.anchors import Anchors
from reports.text.provenance import Fact

FIXED = ("top", "only", "verdict", "findings", "method", "limits", "provenance", "origins", "repeat")
"""Ids that the template writes itself."""
NAMED = 3
"""Most sides whose coverage is named one by one."""


@dataclass(frozen=True, slots=True)
class Tops:
    """The likeliest words of an axis' groups on every side."""

    title: str
    blocks: Blocks


@dataclass(frozen=True, slots=True)
class ComparedProbe:
    """A probe's part of the page."""

    id: str
    name: str
    title: str
    question: str
    facts: tuple[Fact, ...]
    dim: bool
    """Whether it is not evaluable on any side."""
    lexicon: str
    unshared_count: int
    unshared: tuple[WordsOfReason, ...]
    templates: tuple[str, ...]
    card: Blocks
    tops: tuple[Tops, ...]
    trends: tuple[Trends, ...]
    pairs: tuple[PairPart, ...]

    @property
    def same(self) -> bool:
        """Whether nothing gives evidence of change."""
        return all(pair.same for pair in self.pairs)


@dataclass(frozen=True, slots=True)
class ComparisonPage:
    """The whole page."""

    title: str
    base: Swatch
    others: tuple[Swatch, ...]
    others_named: str
    """The others in words: `tuned`, `checkpoint-500, checkpoint-1000 and 2 others`."""
    sides: tuple[SidePart, ...]
    scope: str
    """How many probes and prompts every side was given."""
    planted: str
    """Whose associations are planted, or nothing."""
    caveats: tuple[str, ...]
    warnings: tuple[str, ...]
    content_note: bool
    verdict: ComparisonVerdict
    findings: tuple[SideFindings, ...]
    probes: tuple[ComparedProbe, ...]
    trend: bool
    borrowed: bool
    """Whether a side has another checkpoint's head."""
    origins: tuple[Origin, ...]
    versions: str
    command: str

    @property
    def same(self) -> bool:
        """Whether nothing on the page gives evidence of change."""
        return self.verdict.same and all(probe.same for probe in self.probes)


def comparison_page(comparison: Comparison) -> ComparisonPage:
    """Everything that the page says of the comparison."""
    colours, ids, rulers = palette(comparison), Anchors(), scales(comparison)
    for fixed in FIXED:
        ids.new(fixed)
    anchors = [ids.new("probe", probe.name) for probe in comparison.probes]
    hrefs = {probe.name: f"#{anchor}" for probe, anchor in zip(comparison.probes, anchors, strict=True)}
    others = _join_names([side_name(side) for side in comparison.sides[1:]])
    return ComparisonPage(
        title=f"{others} against {side_name(comparison.sides[0])}: a comparison of masked language models",
        base=swatch(comparison, 0),
        others=tuple(swatch(comparison, n) for n in range(1, len(comparison.sides))),
        others_named=others,
        sides=side_parts(comparison),
        scope=_scope_text(comparison),
        planted=_planted_names(comparison),
        caveats=tuple(fmt.prose(side.caveat, 1000) for side in comparison.sides if side.caveat),
        warnings=_warnings(comparison),
        content_note=any("stigma" in target.flags for probe in comparison.probes for target in probe.targets),
        verdict=comparison_verdict(comparison, list(hrefs.values()), ids),
        findings=finding_changes(comparison, hrefs, ids),
        probes=tuple(
            _probe(comparison, probe, anchor, rulers, colours, ids)
            for probe, anchor in zip(comparison.probes, anchors, strict=True)
        ),
        trend=len(comparison.sides) > 2,
        borrowed=any(side.recipe.checkpoint.mlm_head_from is not None for side in comparison.sides),
        origins=origins(comparison),
        versions=", ".join(f"{fmt.clean(package)} {fmt.clean(version)}" for package, version in comparison.versions),
        command=fmt.prose(comparison.command, 2000),
    )


def _join_names(names: list[str]) -> str:
    return fmt.join_list(names) if len(names) < 4 else f"{names[0]}, {names[1]} and {len(names) - 2} others"


def _scope_text(comparison: Comparison) -> str:
    prompts = fmt.quantity(sum(probe.prompts for probe in comparison.probes), "prompt")
    return f"{fmt.quantity(len(comparison.probes), 'probe')} and {prompts}, the same on each side."


def _planted_names(comparison: Comparison) -> str:
    planted = [side_name(side) for side in comparison.sides if side.recipe.checkpoint.planted]
    return fmt.join_list(planted)


def _warnings(comparison: Comparison) -> tuple[str, ...]:
    """The comparison's own, and each side's, once each with the names of its sides."""
    whose: dict[str, list[str]] = {}
    for side in comparison.sides:
        for warning in side.recipe.checkpoint.warnings:
            whose.setdefault(fmt.prose(warning, 1000), []).append(side_name(side))
    n_sides = len(comparison.sides)
    own = [f"{'Every side' if len(n) == n_sides else fmt.join_list(n)}: {warning}" for warning, n in whose.items()]
    return (*(fmt.prose(warning, 1000) for warning in comparison.warnings), *own)


def _probe(
    comparison: Comparison, probe: ProbeComparison, id: str, rulers: Scales, colours: Palette, ids: Anchors
) -> ComparedProbe:
    rows = rows_per_table(comparison)
    tops = [(axis, top_lists(comparison, probe, axis, colours)) for axis in probe.axes]
    lines = [trends(comparison, probe, axis, colours, ids) for axis in probe.axes]
    return ComparedProbe(
        id=id,
        name=fmt.clean(probe.name),
        title=fmt.clean(probe.title, 120),
        question=fmt.prose(probe.question, 400),
        facts=_probe_facts(comparison, probe),
        dim=not any(comparison.evaluable(probe, pair) for pair in probe.pairs),
        lexicon=fmt.clean(probe.lexicon, 120),
        unshared_count=len(probe.unshared),
        unshared=unshared_words(comparison, probe),
        templates=tuple(fmt.prose(template, 300) for template in probe.templates),
        card=first_predictions(comparison, probe, colours),
        tops=tuple(Tops(fmt.clean(axis.title, 120), blocks) for axis, blocks in tops if blocks.blocks),
        trends=tuple(each for each in lines if each is not None and each.charts),
        pairs=tuple(pair_part(comparison, probe, pair, rulers, rows, colours, ids) for pair in probe.pairs),
    )


def _probe_facts(comparison: Comparison, probe: ProbeComparison) -> tuple[Fact, ...]:
    scored = sum(target.scored for target in probe.targets)
    made = [
        Fact("Words that every side scores", f"{fmt.count(scored)} of {fmt.count(len(probe.targets))}"),
        Fact("Wordings", fmt.count(len(probe.templates)), "wording"),
        Fact("Prompts", fmt.count(probe.prompts), "prompt"),
    ]
    shares = [fmt.percent(coverage) for coverage in probe.coverage]
    if len(shares) > NAMED:
        return (*made, Fact("Coverage, in the order of the sides", ", ".join(shares), "coverage"))
    sides = zip(comparison.sides, shares, strict=True)
    return (*made, *(Fact(f"Coverage, {side_name(side)}", share, "coverage") for side, share in sides))
