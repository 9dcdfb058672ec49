"""From a comparison to the page's values: a verdict first, then what moved, probe by probe.

The base is the first side; the words of the page are the sides' names, because what is held against it may be its
fine-tuned version, its student, or another model altogether.
"""

from __future__ import annotations

from dataclasses import dataclass

from audit.results.comparison import Comparison, ProbeComparison
from reports.comparison_page.change_tables import Lacking, lacking, room
from reports.comparison_page.finding_changes import Fates, fates
from reports.comparison_page.pair_section import PairPart, Scales, pair_part, scales
from reports.comparison_page.side_by_side import Blocks, first_answers, top_lists
from reports.comparison_page.sides import Origin, SidePart, name, origins, side_parts, swatch
from reports.comparison_page.trends import Trends, trends
from reports.comparison_page.verdict import Judgement, judgement
from reports.components.palette import Palette, Swatch, palette
from reports.text import formatting
from reports.text.anchors import Anchors
from reports.text.provenance import Fact

FIXED = ("top", "only", "verdict", "findings", "method", "limits", "provenance", "origins", "repeat")
"""Ids that the template writes itself."""
NAMED = 3
"""Most sides whose coverage is told by name."""


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
    """Whether no side can be judged by it."""
    lexicon: str
    lacking_count: int
    lacking: tuple[Lacking, ...]
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
    asked: str
    """How many probes and prompts every side was given."""
    planted: str
    """Whose associations are planted, or nothing."""
    concerns: tuple[str, ...]
    notices: tuple[str, ...]
    content_note: bool
    verdict: Judgement
    fates: tuple[Fates, ...]
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
    others = _named([name(side) for side in comparison.sides[1:]])
    return ComparisonPage(
        title=f"{others} against {name(comparison.sides[0])}: a comparison of masked language models",
        base=swatch(comparison, 0),
        others=tuple(swatch(comparison, n) for n in range(1, len(comparison.sides))),
        others_named=others,
        sides=side_parts(comparison),
        asked=_asked(comparison),
        planted=_planted(comparison),
        concerns=tuple(formatting.prose(side.caveat, 1000) for side in comparison.sides if side.caveat),
        notices=_notices(comparison),
        content_note=any("stigma" in target.flags for probe in comparison.probes for target in probe.targets),
        verdict=judgement(comparison, list(hrefs.values()), ids),
        fates=fates(comparison, hrefs, ids),
        probes=tuple(
            _probe(comparison, probe, anchor, rulers, colours, ids)
            for probe, anchor in zip(comparison.probes, anchors, strict=True)
        ),
        trend=len(comparison.sides) > 2,
        borrowed=any(side.recipe.checkpoint.mlm_head_from is not None for side in comparison.sides),
        origins=origins(comparison),
        versions=", ".join(
            f"{formatting.clean(package)} {formatting.clean(version)}" for package, version in comparison.versions
        ),
        command=formatting.prose(comparison.command, 2000),
    )


def _named(names: list[str]) -> str:
    return formatting.listed(names) if len(names) < 4 else f"{names[0]}, {names[1]} and {len(names) - 2} others"


def _asked(comparison: Comparison) -> str:
    prompts = formatting.counted(sum(probe.prompts for probe in comparison.probes), "prompt")
    return f"{formatting.counted(len(comparison.probes), 'probe')} and {prompts}, the same on each side."


def _planted(comparison: Comparison) -> str:
    planted = [name(side) for side in comparison.sides if side.recipe.checkpoint.planted]
    return formatting.listed(planted)


def _notices(comparison: Comparison) -> tuple[str, ...]:
    """The comparison's own, and each side's, said once with the sides that they are of."""
    whose: dict[str, list[str]] = {}
    for side in comparison.sides:
        for notice in side.recipe.checkpoint.warnings:
            whose.setdefault(formatting.prose(notice, 1000), []).append(name(side))
    everyone = len(comparison.sides)
    own = [f"{'Every side' if len(n) == everyone else formatting.listed(n)}: {notice}" for notice, n in whose.items()]
    return (*(formatting.prose(notice, 1000) for notice in comparison.warnings), *own)


def _probe(
    comparison: Comparison, probe: ProbeComparison, id: str, rulers: Scales, colours: Palette, ids: Anchors
) -> ComparedProbe:
    rows = room(comparison)
    tops = [(axis, top_lists(comparison, probe, axis, colours)) for axis in probe.axes]
    lines = [trends(comparison, probe, axis, colours, ids) for axis in probe.axes]
    return ComparedProbe(
        id=id,
        name=formatting.clean(probe.name),
        title=formatting.clean(probe.title, 120),
        question=formatting.prose(probe.question, 400),
        facts=_probe_facts(comparison, probe),
        dim=not any(comparison.evaluable(probe, pair) for pair in probe.pairs),
        lexicon=formatting.clean(probe.lexicon, 120),
        lacking_count=len(probe.unshared),
        lacking=lacking(comparison, probe),
        templates=tuple(formatting.prose(template, 300) for template in probe.templates),
        card=first_answers(comparison, probe, colours),
        tops=tuple(Tops(formatting.clean(axis.title, 120), blocks) for axis, blocks in tops if blocks.blocks),
        trends=tuple(each for each in lines if each is not None and each.charts),
        pairs=tuple(pair_part(comparison, probe, pair, rulers, rows, colours, ids) for pair in probe.pairs),
    )


def _probe_facts(comparison: Comparison, probe: ProbeComparison) -> tuple[Fact, ...]:
    scored = sum(target.scored for target in probe.targets)
    made = [
        Fact("Words that every side scores", f"{formatting.count(scored)} of {formatting.count(len(probe.targets))}"),
        Fact("Wordings", formatting.count(len(probe.templates)), "wording"),
        Fact("Prompts", formatting.count(probe.prompts), "prompt"),
    ]
    shares = [formatting.percent(coverage) for coverage in probe.coverage]
    if len(shares) > NAMED:
        return (*made, Fact("Coverage, in the order of the sides", ", ".join(shares), "coverage"))
    sides = zip(comparison.sides, shares, strict=True)
    return (*made, *(Fact(f"Coverage, {name(side)}", share, "coverage") for side, share in sides))
