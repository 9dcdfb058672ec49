"""From associations to what is worth telling: a ranked list, a plain sentence each, and the result of one probe.

No interval or test is computed yet: a finding describes this checkpoint in these wordings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from audit import distributions
from audit.distributions import Tables, strongest, weighty
from audit.result import NEGLIGIBLE_RATIO, Association, Axis, Completion, Example, Finding, ProbeResult
from audit.store import ScoredPrompts
from probes.probe import Probe

FINDINGS_PER_AXIS = 20


def measure(probe: Probe, scored: ScoredPrompts, *, single_piece: bool = False) -> ProbeResult:
    """Everything measured with one probe. With `single_piece`, over the words of one piece alone."""
    tables = distributions.tabulate(probe, scored, single_piece=single_piece)
    found = distributions.associations(probe, tables)
    axes = tuple(_axis(probe, index, found) for index in range(len(probe.axes)))
    targets = distributions.targets(probe, scored, tables)
    examples = _examples(scored)
    flags = {target.word: target.flags for target in targets}
    told = [finding for axis in axes for finding in _findings(probe, axis, found, examples, tables, flags)]
    proper = [c for c, roles in enumerate(tables.roles) if set(roles) == {"level"}]
    return ProbeResult(
        name=probe.name,
        version=probe.version,
        title=probe.title,
        question=probe.question,
        measures=probe.measures,
        language=probe.language,
        sha256=probe.sha256,
        axes=axes,
        templates=tuple(template.text for template in probe.templates),
        lexicon=probe.targets.title or probe.targets.name,
        targets=targets,
        prompts=len(scored.texts),
        coverage=distributions.optional(tables.coverage[proper].mean()) if proper else None,
        cells=distributions.cells(tables),
        levels=distributions.levels(probe, tables),
        associations=tuple(a if weighty(a) else replace(a, by_template=()) for a in found),
        findings=tuple(sorted(told, key=lambda f: -(f.association.contribution or 0.0))),
        examples=examples,
    )


def sentence(association: Association) -> str:
    """The association in plain words, the likelier side first."""
    ratio = association.log2_ratio or 0.0
    sides = (association.level, association.reference)
    more, less = sides if ratio >= 0 else sides[::-1]
    one = association.templates == 1
    wordings = "in the one wording" if one else f"in {association.agree} of {association.templates} wordings"
    return f'"{association.target}" is {times(2 ** abs(ratio))} as likely for {more} as for {less}, {wordings}.'


def times(ratio: float) -> str:
    """A ratio of at least 1 as people say it: `1.3 times`, `38 times`, `over 1,000 times`."""
    if ratio >= 1000:
        return "over 1,000 times"
    return f"{ratio:.0f} times" if ratio >= 9.95 else f"{ratio:.1f} times"


def _axis(probe: Probe, index: int, found: Sequence[Association]) -> Axis:
    axis = probe.axes[index]
    placebo = [a for a in found if a.axis == axis.name and a.role == "placebo" and weighty(a)]
    noise = [abs(a.log2_ratio) for a in placebo if a.log2_ratio is not None]
    return Axis(
        name=axis.name,
        title=axis.title,
        reference=axis.reference,
        levels=tuple(level.name for level in axis.levels),
        placebo=tuple(level.name for level in axis.placebo),
        source=axis.source,
        placebo_ratio=max(noise, default=None),
    )


def _findings(
    probe: Probe,
    axis: Axis,
    found: Sequence[Association],
    examples: Sequence[Example],
    tables: Tables,
    flags: dict[str, tuple[str, ...]],
) -> list[Finding]:
    own = [a for a in found if a.axis == axis.name and a.role == "level"]
    return [
        Finding(
            probe=probe.name,
            association=association,
            sentence=sentence(association),
            beyond_placebo=_beyond(association, axis.placebo_ratio),
            example=_example(probe, association, examples, tables),
            flags=flags[association.target],
        )
        for association in strongest(own)[:FINDINGS_PER_AXIS]
    ]


def _beyond(association: Association, placebo_ratio: float | None) -> bool | None:
    if placebo_ratio is None or association.log2_ratio is None:
        return None
    return abs(association.log2_ratio) > max(placebo_ratio, NEGLIGIBLE_RATIO)


def _examples(scored: ScoredPrompts) -> tuple[Example, ...]:
    """The first template in first forms: the cells of levels, then those with a neutral wording."""
    chosen = [
        row
        for row in range(len(scored.texts))
        if scored.template[row] == 0 and not scored.forms[row].any() and "placebo" not in scored.roles[row]
    ]
    return tuple(
        Example(
            template=0,
            levels=scored.levels[row],
            roles=scored.roles[row],
            text=scored.texts[row],
            completions=tuple(
                Completion(token, prob)
                for token, prob in zip(scored.top_tokens[row], scored.top_prob[row].tolist(), strict=True)
            ),
        )
        for row in chosen
    )


def _example(probe: Probe, association: Association, examples: Sequence[Example], tables: Tables) -> Example | None:
    """The sentence of the likelier level's cell that gives the word the most."""
    ratio = association.log2_ratio or 0.0
    level = association.level if ratio >= 0 else association.reference
    axis = [axis.name for axis in probe.axes].index(association.axis)
    word = [word.text for word in probe.targets.words].index(association.target)
    probs = {names: float(tables.probs[c, word]) for c, names in enumerate(tables.levels)}
    own = [e for e in examples if e.levels[axis] == level and set(e.roles) == {"level"}]
    return max(own, key=lambda example: probs[example.levels], default=None)
