"""How long the statistics take beside the scoring: `python tests/benchmarks/statistics_step.py TOKENIZER`.

A random model of DistilBERT's size, with the tokenizer of a checkpoint, scores the prompts of all shipped probes; then
a fresh process measures them, so that its peak memory is its own. Look at the load first: both are wall times.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from audit.distributions import tabulate
from audit.findings import measure
from audit.options import Options
from audit.run import chunks, load_probes, load_scorer, make_recipe
from audit.store import RunFolder, read_recipe
from probes import count_prompts


def model(folder: Path, tokenizer: str) -> str:
    """A random DistilBERT (6 layers, hidden 768) that reads with that tokenizer."""
    import torch
    from transformers import AutoTokenizer, DistilBertConfig, DistilBertForMaskedLM

    torch.manual_seed(0)
    read = AutoTokenizer.from_pretrained(tokenizer)
    read.save_pretrained(folder)
    DistilBertForMaskedLM(DistilBertConfig(vocab_size=len(read))).save_pretrained(folder)
    return str(folder)


def score(folder: Path, checkpoint: str) -> float:
    """Score all shipped probes into a run folder; returns the seconds that it took."""
    scorer, probes = load_scorer(checkpoint, Options(offline=True)), load_probes(())
    recipe = make_recipe(scorer.checkpoint.info, probes, Options(), "cpu", "benchmark")
    run, start = RunFolder.open(folder, recipe), time.perf_counter()
    for probe in probes:
        for index, prompts in enumerate(chunks(probe)):
            run.write_chunk(probe, index, prompts, scorer.score(prompts, probe.targets.words))
    return time.perf_counter() - start


def statistics(folder: Path) -> None:
    """Read the scores back and measure them; prints the seconds by probe, their sum, and the peak of memory."""
    recipe = read_recipe(folder)
    assert recipe is not None
    run, total = RunFolder(folder, recipe), 0.0
    for probe in load_probes(()):
        start = time.perf_counter()
        measure(probe, tabulate(probe, run.read_scores(probe, sum(1 for _ in chunks(probe)))))
        seconds = time.perf_counter() - start
        total += seconds
        print(f"  {probe.name:28} {seconds:6.1f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"statistics  {total:6.1f} s, at most {peak:.2f} GiB")


def main() -> None:
    """Score and measure, and print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokenizer", help="a checkpoint's folder")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        return statistics(arguments.measure)
    prompts = sum(map(count_prompts, load_probes(())))
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {prompts:,} prompts")
    with tempfile.TemporaryDirectory() as made:
        seconds = score(Path(made) / "run", model(Path(made) / "model", arguments.tokenizer))
        print(f"scoring     {seconds:6.1f} s", flush=True)
        command = [sys.executable, __file__, arguments.tokenizer, "--measure", str(Path(made) / "run")]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
