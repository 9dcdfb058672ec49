"""What a run would cost and leave out: everything is tokenised, a sample is scored."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audit.options import Options
from audit.run import load_probes, load_scorer, make_recipe
from audit.scoring import TorchScorer
from audit.work import Work
from probes.expand import count_prompts
from probes.probe import Probe

_SAMPLE = 256  # prompts; with words of several pieces each of them is hundreds of rows
_MULTI_PIECE_SAMPLE = 6


@dataclass(frozen=True)
class Plan:
    """What one probe would take."""

    probe: Probe
    prompts: int
    rows: int
    tokens: int
    unscored: tuple[str, ...]
    """Words that couldn't be scored in every prompt."""

    def __str__(self) -> str:
        line = f"{self.probe.name}: {self.prompts:,} prompts, {self.rows:,} forward rows, {self.tokens:,} tokens"
        if not self.unscored:
            return line
        more = ", ..." if len(self.unscored) > 10 else ""
        words = ", ".join(self.unscored[:10]) + more
        return f"{line}\n  {len(self.unscored)} of {len(self.probe.targets.words)} words not scored: {words}"


def plan_run(checkpoint: str, probes: Sequence[str | Path], options: Options, max_prompts: int) -> str:
    """Prompts, forward rows, tokens and unscorable words of each probe; time and memory from a sample.

    Raises what `audit.run.audit` raises before it scores.
    """
    loaded = load_probes(probes, max_prompts)
    scorer = load_scorer(checkpoint, options)
    recipe = make_recipe(scorer.checkpoint.info, loaded, options, str(scorer.checkpoint.device), "")
    work = Work(loaded, recipe)
    plans = [_plan(scorer, work, probe, options.multi_piece) for probe in loaded]
    tokens = sum(plan.tokens for plan in plans)
    seconds = tokens * _seconds_per_token(scorer, work, options.multi_piece)
    total = f"{sum(p.prompts for p in plans):,} prompts, {sum(p.rows for p in plans):,} forward rows, {tokens:,} tokens"
    cost = f"about {seconds:,.0f} s on {scorer.checkpoint.device}, {_peak_gib():.1f} GiB of memory, from a sample"
    return "\n".join([*map(str, plans), f"In all: {total}; {cost}."])


def _plan(scorer: TorchScorer, work: Work, probe: Probe, multi_piece: bool) -> Plan:
    prompts = rows = tokens = 0
    scorable = np.ones(len(probe.targets.words), dtype=bool)
    for chunk in work.of(probe):
        asked, words = work.asked(chunk)
        lengths, pieces = scorer.outlook(asked, words)
        prompts, rows, tokens = prompts + len(asked), rows + len(lengths), tokens + sum(lengths)
        scorable &= ((pieces > 0) if multi_piece else (pieces == 1)).all(axis=0)
    unscored = tuple(word.text for word, ok in zip(probe.targets.words, scorable, strict=True) if not ok)
    return Plan(probe, prompts, rows, tokens, unscored)


def _seconds_per_token(scorer: TorchScorer, work: Work, multi_piece: bool) -> float:
    """Measured on prompts from the middle of the largest probe, after a first pass that isn't counted."""
    chunks = work.of(max(work.probes, key=count_prompts))
    asked, words = work.asked(chunks[len(chunks) // 2])
    sample = asked[: _MULTI_PIECE_SAMPLE if multi_piece else _SAMPLE]
    scorer.score(sample[:4], words)
    lengths, _ = scorer.outlook(sample, words)
    started = time.perf_counter()
    scorer.score(sample, words)
    return (time.perf_counter() - started) / sum(lengths)


def _peak_gib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**30 if sys.platform == "darwin" else 2**20)
