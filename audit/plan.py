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
from audit.run import chunks, load_probes, load_scorer
from audit.scoring import TorchScorer
from probes.expand import Prompt, count_prompts
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
    plans = [_plan(scorer, probe, options.multi_piece) for probe in loaded]
    tokens = sum(plan.tokens for plan in plans)
    seconds = tokens * _seconds_per_token(scorer, loaded, options.multi_piece)
    total = f"{sum(p.prompts for p in plans):,} prompts, {sum(p.rows for p in plans):,} forward rows, {tokens:,} tokens"
    cost = f"about {seconds:,.0f} s on {scorer.checkpoint.device}, {_peak_gib():.1f} GiB of memory, from a sample"
    return "\n".join([*map(str, plans), f"In all: {total}; {cost}."])


def _plan(scorer: TorchScorer, probe: Probe, multi_piece: bool) -> Plan:
    words = probe.targets.words
    prompts = rows = tokens = 0
    scorable = np.ones(len(words), dtype=bool)
    for chunk in chunks(probe):
        lengths, pieces = scorer.outlook(chunk, words)
        prompts, rows, tokens = prompts + len(chunk), rows + len(lengths), tokens + sum(lengths)
        scorable &= ((pieces > 0) if multi_piece else (pieces == 1)).all(axis=0)
    unscored = tuple(word.text for word, ok in zip(words, scorable, strict=True) if not ok)
    return Plan(probe, prompts, rows, tokens, unscored)


def _seconds_per_token(scorer: TorchScorer, probes: Sequence[Probe], multi_piece: bool) -> float:
    """Measured on prompts spread over the largest probe, after a first pass that isn't counted."""
    largest = max(probes, key=count_prompts)
    prompts: list[Prompt] = [prompt for chunk in chunks(largest) for prompt in chunk]
    sample = prompts[:: max(1, len(prompts) // (_MULTI_PIECE_SAMPLE if multi_piece else _SAMPLE))]
    words = largest.targets.words
    scorer.score(sample[:4], words)
    lengths, _ = scorer.outlook(sample, words)
    started = time.perf_counter()
    scorer.score(sample, words)
    return (time.perf_counter() - started) / sum(lengths)


def _peak_gib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**30 if sys.platform == "darwin" else 2**20)
