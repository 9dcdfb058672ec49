"""What a run would cost and leave out: prompts are tokenised, a sample is scored and stored, made-up scores of a part
of the probes are measured and saved."""

from __future__ import annotations

import math
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from audit.analysis.distributions import CellProbabilities, ScoreAggregate
from audit.analysis.findings import measure
from audit.options import Options
from audit.results.audit import SCHEMA, Audit
from audit.results.probe_result import ProbeResult
from audit.results.thresholds import FEW_WORDINGS
from audit.runs import precision_check
from audit.runs.chunks import Chunk, ChunkPlan
from audit.runs.recipe import make_recipe
from audit.runs.selection import load_probes
from audit.scoring.open_scorer import load_scorer
from audit.scoring.prompt_scorer import TorchScorer
from audit.scoring.protocol import ScoredPrompts, Scores
from audit.storage.run_folder import RunFolder
from audit.storage.saved_audit import PREDICTIONS, predictions, save_audit
from probes.expand import Expansion, Prompt, cells, count_prompts
from probes.probe import Axis, Probe

_TOKENISED = 100
"""Chunks of a probe that are tokenised, spread over it; a larger probe's numbers are scaled up from these."""
_TIMED = 3
"""Probes of which some prompts are scored and stored, the largest ones; and of which the statistics are rehearsed."""
_SAMPLE = 192
"""Prompts of each that are scored on a CPU; with words of several pieces each of them is hundreds of rows. Anything
faster is given a whole chunk, as in a run, or it would wait for its launches."""
_MULTI_PIECE_SAMPLE = 4
_REHEARSED = 500_000
"""Numbers (cells x templates x words) of a probe whose statistics are rehearsed: of a larger one a part is."""
_FEWEST_WORDS, _FEWEST_LEVELS = 50, 4
"""What is left of a probe's words before levels go, and of an axis' levels before templates go."""
_READINGS = 2
"""Times that a run reads its scores: to tabulate them and for the predictions."""
_BYTES_IN_TABLES = 40
"""Peak of memory for each cell, template and word of the largest probe: two tables of float64, and what is made of
them on the way. Measured on the shipped probes."""

_BYTES_IN_RESULT = 1300
"""The same for each row of the result's tables, while `audit.json` is written: 0.45 GiB for the 353,000 of all shipped
probes."""

Render = Callable[[Audit], str]
"""Makes the page, which isn't known here."""


@dataclass(frozen=True)
class Plan:
    """What one probe would take."""

    probe: Probe
    prompts: int
    rows: int
    tokens: int
    unscored: tuple[str, ...]
    """Words that couldn't be scored in every prompt."""
    sampled: bool
    """Rows, tokens and words are those of a part of the prompts, scaled up."""
    preparing: float
    """Seconds that making and tokenising its prompts would take."""

    def __str__(self) -> str:
        about = "about " if self.sampled else ""
        line = f"{self.probe.name}: {self.prompts:,} prompts, {about}{self.rows:,} forward rows, {self.tokens:,} tokens"
        if not self.unscored:
            return line
        more = ", ..." if len(self.unscored) > 10 else ""
        words = ", ".join(self.unscored[:10]) + more
        return f"{line}\n  {len(self.unscored)} of {len(self.probe.targets.words)} words not scored: {words}"


@dataclass(frozen=True)
class Seconds:
    """What a run would take after the checkpoint is loaded."""

    scoring: float
    statistics: float
    files: float
    """Reading and writing scores, tables and predictions, and the page."""

    @property
    def total(self) -> float:
        """All of them."""
        return self.scoring + self.statistics + self.files


