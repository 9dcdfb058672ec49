"""What a run would cost and leave out: prompts are tokenised, a sample is scored, made-up scores are measured."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audit.distributions import Tables, Tally
from audit.findings import measure
from audit.options import Options
from audit.run import load_probes, load_scorer, make_recipe
from audit.scoring import TorchScorer
from audit.work import Chunk, Work
from probes.expand import Prompt, cells, count_prompts
from probes.probe import Probe

_TOKENISED = 100
"""Chunks of a probe that are tokenised, spread over it; a larger probe's numbers are scaled up from these."""
_TIMED = 3
"""Probes of which some prompts are scored, the largest ones; and of which the statistics are rehearsed."""
_SAMPLE = 192
"""Prompts of each that are scored; with words of several pieces each of them is hundreds of rows."""
_MULTI_PIECE_SAMPLE = 4
_BYTES_IN_TABLES = 40
"""Peak of memory for each cell, template and word of the largest probe: two tables of float64, and what is made of
them on the way. Measured on the shipped probes."""


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

    def __str__(self) -> str:
        about = "about " if self.sampled else ""
        line = f"{self.probe.name}: {self.prompts:,} prompts, {about}{self.rows:,} forward rows, {self.tokens:,} tokens"
        if not self.unscored:
            return line
        more = ", ..." if len(self.unscored) > 10 else ""
        words = ", ".join(self.unscored[:10]) + more
        return f"{line}\n  {len(self.unscored)} of {len(self.probe.targets.words)} words not scored: {words}"


def plan_run(checkpoint: str, probes: Sequence[str | Path], options: Options, max_prompts: int) -> str:
    """Prompts, forward rows, tokens and unscorable words of each probe; time and memory from samples.

    Raises what `audit.run.audit` raises before it scores.
    """
    loaded = load_probes(probes, max_prompts)
    scorer = load_scorer(checkpoint, options)
    work = Work(loaded, make_recipe(scorer.checkpoint.info, loaded, options, str(scorer.checkpoint.device), ""))
    plans = [_plan(scorer, work, probe, options.multi_piece) for probe in loaded]
    tokens = sum(plan.tokens for plan in plans)
    scoring = tokens * _seconds_per_token(scorer, work, options.multi_piece)
    measuring = _seconds_of_statistics(plans) * (2 if options.multi_piece else 1)
    total = f"{sum(p.prompts for p in plans):,} prompts, {sum(p.rows for p in plans):,} forward rows, {tokens:,} tokens"
    parts = f"{scoring:,.0f} s of scoring on {scorer.checkpoint.device} and {measuring:,.0f} s of statistics"
    gib = _peak_gib() + max(map(_numbers, loaded)) * _BYTES_IN_TABLES / 2**30
    cost = f"about {scoring + measuring:,.0f} s ({parts}), {gib:.1f} GiB of memory, from samples"
    return "\n".join([*map(str, plans), f"In all: {total}; {cost}."])


def _plan(scorer: TorchScorer, work: Work, probe: Probe, multi_piece: bool) -> Plan:
    chunks = work.of(probe)
    some = chunks[:: -(-len(chunks) // _TOKENISED)]
    prompts = rows = tokens = 0
    scorable = np.ones(len(probe.targets.words), dtype=bool)
    for chunk in some:
        asked, words = work.asked(chunk)
        lengths, pieces = scorer.outlook(asked, words)
        prompts, rows, tokens = prompts + len(asked), rows + len(lengths), tokens + sum(lengths)
        scorable &= ((pieces > 0) if multi_piece else (pieces == 1)).all(axis=0)
    unscored = tuple(word.text for word, ok in zip(probe.targets.words, scorable, strict=True) if not ok)
    whole = count_prompts(probe)
    rows, tokens = round(rows * whole / prompts), round(tokens * whole / prompts)
    return Plan(probe, whole, rows, tokens, unscored, len(some) < len(chunks))


def _seconds_per_token(scorer: TorchScorer, work: Work, multi_piece: bool) -> float:
    """Measured on prompts from the middle of the largest probes, as a run makes them; a first pass isn't counted."""
    seconds = tokens = 0.0
    for probe in sorted(work.probes, key=count_prompts)[-_TIMED:]:
        chunks = work.of(probe)
        middle = chunks[len(chunks) // 2]
        asked = work.asked(middle)[0][: _MULTI_PIECE_SAMPLE if multi_piece else _SAMPLE]
        scorer.score(asked[:4], probe.targets.words)
        lengths, _ = scorer.outlook(asked, probe.targets.words)
        seconds += _seconds(scorer, work, middle, asked)
        tokens += sum(lengths)
    return seconds / tokens


def _seconds(scorer: TorchScorer, work: Work, chunk: Chunk, asked: Sequence[Prompt]) -> float:
    started = time.perf_counter()
    work.answered(chunk, asked, scorer.score(asked, work.probes[chunk.probe or 0].targets.words))
    return time.perf_counter() - started


def _seconds_of_statistics(plans: Sequence[Plan]) -> float:
    """Of all probes: measured on made-up scores of some that are spread over their sizes, and scaled up."""
    by_size = sorted(plans, key=lambda plan: _numbers(plan.probe))
    places = {round(i * (len(by_size) - 1) / (_TIMED + 1)) for i in range(1, _TIMED + 1)}
    some = [by_size[place] for place in sorted(places)]
    started = time.perf_counter()
    for plan in some:
        measure(plan.probe, _made_up(plan))
    seconds = time.perf_counter() - started
    return seconds * sum(_numbers(plan.probe) for plan in plans) / sum(_numbers(plan.probe) for plan in some)


def _made_up(plan: Plan) -> Tally:
    """A tally of the probe's size with noise in it, for the words that can be scored."""
    probe = plan.probe
    keys = dict.fromkeys((tuple(v.name for v in cell), tuple(v.role for v in cell)) for cell in cells(probe))
    words = len(probe.targets.words)
    scored = np.array([word.text not in plan.unscored for word in probe.targets.words])
    shape = (len(keys), len(probe.templates), words)
    logp = np.where(scored, np.random.default_rng(0).normal(-9, 2, shape), np.nan)
    tables = Tables(
        levels=tuple(names for names, _ in keys),
        roles=tuple(roles for _, roles in keys),
        prompts=np.ones(len(keys), dtype=np.int64),
        by_template=np.exp(logp),
        logp=logp,
        scored=scored,
    )
    return Tally(tables, np.ones(words, dtype=np.int64), np.zeros(words, dtype=bool), (), "")


def _numbers(probe: Probe) -> int:
    """Cells x templates x words."""
    return sum(1 for _ in cells(probe)) * len(probe.templates) * len(probe.targets.words)


def _peak_gib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**30 if sys.platform == "darwin" else 2**20)
