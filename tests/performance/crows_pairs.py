"""How much faster CrowS-Pairs is than one sentence a forward pass:
`python tests/performance/crows_pairs.py CHECKPOINT DATA`.

Both give the reference's scores in float32 with the same threads: maskaudit of all pairs, tokenising and scoring
included, and the slow way (`published.py`, whose scores the tests hold maskaudit to) of a sample that is spread over
the file. They take turns, so that a machine that is slower for a while is so for both; the ratio is of seconds a pair.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from support import published

from audit.benchmarks.definition import SuiteSettings
from audit.benchmarks.suites import crows_pairs
from audit.checkpoints.load import load_checkpoint
from audit.options import Options
from audit.scoring.likelihood import TorchModel

TURNS = 3


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Print seconds a pair of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("data", type=Path, help="the folder of crows_pairs_anonymized.csv")
    parser.add_argument("--sample", type=int, default=150, help="pairs that the slow way scores, over all turns")
    asked = parser.parse_args()
    checkpoint = load_checkpoint(asked.checkpoint, Options(device="cpu"))
    plain = published.Plain(asked.checkpoint, attention="sdpa")
    pairs = crows_pairs.read(asked.data, SuiteSettings()).rows
    rows = published.read_crows_pairs(asked.data)
    step = len(rows) // asked.sample
    ratios = []
    for turn in range(TURNS):
        sample = rows[turn * step // TURNS :: step][turn::TURNS]
        slow = seconds(lambda some=sample: published.crows_pairs(plain, some, "reference")) / len(sample)
        model = TorchModel(checkpoint)  # a fresh one, which remembers nothing
        fast = seconds(lambda asked=model: crows_pairs.measure(pairs, asked, "reference")) / len(pairs)
        ratios.append(slow / fast)
        print(f"turn {turn + 1}: {len(sample)} pairs one sentence at a time, {1000 * slow:.1f} ms a pair", flush=True)
        print(f"  all {len(pairs):,} pairs by maskaudit in {len(pairs) * fast:.0f} s, {1000 * fast:.1f} ms a pair")
        print(f"  {slow / fast:.1f} times", flush=True)
    print(f"{statistics.median(ratios):.1f} times faster ({torch.get_num_threads()} threads)")


if __name__ == "__main__":
    main()
