"""Are the statistics what they say? Simulated audits through the real code, with noise as large as `noise.json` says.

    python tests/calibration/calibrate.py [--simulations N] [--words N] [--seed S]

prints a table: how often an audit of a model without any effect finds one, how often intervals hold the truth, and how
often a doubling is found. A world is a model as it would answer in all wordings there might be; an audit sees a few.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from noise import read
from scipy import stats

from audit.analysis import metrics
from audit.analysis.distributions import CellProbabilities, log2_ratios, matched_cells
from audit.analysis.grading import graded_associations, graded_interactions
from audit.analysis.statistics import benjamini_hochberg, moderated_t
from audit.comparisons import association_changes, metric_changes
from audit.results.associations import Association
from audit.results.metrics import Estimate
from probes.expand import cells
from probes.load import load_probe
from probes.probe import Level, Probe

NOISE = json.loads(Path(__file__).with_name("noise.json").read_text())["probes"]
LOG2 = np.log(2)
MOST_WORDS: int | None = None
"""Words of a probe's list that there are at most; `--words` sets it, for a quick look."""


@cache
def shaped(name: str = "occupation", templates: int = 22, *, placebo: bool = True, levels: int | None = None) -> Probe:
    """A shipped probe with that many templates, without its invented names, or with its first levels alone."""
    probe = load_probe(name)
    axes = tuple(
        replace(
            axis, levels=axis.levels[:levels], placebo=axis.placebo if placebo else (),
            neutral=axis.neutral if placebo else None,
        )
        for axis in probe.axes
    )  # fmt: skip
    targets = replace(probe.targets, words=probe.targets.words[:MOST_WORDS])
    return replace(probe, targets=targets, axes=axes, templates=(probe.templates * 3)[:templates], exclude=())


def innovations(rng: np.random.Generator, tails: str, *shape: int) -> np.ndarray:
    """Noise of mean 0 and variance 1: normal, heavy (t with 5 degrees of freedom), skewed (gamma, skewness 1.4)."""
    if tails == "heavy":
        return rng.standard_t(5, shape) / np.sqrt(5 / 3)
    if tails == "skewed":
        return (rng.gamma(2, 1, shape) - 2) / np.sqrt(2)
    return rng.standard_normal(shape)


