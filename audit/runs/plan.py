"""Estimates what a run would cost: tokenises its prompts, scores and stores a sample, and measures random scores."""

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
from audit.analysis.findings import measure_probe
from audit.options import Options
from audit.results.audit import SCHEMA, Audit
from audit.results.probe_result import ProbeResult
from audit.results.thresholds import MIN_TEMPLATES
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
"""Chunks of a probe that are tokenised, spread over it; numbers of a larger probe are scaled up."""
_TIMED = 3
"""Number of probes (the largest) whose prompts are sampled, and of probes whose statistics are timed."""
_SAMPLE = 192
"""Prompts of each that are scored on a CPU; with multi-token words each of them is hundreds of rows. A faster device
scores a whole chunk, as in a run: with fewer rows, kernel launches would take most of the time."""
_MULTI_TOKEN_SAMPLE = 4
_MEASURED = 500_000
"""Most numbers (cells x templates x words) of a probe whose statistics are timed; of a larger one a part is used."""
_FEWEST_WORDS, _FEWEST_LEVELS = 50, 4
"""Words that a part of a probe keeps before levels are dropped, and levels of an axis before templates are."""
_READS = 2
"""Times that a run reads its scores: to tabulate them and for the predictions."""
_BYTES_IN_TABLES = 40
"""Peak of memory for each cell, template and word of the largest probe: two tables of float64, and what is made of
them on the way. Measured on the shipped probes."""

_BYTES_IN_RESULT = 1300
"""The same for each row of the result's tables, while `audit.json` is written: 0.45 GiB for the 353,000 of all shipped
probes."""

Render = Callable[[Audit], str]
"""Makes the page."""


@dataclass(frozen=True)
class ProbeCost:
    """The cost of one probe."""

    probe: Probe
    prompts: int
    rows: int
    tokens: int
    unscored: tuple[str, ...]
    """Words that can't be scored in every prompt."""
    sampled: bool
    """Rows, tokens and words are scaled up from a part of the prompts."""
    preparing: float
    """Seconds of making and tokenising its prompts."""

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
    """The time of a run after the checkpoint is loaded."""

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

    Raises what `audit` raises before it scores.
    """
    loaded = load_probes(probes, max_prompts)
    started = time.perf_counter()
    scorer = load_scorer(checkpoint, options)
    loading = time.perf_counter() - started
    device = str(scorer.checkpoint.device)
    plan = ChunkPlan(loaded, make_recipe(scorer.checkpoint.info, loaded, options, device, ""))
    costs = [_probe_cost(scorer, plan, probe) for probe in loaded]
    with tempfile.TemporaryDirectory() as made:
        folder = RunFolder.open(Path(made), plan.recipe)
        sample = _time_sample(scorer, plan, costs, folder)
        seconds = _total_seconds(scorer, costs, sample, _time_results(costs, folder, render))
    prompts, rows, tokens = (sum(getattr(cost, name) for cost in costs) for name in ("prompts", "rows", "tokens"))
    total = f"{prompts:,} prompts, {rows:,} forward rows, {tokens:,} tokens"
    larger = max(map(_numbers, loaded)) - max(min(_numbers(probe), _MEASURED) for probe in loaded)
    more = larger * _BYTES_IN_TABLES + sum(map(_table_rows, loaded)) * _BYTES_IN_RESULT
    gib = _peak_gib() + more / 2**30  # the peak includes what was measured here
    parts = f"{_parts(seconds, device)}, {_format_seconds(loading)} of loading"
    cost = f"about {_format_seconds(seconds.total + loading)} ({parts}), {gib:.1f} GiB of memory, from samples"
    return "\n".join([*map(str, costs), f"In all: {total}; {cost}."])


def _parts(seconds: Seconds, device: str) -> str:
    scoring, files = f"{_format_seconds(seconds.scoring)} of scoring on {device}", _format_seconds(seconds.files)
    return f"{scoring}, {_format_seconds(seconds.statistics)} of statistics, {files} of files and the page"


def _format_seconds(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds >= 9.95 else f"{seconds:.1f} s"


def _time(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


# Scores


def _probe_cost(scorer: TorchScorer, plan: ChunkPlan, probe: Probe) -> ProbeCost:
    chunks = plan.chunks_of(probe)
    some = chunks[:: -(-len(chunks) // _TOKENISED)]
    prompts = rows = tokens = 0
    scorable = np.ones(len(probe.targets.words), dtype=bool)
    started = time.perf_counter()
    for chunk in some:
        texts, words = plan.prompts_of(chunk)
        lengths, counts = scorer.outlook(texts, words)
        prompts, rows, tokens = prompts + len(texts), rows + len(lengths), tokens + sum(lengths)
        scorable &= ((counts > 0) if plan.recipe.multi_token else (counts == 1)).all(axis=0)
    seconds = time.perf_counter() - started
    unscored = tuple(word.text for word, ok in zip(probe.targets.words, scorable, strict=True) if not ok)
    whole = count_prompts(probe)
    up = whole / prompts
    return ProbeCost(
        probe, whole, round(rows * up), round(tokens * up), unscored, len(some) < len(chunks), seconds * up
    )


@dataclass(frozen=True)
class _SampleTimes:
    """Seconds measured on some prompts of the largest probes."""

    token: float
    """Of the model, for each token."""
    writing: float
    """Of making a file of a chunk's scores, for each prompt."""
    reading: float
    """Of everything that reads the files, for each prompt."""
    extra: float
    """Of what is scored besides the probes: the sanity clozes, and the precision check."""