def plan_run(
    checkpoint: str, probes: Sequence[str | Path], options: Options, max_prompts: int, render: Render | None = None
) -> str:
    """Prompts, forward rows, tokens and unscorable words of each probe; time and memory from samples. The page's time
    is counted where `render` is given.

    Raises what `audit.run.audit` raises before it scores.
    """
    loaded = load_probes(probes, max_prompts)
    started = time.perf_counter()
    scorer = load_scorer(checkpoint, options)
    loading = time.perf_counter() - started
    device = str(scorer.checkpoint.device)
    work = ChunkPlan(loaded, make_recipe(scorer.checkpoint.info, loaded, options, device, ""))
    plans = [_plan(scorer, work, probe) for probe in loaded]
    with tempfile.TemporaryDirectory() as made:
        folder = RunFolder.open(Path(made), work.recipe)
        sample = _sampled(scorer, work, plans, folder)
        seconds = _in_all(scorer, plans, sample, _rehearsed(plans, folder, render))
    tokens = sum(plan.tokens for plan in plans)
    total = f"{sum(p.prompts for p in plans):,} prompts, {sum(p.rows for p in plans):,} forward rows, {tokens:,} tokens"
    larger = max(map(_numbers, loaded)) - max(min(_numbers(probe), _REHEARSED) for probe in loaded)
    more = larger * _BYTES_IN_TABLES + sum(map(_saving, loaded)) * _BYTES_IN_RESULT
    gib = _peak_gib() + more / 2**30  # what was rehearsed is in the peak
    parts = f"{_parts(seconds, device)}, {_told(loading)} of loading"
    cost = f"about {_told(seconds.total + loading)} ({parts}), {gib:.1f} GiB of memory, from samples"
    return "\n".join([*map(str, plans), f"In all: {total}; {cost}."])


def _parts(seconds: Seconds, device: str) -> str:
    scoring = f"{_told(seconds.scoring)} of scoring on {device}"
    return f"{scoring}, {_told(seconds.statistics)} of statistics, {_told(seconds.files)} of files and the page"


