"""How much hangs on the wording: whose doing the probabilities are, and what one wording alone would have said."""

from __future__ import annotations

from dataclasses import dataclass

from audit.results.metrics import AxisResult
from audit.results.probe_result import ProbeResult
from reports.text import formatting, grades

AGREED = 0.9
"""Share of the wordings from which on they are said to point the same way."""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the bar: where it begins and how wide it is in percent, its class, and what it is."""

    x: float
    width: float
    style: str
    percent: str
    name: str


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The panel of one axis."""

    label: str
    shares: tuple[Share, ...]
    sentences: tuple[str, ...]


def sensitivity(probe: ProbeResult, axis: AxisResult) -> Sensitivity | None:
    """What the wording does on this axis; None with a single wording."""
    if axis.variance is None:
        return None
    shares = _shares(axis)
    sentences = [_agreement(probe, axis), *_ranges(axis)]
    label = "; ".join(f"{share.name}: {share.percent}" for share in shares)
    return Sensitivity(label, shares, tuple(sentence for sentence in sentences if sentence))


def _shares(axis: AxisResult) -> tuple[Share, ...]:
    wording = axis.variance
    parts = [
        (wording.template if wording else None, "s0", "come with the wording, whoever is named"),
        (wording.level if wording else None, "s1", "with the group, whatever the wording"),
        (wording.interaction if wording else None, "s2", "with the group in some wordings and not in others"),
    ]
    made, x = [], 0.0
    for value, style, name in parts:
        if (share := formatting.known(value)) is not None:
            made.append(Share(round(x, 1), round(100 * share, 1), style, formatting.percent(share), name))
            x += 100 * share
    return tuple(made)


def _agreement(probe: ProbeResult, axis: AxisResult) -> str:
    told = [a for a in grades.graded(probe, axis) if a.grade != "none"]
    if not told:
        return ""
    same = sum(a.n_same_sign >= AGREED * a.n_templates for a in told)
    return (
        f"Of {formatting.counted(len(told), 'finding')}, {formatting.count(same)} "
        f"{'points' if same == 1 else 'point'} the same way in at least {formatting.limit_percent(AGREED)} "
        "of the wordings."
    )


def _ranges(axis: AxisResult) -> list[str]:
    d = axis.distance
    if d is None:
        return []
    made = []
    if formatting.known(d.single_template_min) is not None and formatting.known(d.single_template_max) is not None:
        ends = formatting.between(d.single_template_min, d.single_template_max)
        made.append(
            f"One wording alone would have given anything from {ends} bits; all together give "
            f"{formatting.bits(d.bits.value)}."
        )
    if formatting.known(d.loo_min) is not None and formatting.known(d.loo_max) is not None:
        made.append(f"With any one wording left out it is {formatting.between(d.loo_min, d.loo_max)} bits.")
    return made