def _time_sample(scorer: TorchScorer, plan: ChunkPlan, costs: Sequence[ProbeCost], folder: RunFolder) -> _SampleTimes:
    """Time chunks from the middle of the largest probes, as a run makes them; a first pass isn't counted."""
    seconds = tokens = writing = reading = prompts = 0.0
    for cost in sorted(costs, key=lambda cost: cost.prompts)[-_TIMED:]:
        chunks = plan.chunks_of(cost.probe)
        chunk = chunks[len(chunks) // 2]
        texts, words = plan.prompts_of(chunk)
        some = texts[: _sample_size(scorer)]
        scorer.score(some if scorer.checkpoint.device.type != "cpu" else some[:4], words)
        tokens += sum(scorer.outlook(some, words)[0])
        answer, started = scorer.prepare(some, words), time.perf_counter()
        scores = answer()
        seconds += time.perf_counter() - started
        wrote, read = _time_storage(plan, chunk, texts, _repeat_rows(scores, len(texts)), folder)
        writing, reading, prompts = writing + wrote, reading + read, prompts + len(texts)
    extra = _cloze_tokens(scorer, plan) * seconds / tokens + _precision_check_seconds(scorer, plan)
    return _SampleTimes(seconds / tokens, writing / prompts, reading / prompts, extra)


def _sample_size(scorer: TorchScorer) -> int | None:
    if scorer.multi_token:
        return _MULTI_TOKEN_SAMPLE
    return _SAMPLE if scorer.checkpoint.device.type == "cpu" else None


def _repeat_rows(scores: Scores, prompts: int) -> Scores:
    """Scores of so many prompts, by repeating the rows: not all of a file's cost is in proportion to its rows."""
    rows = np.arange(prompts) % len(scores.logp)
    return Scores(
        logp=scores.logp[rows],
        n_tokens=scores.n_tokens[rows],
        top_tokens=tuple(scores.top_tokens[row] for row in rows.tolist()),
        top_prob=scores.top_prob[rows],
    )


def _time_storage(
    plan: ChunkPlan, chunk: Chunk, prompts: Sequence[Prompt], scores: Scores, folder: RunFolder
) -> tuple[float, float]:
    """Seconds of writing a chunk, and of reading it as often as a run does, predictions included."""
    probe = plan.probes[chunk.probe or 0]
    places = Expansion(probe, plan.recipe.chunk).places(chunk.index)
    writing = _time(lambda: folder.keep(chunk.file, plan.encode(chunk, prompts, scores)))

    def read() -> Iterator[ScoredPrompts]:
        yield folder.read_scores(probe).read_chunk(chunk.index, places)

    reading = _time(lambda: next(read()))
    return writing, reading * (_READS - 1) + _time(lambda: folder.write(PREDICTIONS, predictions({probe.name: read()})))


def _cloze_tokens(scorer: TorchScorer, plan: ChunkPlan) -> int:
    """Tokens of the sanity clozes, if the run has them."""
    clozes = [plan.prompts_of(chunk) for chunk in plan.chunks if chunk.probe is None]
    return sum(sum(scorer.outlook(prompts, words)[0]) for prompts, words in clozes)


def _precision_check_seconds(scorer: TorchScorer, plan: ChunkPlan) -> float:
    """Seconds of loading the checkpoint in float32 and scoring some prompts, as `check_precision` does."""
    if plan.recipe.dtype == "float32":
        return 0.0
    started = time.perf_counter()
    exact = scorer.exact()
    loading = time.perf_counter() - started
    if exact is None:
        return 0.0
    chunks = [chunk for chunk in plan.chunks if chunk.probe is not None][: precision_check.CHUNKS]
    texts, words = plan.prompts_of(chunks[0])
    some = texts[: _MULTI_TOKEN_SAMPLE if scorer.multi_token else precision_check.PROMPTS]
    scored = sum(min(chunk.prompts, precision_check.PROMPTS) for chunk in chunks)
    return loading + _time(lambda: exact.score(some, words)) * scored / len(some)


# Results


@dataclass(frozen=True)
class _ResultTimes:
    """Seconds of the results of all probes."""

    statistics: float
    saving: float
    page: float


def _total_seconds(
    scorer: TorchScorer, costs: Sequence[ProbeCost], sample: _SampleTimes, results: _ResultTimes
) -> Seconds:
    prompts = sum(cost.prompts for cost in costs)
    model = sum(cost.tokens for cost in costs) * sample.token
    other = sum(cost.preparing for cost in costs) + prompts * sample.writing
    beside = scorer.checkpoint.device.type != "cpu"  # other threads have the processor for themselves
    scoring = (max(model, other) if beside else model + other) + sample.extra
    return Seconds(scoring, results.statistics, prompts * sample.reading + results.saving + results.page)


def _time_results(costs: Sequence[ProbeCost], folder: RunFolder, render: Render | None) -> _ResultTimes:
    """Time random scores of some probes that are spread over their sizes, or of parts of them, and scale up."""
    by_size = sorted(costs, key=lambda cost: _numbers(cost.probe))
    places = {round(i * (len(by_size) - 1) / (_TIMED + 1)) for i in range(1, _TIMED + 1)}
    some = [replace(by_size[place], probe=shrink_probe(by_size[place].probe)) for place in sorted(places)]
    tallies = [_random_scores(part, by_size[place]) for part, place in zip(some, sorted(places), strict=True)]
    results: list[ProbeResult] = []
    twice = 2 if folder.recipe.multi_token else 1  # over all words, and over the single-token ones
    measuring = twice * _time(
        lambda: results.extend(measure_probe(part.probe, tally) for part, tally in zip(some, tallies, strict=True))
    )
    audit = Audit(SCHEMA, folder.recipe, tuple(results), competence=None, precision_check=None)
    saving = _time(lambda: save_audit(folder.path, audit, ()))
    whole, parts = [cost.probe for cost in costs], [part.probe for part in some]
    return _ResultTimes(
        measuring * sum(map(_measuring_cost, whole)) / sum(map(_measuring_cost, parts)),
        saving * sum(map(_table_rows, whole)) / sum(map(_table_rows, parts)),
        _page_seconds(audit, render, len(costs)) if render else 0.0,
    )


def _page_seconds(audit: Audit, render: Render, probes: int) -> float:
    """Seconds of a page of so many probes: the first one's, with what is loaded for it, and those of the others."""
    one = replace(audit, probes=audit.probes[-1:])
    first = _time(lambda: render(one))
    return first + (_time(lambda: render(audit)) * (probes - 1) / len(audit.probes) if probes > 1 else 0.0)


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


def _measuring_cost(probe: Probe) -> float:
    """Microseconds of `measure` on the machine where this was fitted; only ratios are used.

    On the shipped probes and some of up to 20 x 30 levels with 50 to 592 words (0.25 to 11 s), this is right within a
    factor of 1.3 but for those of under half a second. Templates hardly matter, unless there are too few for nulls.
    """
    contrasts, distances, pairs = _counts(probe)
    a_pair = 6.5 if len(probe.templates) >= MIN_TEMPLATES else 0.9
    return 700 * distances + (60 * contrasts + a_pair * pairs) * len(probe.targets.words)


def _table_rows(probe: Probe) -> float:
    """Rows of the tables, which take 19 to 29 microseconds each for the shipped probes."""
    return (_cells(probe) + _counts(probe)[0]) * len(probe.targets.words)


def shrink_probe(probe: Probe) -> Probe:
    """A part of the probe with at most `_MEASURED` numbers, as far as can be: fewer words, then levels, then
    templates (but as many as a null needs)."""
    probe = _fewer_words(probe)
    while _numbers(probe) > _MEASURED:
        largest = max(probe.axes, key=lambda axis: len(axis.choices))
        if len(largest.choices) <= 2 * _FEWEST_LEVELS + 1:
            break
        axes = tuple(_halve(axis) if axis is largest else axis for axis in probe.axes)
        probe = replace(probe, axes=axes, exclude=())
    room = _MEASURED // (_cells(probe) * len(probe.targets.words))
    return replace(probe, templates=probe.templates[: max(room, MIN_TEMPLATES)])


def _fewer_words(probe: Probe) -> Probe:
    words = probe.targets.words
    kept = words[: max(_FEWEST_WORDS, int(len(words) * _MEASURED / _numbers(probe)))]
    return replace(probe, targets=replace(probe.targets, words=kept))


def _halve(axis: Axis) -> Axis:
    """Half of the levels and placebos, the reference among them."""
    least = max(len(axis.levels) // 2, _FEWEST_LEVELS)
    first = sorted(axis.levels, key=lambda level: level.name != axis.reference)[:least]
    return replace(axis, levels=tuple(first), placebo=axis.placebo[: max(len(axis.placebo) // 2, _FEWEST_LEVELS)])


def _random_scores(part: ProbeCost, whole: ProbeCost) -> ScoreAggregate:
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