@dataclass(frozen=True)
class World:
    """A model as it would answer in all wordings: K words; log2."""

    probe: Probe
    tails: str
    base: np.ndarray
    """[K] what all cells have in common."""
    effects: dict[tuple[int, str], np.ndarray]
    """[K] of each choice of each axis."""
    sizes: list[np.ndarray]
    """[axis][K] standard deviation over templates of a difference between two levels."""
    loadings: list[np.ndarray]
    """[axis][4, K] how words' noise hangs together: three common components and, last, each word's own."""
    cell_sd: float
    template_sd: float

    def audit(self, rng: np.random.Generator, templates: int) -> CellProbabilities:
        """As many wordings drawn from all."""
        made = list(cells(self.probe))
        k, own = len(self.base), {}
        for index, axis in enumerate(self.probe.axes):
            main = np.sqrt(np.maximum(self.sizes[index] ** 2 - 2 * self.cell_sd**2 / self._blocks(index), 0) / 2)
            for choice in axis.choices:
                common = innovations(rng, self.tails, templates, 3) @ self.loadings[index][:3]
                noise = common + self.loadings[index][3] * innovations(rng, self.tails, templates, k)
                own[index, choice.name] = self.effects[index, choice.name] + main * noise
        logp = self.base + self.template_sd * rng.standard_normal((templates, k))
        logp = logp + self.cell_sd * rng.standard_normal((len(made), templates, k))
        for c, cell in enumerate(made):
            for index, level in enumerate(cell):
                logp[c] += own[index, level.name]
        return tabled(self.probe, made, logp * LOG2)

    def _blocks(self, index: int) -> int:
        others = [len(axis.levels) for i, axis in enumerate(self.probe.axes) if i != index]
        return int(np.prod(others)) if others else 1

    def without_chance(self, rng: np.random.Generator, templates: int) -> CellProbabilities:
        """One wording that is the mean of very many."""
        parts = [self.audit(rng, 50) for _ in range(templates // 50)]
        mass = np.mean([part.by_template.mean(axis=1) for part in parts], axis=0)[:, None]
        return replace(parts[0], by_template=mass, logp=np.log(mass))


def tabled(probe: Probe, made: list[tuple[Level, ...]], logp: np.ndarray) -> CellProbabilities:
    """The tables of cells' log-probabilities [C, T, S]; words of the probe's list beyond S aren't scored."""
    whole = np.full((*logp.shape[:2], len(probe.targets.words)), np.nan)
    whole[..., : logp.shape[2]] = logp - 6
    return CellProbabilities(
        levels=tuple(tuple(level.name for level in cell) for cell in made),
        roles=tuple(tuple(level.role for level in cell) for cell in made),
        prompts=np.full(len(made), logp.shape[1]),
        by_template=np.exp(whole),
        logp=whole,
        scored=np.arange(whole.shape[2]) < logp.shape[2],
    )


def world(
    rng: np.random.Generator, probe: Probe, *, tails: str = "normal", names: float = 0.0, groups: float = 0.0,
    noise: float = 1.0,
) -> World:  # fmt: skip
    """Words of Zipf-like masses and noise as in `noise.json`.

    `names`: size (sd over words, log2) of what each form, invented or not, does by itself, in all wordings.
    `groups`: the same of each level, whatever its forms. `noise`: times the measured one.
    """
    known = NOISE.get(probe.name) or NOISE["occupation"]
    k = min(known["words"], len(probe.targets.words))
    effects, sizes, loadings = {}, [], []
    for index, axis in enumerate(probe.axes):
        seen = known["axes"].get(axis.name) or next(iter(known["axes"].values()))
        wide = _widest(seen)
        df = max(wide["prior_df"], 3.0)
        sizes.append(noise * wide["prior_sd"] * np.sqrt(df / rng.chisquare(df, k)))
        shares = np.array([wide[f"component_{n}"] for n in (1, 2, 3)])
        parts = np.sqrt(shares)[:, None] * rng.standard_normal((3, k))
        parts = np.concatenate([parts, np.full((1, k), np.sqrt(1 - shares.sum()))])
        loadings.append(parts / np.sqrt((parts**2).sum(axis=0)))
        for choice in axis.choices:
            of_forms = names * rng.standard_normal((len(choice.forms), k)).mean(axis=0)
            of_group = groups * rng.standard_normal(k) if choice.role == "level" else 0.0
            effects[index, choice.name] = of_forms + of_group
    base = known["word_sd"] * np.sqrt(12) * rng.permutation(k) / k  # masses fall by a factor from word to word
    return World(probe, tails, base, effects, sizes, loadings, noise * (known["cell_sd"] or 0.0), known["template_sd"])


def _widest(seen: dict[str, Any]) -> dict[str, Any]:
    """The noisier of levels and invented names."""
    return max((each for each in seen.values() if each), key=lambda each: each["prior_sd"])


def told(found: tuple[Association, ...]) -> set[str]:
    """Axes with an association graded above weak."""
    return {a.axis for a in found if a.grade in ("moderate", "strong")}


@dataclass
class Count:
    """How many of how many."""

    hits: int = 0
    trials: int = 0

    def add(self, hits: int, trials: int = 1) -> None:
        self.hits, self.trials = self.hits + int(hits), self.trials + int(trials)

    @property
    def share(self) -> float:
        return self.hits / self.trials

    def __str__(self) -> str:
        return f"{100 * self.share:5.1f} % of {self.trials}"


def no_effect(
    rng: np.random.Generator, simulations: int, probe: Probe, *, tails: str = "normal", names: float = 0.0
) -> Iterator[CellProbabilities]:
    """Audits of worlds in which the groups don't differ."""
    for _ in range(simulations):
        yield world(rng, probe, tails=tails, names=names).audit(rng, len(probe.templates))


def real_noise(
    rng: np.random.Generator, simulations: int, probe: Probe, tables: CellProbabilities, *, signs: bool
) -> Iterator[CellProbabilities]:
    """Audits with the noise of a real run: what each wording does to each cell beyond what it does to all cells and
    what the cell is in all wordings, drawn anew with replacement; `signs`: turned round at random.
    """
    logp = tables.logp[..., tables.scored]
    base, templates = logp.mean(axis=(0, 1)), logp.shape[1]
    of_wording = logp.mean(axis=0) - base  # [T, S]
    noise = (logp - logp.mean(axis=1, keepdims=True) - of_wording) * np.sqrt(templates / (templates - 1))
    made = list(cells(probe))
    for _ in range(simulations):
        drawn = rng.integers(0, templates, templates)
        turned = rng.choice([-1, 1], templates)[:, None] if signs else 1
        yield tabled(probe, made, base + of_wording[drawn] + turned * noise[:, drawn])


def false_alarms(probe: Probe, audits: Iterable[CellProbabilities]) -> dict[str, Count]:
    """Audits in which anything is graded above weak: of each axis, crossings, or any of them."""
    counts: dict[str, Count] = defaultdict(Count)
    for tables in audits:
        found = graded_associations(probe, tables)
        axes = told(found)
        for axis in probe.axes:
            counts[axis.name].add(axis.name in axes)
            counts[f"{axis.name} strong"].add(any(a.axis == axis.name and a.grade == "strong" for a in found))
            counts[f"{axis.name} q <= 0.05"].add(any(a.axis == axis.name and (a.q_value or 1) <= 0.05 for a in found))
        crossed = any(i.grade in ("moderate", "strong") for i in graded_interactions(probe, tables))
        counts["crossings"].add(crossed)
        counts["any"].add(bool(axes) or crossed)
    return counts


def no_change(
    rng: np.random.Generator,
    simulations: int,
    probe: Probe,
    *,
    groups: float,
    tails: str = "normal",
    drift: float = 0.0,
) -> Iterator[tuple[CellProbabilities, CellProbabilities]]:
    """Two checkpoints that expect the same of the groups, each with its own noise.

    `drift`: size (sd over words, log2) of what training does to each form by itself, invented or not.
    """
    for _ in range(simulations):
        one = world(rng, probe, tails=tails, groups=groups)
        k = len(one.base)
        effects = {
            (index, choice.name): one.effects[index, choice.name]
            + drift * rng.standard_normal((len(choice.forms), k)).mean(axis=0)
            for index, axis in enumerate(probe.axes)
            for choice in axis.choices
        }
        yield tuple(each.audit(rng, len(probe.templates)) for each in (one, replace(one, effects=effects)))


def false_changes(probe: Probe, sides: Iterable[tuple[CellProbabilities, CellProbabilities]]) -> dict[str, Count]:
    """Comparisons in which anything is said to have changed, and the share of verdicts that are false."""
    counts: dict[str, Count] = defaultdict(Count)
    for pair in sides:
        views = [association_changes.make_view(probe, tables) for tables in pair]
        shifts = association_changes.association_changes(probe, *views, ("one", "other"))
        measured = [m for m in metric_changes.metric_changes(probe, *views, ("one", "other")) if m.role == "level"]
        wrong = [s for s in shifts if s.verdict != "unchanged"]
        for axis in probe.axes:
            counts[axis.name].add(any(s.axis == axis.name for s in wrong))
        counts["any association"].add(bool(wrong))
        counts["association verdicts"].add(len(wrong), len(shifts))
        moved = [m for m in measured if m.verdict != "unchanged"]
        counts["any measure"].add(bool(moved))
        counts["anything"].add(bool(wrong or moved))
        counts["measure verdicts"].add(len(moved), len(measured))
        for name in sorted({m.metric for m in measured}):
            counts[f"any {name}"].add(any(m.metric == name for m in moved))
    return counts


def association_coverage(
    rng: np.random.Generator, worlds: int, audits: int, templates: int, *, groups: float, tails: str = "normal"
) -> tuple[Count, Count]:
    """Words whose interval holds the truth: moderated, and by the plain t."""
    probe, moderated, plain = shaped(templates=templates, placebo=False), Count(), Count()
    for _ in range(worlds):
        made = world(rng, probe, tails=tails, groups=groups)
        for _ in range(audits):
            tables = made.audit(rng, templates)
            for index, axis in enumerate(probe.axes):
                for level in axis.levels[1:]:
                    samples = log2_ratios(tables, matched_cells(tables, index, level.name, axis.reference))[
                        :, tables.scored
                    ]
                    truth = made.effects[index, level.name] - made.effects[index, axis.reference]
                    test = moderated_t(samples)
                    moderated.add(((test.ci_low <= truth) & (truth <= test.ci_high)).sum(), len(truth))
                    p = stats.ttest_1samp(samples, truth).pvalue
                    plain.add((p > 0.05).sum(), len(truth))
    return moderated, plain


def estimates(probe: Probe, tables: CellProbabilities, rng: np.random.Generator) -> Iterator[tuple[str, Any, Estimate]]:
    """(measure, whose, estimate) of everything that has an interval over wordings."""
    for d in metrics.distances(probe, tables, rng):
        yield f"distance of {'all levels' if d.level is None else 'two levels'}", (d.axis, d.level, d.other), d.bits
    for level in metrics.levels(probe, tables):
        for what in ("effective_words", "stigma_share", "stigma_ratio", "women_pct"):
            if getattr(level, what) is not None:
                yield what, (level.axis, level.name), getattr(level, what)


def measure_coverage(
    rng: np.random.Generator, worlds: int, audits: int, templates: int, *, groups: float, tails: str = "normal"
) -> dict[str, Count]:
    """Intervals of whole distributions that hold the value that very many wordings would have."""
    probe, counts = shaped(templates=templates, placebo=False, levels=3), defaultdict(Count)
    alone = replace(probe, templates=probe.templates[:1])
    for _ in range(worlds):
        made = world(rng, probe, tails=tails, groups=groups)
        whole = made.without_chance(rng, 1000)
        truth = {(what, key): each.value for what, key, each in estimates(alone, whole, rng)}
        for _ in range(audits):
            for what, key, each in estimates(probe, made.audit(rng, templates), rng):
                counts[what].add(each.ci_low <= truth[what, key] <= each.ci_high)
    return counts


def relabelling(rng: np.random.Generator, simulations: int, templates: int) -> Count:
    """Distances of levels that don't differ whose p is at most 5 %."""
    probe, count = shaped(templates=templates, placebo=False, levels=3), Count()
    for _ in range(simulations):
        tables = world(rng, probe).audit(rng, templates)
        for distance in metrics.distances(probe, tables, rng):
            if distance.level is None:
                count.add(distance.p_value <= 0.05)
    return count


def power(rng: np.random.Generator, worlds: int, templates: int, sd: float) -> tuple[Count, Count]:
    """Doublings of a tenth of the words that are found (q <= 0.05): by the plain t, by the moderated t."""
    plain, moderated = Count(), Count()
    for _ in range(worlds):
        words = 300
        doubled = np.arange(words) < words // 10
        sizes = sd * np.sqrt(12 / rng.chisquare(12, words))
        samples = doubled + sizes * rng.standard_normal((templates, words))
        q = benjamini_hochberg(np.asarray(stats.ttest_1samp(samples, 0).pvalue))
        plain.add((q[doubled] <= 0.05).sum(), doubled.sum())
        q = benjamini_hochberg(moderated_t(samples).p_value)
        moderated.add((q[doubled] <= 0.05).sum(), doubled.sum())
    return plain, moderated


def shown(what: str, counts: dict[str, Count]) -> None:
    """A line of the table."""
    print(f"{what:62}" + "  ".join(f"{name} {count}" for name, count in counts.items()), flush=True)


def show_false_alarms(rng: np.random.Generator, n: int, run: str | None) -> None:
    """The first part of the table."""
    print("No effect: audits with anything graded above weak (strong; any q at most 0.05)")
    for name, templates in [("occupation", 22), ("occupation", 12), ("occupation-by-disability", 14), ("traits", 14)]:
        for placebo, tails in [(True, "normal"), (False, "normal"), (False, "heavy"), (False, "skewed")]:
            probe = shaped(name, templates, placebo=placebo)
            what = f"{name}, {templates} wordings, {tails}, {'invented names' if placebo else 'none'}"
            shown(what, false_alarms(probe, no_effect(rng, n, probe, tails=tails)))
    print("Every name, invented or real, does something by itself, as much as the invented ones measured")
    for name, templates in [("occupation", 22), ("occupation-by-disability", 14)]:
        probe = shaped(name, templates)
        size = min(axis["placebos"]["effect_sd"] for axis in NOISE[name]["axes"].values()) / np.sqrt(2)
        shown(f"{name}, {size:.2f} a name", false_alarms(probe, no_effect(rng, n, probe, names=size)))
    if run is not None:
        print(f"The same without invented names, with the wordings' noise of {run}")
        for name, tables in read(run).items():
            for signs in (True, False):
                probe, bare = without_placebos(load_probe(name), tables)
                what = f"{name}, {'signs at random' if signs else 'as it is'}"
                shown(what, false_alarms(probe, real_noise(rng, n, probe, bare, signs=signs)))


def without_placebos(probe: Probe, tables: CellProbabilities) -> tuple[Probe, CellProbabilities]:
    """A probe and its tables as if it had had no invented names and no neutral wording."""
    kept = [c for c, roles in enumerate(tables.roles) if set(roles) == {"level"}]
    axes = tuple(replace(axis, placebo=(), neutral=None) for axis in probe.axes)
    parts = {name: getattr(tables, name)[kept] for name in ("prompts", "by_template", "logp")}
    levels, roles = (tuple(each[c] for c in kept) for each in (tables.levels, tables.roles))
    return replace(probe, axes=axes), replace(tables, levels=levels, roles=roles, **parts)


def show_false_changes(rng: np.random.Generator, n: int) -> None:
    """Verdicts on two checkpoints of which neither differs from the other."""
    print("No change between two checkpoints: comparisons in which anything is said to have changed, and verdicts")
    for name, templates, placebo in [
        ("occupation", 22, True), ("occupation", 12, True), ("occupation-by-disability", 14, True),
        ("traits", 14, True), ("traits", 14, False), ("traits", 8, False),
    ]:  # fmt: skip
        probe = shaped(name, templates, placebo=placebo)
        size = min(axis["placebos"]["effect_sd"] for axis in NOISE[name]["axes"].values()) / np.sqrt(2)
        for groups, tails, drift in [
            (0.0, "normal", 0.0),
            (0.6, "normal", 0.0),
            (0.6, "skewed", 0.0),
            *([(0.6, "normal", size)] if placebo else []),  # without them, what training does to a name is news
        ]:
            what = f"{name}, {templates} wordings, effects of {groups}, {tails}, drift of {drift:.2f}"
            what += "" if placebo else ", without invented names"
            found = false_changes(probe, no_change(rng, n, probe, groups=groups, tails=tails, drift=drift))
            print(what)
            for count in found:
                print(f"    {count:32} {found[count]}", flush=True)


def main(n: int, seed: int, run: str | None) -> None:
    """Print the table."""
    rng = np.random.default_rng(seed)
    show_false_changes(rng, n)
    show_false_alarms(rng, n, run)
    print("Distances of levels that don't differ with p at most 0.05")
    for templates in (8, 12, 22):
        print(f"  {templates} wordings: {relabelling(rng, n, templates)}", flush=True)
    worlds, audits = max(n // 20, 1), min(n, 20)
    print("95 % intervals of associations that hold the truth (by the plain t)")
    for templates in (8, 12, 16, 22):
        for groups, tails in [(0.0, "normal"), (0.4, "normal"), (0.4, "skewed")]:
            moderated, plain = association_coverage(rng, worlds, audits, templates, groups=groups, tails=tails)
            print(f"  {templates} wordings, effects of {groups}, {tails}: {moderated} ({plain})", flush=True)
    print("95 % intervals of whole distributions that hold the truth")
    for templates in (8, 12, 16, 22):
        for groups in (0.2, 0.6):
            counts = measure_coverage(rng, worlds, audits, templates, groups=groups)
            shown(f"  {templates} wordings, effects of {groups}", counts)
    print("Doublings that are found with q at most 0.05: by the plain t, by the moderated t")
    for sd in (0.3, 0.8):
        for templates in (8, 12, 16):
            plain, moderated = power(rng, worlds, templates, sd)
            print(f"  {templates} wordings, noise {sd}: {plain}, {moderated}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--simulations", type=int, default=400, help="audits for each line")
    parser.add_argument("--words", type=int, help="of a probe's list, at most; default: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--changes", action="store_true", help="only the comparisons")
    parser.add_argument("--run", help="folder of a run of the shipped probes whose noise is resampled")
    asked = parser.parse_args()
    MOST_WORDS = asked.words
    if asked.changes:
        show_false_changes(np.random.default_rng(asked.seed), asked.simulations)
    else:
        main(asked.simulations, asked.seed, asked.run)