def _told(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds >= 9.95 else f"{seconds:.1f} s"


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


# Scores


def _plan(scorer: TorchScorer, work: ChunkPlan, probe: Probe) -> Plan:
    chunks = work.of(probe)
    some = chunks[:: -(-len(chunks) // _TOKENISED)]
    prompts = rows = tokens = 0
    scorable = np.ones(len(probe.targets.words), dtype=bool)
    started = time.perf_counter()
    for chunk in some:
        asked, words = work.asked(chunk)
        lengths, pieces = scorer.outlook(asked, words)
        prompts, rows, tokens = prompts + len(asked), rows + len(lengths), tokens + sum(lengths)
        scorable &= ((pieces > 0) if work.recipe.multi_token else (pieces == 1)).all(axis=0)
    seconds = time.perf_counter() - started
    unscored = tuple(word.text for word, ok in zip(probe.targets.words, scorable, strict=True) if not ok)
    whole = count_prompts(probe)
    up = whole / prompts
    return Plan(probe, whole, round(rows * up), round(tokens * up), unscored, len(some) < len(chunks), seconds * up)


@dataclass(frozen=True)
class _Sampled:
    """Seconds measured on some prompts of the largest probes."""

    token: float
    """Of the model, for each token."""
    writing: float
    """Of making a file of a chunk's scores, for each prompt."""
    reading: float
    """Of all that is done with the files, for each prompt."""
    besides: float
    """Of what is scored besides the probes: easy sentences, and some prompts once more where in fewer bits."""


def _sampled(scorer: TorchScorer, work: ChunkPlan, plans: Sequence[Plan], folder: RunFolder) -> _Sampled:
    """Measured on chunks from the middle of the largest probes, as a run makes them; a first pass isn't counted."""
    seconds = tokens = writing = reading = prompts = 0.0
    for plan in sorted(plans, key=lambda plan: plan.prompts)[-_TIMED:]:
        chunks = work.of(plan.probe)
        chunk = chunks[len(chunks) // 2]
        asked, words = work.asked(chunk)
        some = asked[: _most_scored(scorer)]
        scorer.score(some if scorer.checkpoint.device.type != "cpu" else some[:4], words)
        tokens += sum(scorer.outlook(some, words)[0])
        answer, started = scorer.prepare(some, words), time.perf_counter()
        scores = answer()
        seconds += time.perf_counter() - started
        wrote, read = _stored(work, chunk, asked, _repeated(scores, len(asked)), folder)
        writing, reading, prompts = writing + wrote, reading + read, prompts + len(asked)
    besides = _on_clozes(scorer, work) * seconds / tokens + _in_float32(scorer, work)
    return _Sampled(seconds / tokens, writing / prompts, reading / prompts, besides)


def _most_scored(scorer: TorchScorer) -> int | None:
    if scorer.multi_token:
        return _MULTI_PIECE_SAMPLE
    return _SAMPLE if scorer.checkpoint.device.type == "cpu" else None


def _repeated(scores: Scores, prompts: int) -> Scores:
    """Scores of so many prompts: a file's cost is only partly that of its rows."""
    rows = np.arange(prompts) % len(scores.logp)
    return Scores(
        logp=scores.logp[rows],
        n_tokens=scores.n_tokens[rows],
        top_tokens=tuple(scores.top_tokens[row] for row in rows.tolist()),
        top_prob=scores.top_prob[rows],
    )


def _stored(
    work: ChunkPlan, chunk: Chunk, prompts: Sequence[Prompt], scores: Scores, folder: RunFolder
) -> tuple[float, float]:
    """Seconds of writing a chunk, and of reading it as often as a run does with the predictions made of it."""
    probe = work.probes[chunk.probe or 0]
    places = Expansion(probe, work.recipe.chunk).places(chunk.index)
    writing = _timed(lambda: folder.keep(chunk.file, work.answered(chunk, prompts, scores)))

    def read() -> Iterator[ScoredPrompts]:
        yield folder.read_scores(probe).chunk_of(chunk.index, places)

    reading = _timed(lambda: next(read()))
    return writing, reading * (_READINGS - 1) + _timed(
        lambda: folder.write(PREDICTIONS, predictions({probe.name: read()}))
    )


def _on_clozes(scorer: TorchScorer, work: ChunkPlan) -> int:
    """Tokens of the easy sentences, where they are asked."""
    asked = [work.asked(chunk) for chunk in work.chunks if chunk.probe is None]
    return sum(sum(scorer.outlook(prompts, words)[0]) for prompts, words in asked)


def _in_float32(scorer: TorchScorer, work: ChunkPlan) -> float:
    """Seconds of loading the checkpoint in float32 and scoring some prompts, as `audit.run.check_dtype` does."""
    if work.recipe.dtype == "float32":
        return 0.0
    started = time.perf_counter()
    exact = scorer.exact()
    loading = time.perf_counter() - started
    if exact is None:
        return 0.0
    chunks = [chunk for chunk in work.chunks if chunk.probe is not None][: precision_check.CHUNKS]
    asked, words = work.asked(chunks[0])
    some = asked[: _MULTI_PIECE_SAMPLE if scorer.multi_token else precision_check.PROMPTS]
    scored = sum(min(chunk.prompts, precision_check.PROMPTS) for chunk in chunks)
    return loading + _timed(lambda: exact.score(some, words)) * scored / len(some)


# Results


@dataclass(frozen=True)
class _Rehearsed:
    """Seconds that all probes' results would take."""

    statistics: float
    saving: float
    page: float


def _in_all(scorer: TorchScorer, plans: Sequence[Plan], sample: _Sampled, results: _Rehearsed) -> Seconds:
    prompts = sum(plan.prompts for plan in plans)
    model = sum(plan.tokens for plan in plans) * sample.token
    other = sum(plan.preparing for plan in plans) + prompts * sample.writing
    beside = scorer.checkpoint.device.type != "cpu"  # other threads have the processor for themselves
    scoring = (max(model, other) if beside else model + other) + sample.besides
    return Seconds(scoring, results.statistics, prompts * sample.reading + results.saving + results.page)


def _rehearsed(plans: Sequence[Plan], folder: RunFolder, render: Render | None) -> _Rehearsed:
    """Measured on made-up scores of some probes that are spread over their sizes, or of parts of them, and scaled."""
    by_size = sorted(plans, key=lambda plan: _numbers(plan.probe))
    places = {round(i * (len(by_size) - 1) / (_TIMED + 1)) for i in range(1, _TIMED + 1)}
    some = [replace(by_size[place], probe=cut(by_size[place].probe)) for place in sorted(places)]
    tallies = [_made_up(part, by_size[place]) for part, place in zip(some, sorted(places), strict=True)]
    results: list[ProbeResult] = []
    twice = 2 if folder.recipe.multi_token else 1  # over all words, and over those of one piece
    measuring = twice * _timed(
        lambda: results.extend(measure(part.probe, tally) for part, tally in zip(some, tallies, strict=True))
    )
    audit = Audit(SCHEMA, folder.recipe, tuple(results), competence=None, precision_check=None)
    saving = _timed(lambda: save_audit(folder, audit, ()))
    whole, parts = [plan.probe for plan in plans], [part.probe for part in some]
    return _Rehearsed(
        measuring * sum(map(_measuring, whole)) / sum(map(_measuring, parts)),
        saving * sum(map(_saving, whole)) / sum(map(_saving, parts)),
        _on_page(audit, render, len(plans)) if render else 0.0,
    )


def _on_page(audit: Audit, render: Render, probes: int) -> float:
    """Seconds of a page of so many probes: the first one's, with what is loaded for it, and those of the others."""
    one = replace(audit, probes=audit.probes[-1:])
    first = _timed(lambda: render(one))
    return first + (_timed(lambda: render(audit)) * (probes - 1) / len(audit.probes) if probes > 1 else 0.0)


def _counts(probe: Probe) -> tuple[int, int, int]:
    """Associations a word, distances, and pairs of cells that distances are of."""
    contrasts = distances = pairs = 0
    for axis in probe.axes:
        levels, crossings = len(axis.levels), math.prod(len(o.levels) for o in probe.axes if o is not axis)
        placebos = math.comb(len(axis.placebo), 2)
        compared = math.comb(levels, 2) + placebos
        contrasts, distances = contrasts + levels - 1 + placebos, distances + compared + 1
        pairs += crossings * (compared + levels)
    return contrasts, distances, pairs


def _measuring(probe: Probe) -> float:
    """Microseconds of `measure` on the machine where this was fitted; only ratios are used.

    On the shipped probes and some of up to 20 x 30 levels with 50 to 592 words (0.25 to 11 s), this is right within a
    factor of 1.3 but for those of under half a second. Templates hardly matter, unless there are too few for nulls.
    """
    contrasts, distances, pairs = _counts(probe)
    a_pair = 6.5 if len(probe.templates) >= FEW_WORDINGS else 0.9
    return 700 * distances + (60 * contrasts + a_pair * pairs) * len(probe.targets.words)


def _saving(probe: Probe) -> float:
    """Rows of the tables: 19 to 29 microseconds each for the shipped probes."""
    return (_cells(probe) + _counts(probe)[0]) * len(probe.targets.words)


def cut(probe: Probe) -> Probe:
    """A part of the probe with at most `_REHEARSED` numbers, as far as can be: fewer words, then levels, then
    templates (but as many as a null needs)."""
    probe = _fewer_words(probe)
    while _numbers(probe) > _REHEARSED:
        largest = max(probe.axes, key=lambda axis: len(axis.choices))
        if len(largest.choices) <= 2 * _FEWEST_LEVELS + 1:
            break
        axes = tuple(_halved(axis) if axis is largest else axis for axis in probe.axes)
        probe = replace(probe, axes=axes, exclude=())
    room = _REHEARSED // (_cells(probe) * len(probe.targets.words))
    return replace(probe, templates=probe.templates[: max(room, FEW_WORDINGS)])


def _fewer_words(probe: Probe) -> Probe:
    words = probe.targets.words
    kept = words[: max(_FEWEST_WORDS, int(len(words) * _REHEARSED / _numbers(probe)))]
    return replace(probe, targets=replace(probe.targets, words=kept))


def _halved(axis: Axis) -> Axis:
    """Half of the levels and placebos, the reference among them."""
    least = max(len(axis.levels) // 2, _FEWEST_LEVELS)
    first = sorted(axis.levels, key=lambda level: level.name != axis.reference)[:least]
    return replace(axis, levels=tuple(first), placebo=axis.placebo[: max(len(axis.placebo) // 2, _FEWEST_LEVELS)])


def _made_up(part: Plan, whole: Plan) -> ScoreAggregate:
    """A tally of the part's size with noise in it, for the words that can be scored. The last word has the mass of
    those that were left out, so that no more words than in the whole are weighty."""
    probe = part.probe
    keys = dict.fromkeys((tuple(v.name for v in cell), tuple(v.role for v in cell)) for cell in cells(probe))
    words = len(probe.targets.words)
    scored = np.array([word.text not in part.unscored for word in probe.targets.words])
    shape = (len(keys), len(probe.templates), words)
    logp = np.where(scored, np.random.default_rng(0).normal(-9, 2, shape), np.nan)
    logp[..., -1] += np.log(1 + len(whole.probe.targets.words) - words)
    tables = CellProbabilities(
        levels=tuple(names for names, _ in keys),
        roles=tuple(roles for _, roles in keys),
        prompts=np.ones(len(keys), dtype=np.int64),
        by_template=np.exp(logp),
        logp=logp,
        scored=scored,
    )
    return ScoreAggregate(tables, np.ones(words, dtype=np.int64), np.zeros(words, dtype=bool), (), "")


def _numbers(probe: Probe) -> int:
    """Cells x templates x words."""
    return _cells(probe) * len(probe.templates) * len(probe.targets.words)


def _cells(probe: Probe) -> int:
    return sum(1 for _ in cells(probe))


def _peak_gib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**30 if sys.platform == "darwin" else 2**20)
