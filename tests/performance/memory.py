"""Whether memory stays the same where prompts get many: `python tests/performance/memory.py`.

Two probes that differ in how many names their groups have, and so in their prompts, are audited in a process each, from
the YAML to the page. Prints the peak of resident memory of both, what of it was anonymous (and not files that are
mapped, such as libraries and weights), and exits 1 where the larger takes over 1.10 times the memory of the smaller.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

# Here nothing of the project is imported: what a process inherits at its start counts as memory that it had.

MOST = 1.10
"""Times the memory of the smaller audit that the larger may take."""
TEMPLATES = 10
TWO, INVENTED, AGES = 2, 2, 2
"""Levels with names, invented names, and levels of the other axis, all of which are crossed."""
ROOT = Path(__file__).parents[2]


def probe(prompts: int, words: int) -> str:
    """The YAML of a probe with that many prompts, or up to 39 fewer, and the first one-word jobs of the shipped list.

    Every level has a tenth of the names at a tenth of the prompts; names are of three syllables, and none is twice.
    """
    forms = (prompts // (TEMPLATES * AGES) - INVENTED) // TWO
    syllables = ["".join(pair) for pair in itertools.product("bdfgklmnprstvz", "aeiou")]
    names = [
        "".join(three).capitalize() for three in itertools.islice(itertools.product(syllables, repeat=3), TWO * forms)
    ]
    with (ROOT / "probes" / "lexicons" / "occupations.csv").open(encoding="utf-8") as file:
        jobs = [row["word"] for row in csv.DictReader(file) if row["word"].isalpha()][:words]
    return "\n".join([
        "probe: many", "version: 1", "title: Many names", "question: Who gets which job?",
        "measures: A made probe for a benchmark.", "axes:",
        "  GROUP:", "    title: Group", "    reference: first", "    placebo: [Trelvian, Molvic]", "    levels:",
        f"      first: [{', '.join(names[::TWO])}]", f"      second: [{', '.join(names[1::TWO])}]",
        "  AGE:", "    title: Age", "    reference: young", "    levels:", "      young: [young]", "      old: [old]",
        "templates:", *(f"  - In year {n} the [AGE] [GROUP] was a [MASK]." for n in range(TEMPLATES)),
        f"targets: [{', '.join(jobs)}]", "",
    ])  # fmt: skip


def whole_audit(folder: Path, checkpoint: str, prompts: int) -> None:
    """`maskaudit run` with the folder's probe, into the folder."""
    from audit.cli.app import main

    limits = ["--max-prompts", str(prompts), "--offline"]
    if status := main(["run", checkpoint, "--probe", str(folder / "many.yaml"), "--out", str(folder / "run"), *limits]):
        sys.exit(status)


def without_a_model(folder: Path, prompts: int) -> None:
    """The same with scores of no model: all but the scoring and the page."""
    sys.path.insert(0, str(ROOT / "tests"))
    from support.fakes import INFO, FakeScorer

    from audit.options import Options
    from audit.runs.audit import audit_with_scorer
    from audit.runs.recipe import make_recipe
    from audit.runs.selection import load_probes
    from audit.storage.run_folder import RunFolder

    probes = load_probes([folder / "many.yaml"], prompts)
    recipe = make_recipe(INFO, probes, Options(), "cpu", "benchmark")
    audit_with_scorer(FakeScorer(), probes, RunFolder.open(folder / "run", recipe))


class Anonymous(threading.Thread):
    """The most anonymous memory of this process that was seen, in MiB, looked at ten times a second; 0 where the
    system doesn't tell."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most = 0.0

    def run(self) -> None:
        """Look, until the process ends."""
        status = Path("/proc/self/status")
        while status.exists():
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
            self.most = max(self.most, int(lines["RssAnon"].split()[0]) / 2**10)
            time.sleep(0.1)


def audited(folder: Path, checkpoint: str | None, prompts: int) -> None:
    """Audit the folder's probe in this process, and print its peak memory in MiB: resident, anonymous."""
    looking = Anonymous()
    looking.start()
    if checkpoint is None:
        without_a_model(folder, prompts)
    else:
        whole_audit(folder, checkpoint, prompts)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    print(json.dumps([resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, looking.most]))


def peak(prompts: int, arguments: argparse.Namespace) -> float:
    """The peak of resident memory, in MiB, of an audit with that many prompts in a fresh process; prints it."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "many.yaml").write_text(probe(prompts, arguments.words), encoding="utf-8")
        command = [sys.executable, __file__, "--audit", folder, "--prompts", str(prompts)]
        command += ["--fake"] if arguments.fake else ["--checkpoint", arguments.checkpoint]
        start = time.perf_counter()
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        resident, anonymous = json.loads(done.stdout.splitlines()[-1])
    took = time.perf_counter() - start
    print(f"{prompts:9,} prompts: {resident:7.1f} MiB, {anonymous:7.1f} of them anonymous, {took:6.1f} s", flush=True)
    return float(resident)


def main() -> int:
    """Audit both, print both and their ratio; 1 where that is over `MOST`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, nargs="+", default=[20_000, 200_000], help="of the smaller, the larger")
    parser.add_argument("--words", type=int, default=30, help="in the list of answers")
    parser.add_argument("--checkpoint", default="demo", help="what is audited")
    parser.add_argument("--fake", action="store_true", help="without a model: all but the scoring and the page")
    parser.add_argument("--audit", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.audit:
        audited(arguments.audit, None if arguments.fake else arguments.checkpoint, arguments.prompts[0])
        return 0
    peaks = [peak(prompts, arguments) for prompts in sorted(arguments.prompts)]
    ratio = peaks[-1] / peaks[0]
    print(f"{ratio:.3f} times the memory, at most {MOST:.2f}")
    return int(ratio > MOST)


if __name__ == "__main__":
    sys.exit(main())
