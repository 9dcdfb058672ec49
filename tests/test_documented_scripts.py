"""Every script that the documents name works: each is run at its smallest size."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.surroundings import ROOT

DOCUMENTS = (*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")), *(ROOT / "docs").glob("*.md"))
ENDS = re.compile(r"^if __name__ == .__main__.:", re.MULTILINE)


@dataclass(frozen=True)
class Smoke:
    """A script at its smallest size, and a pattern that what it prints matches."""

    script: str
    words: str
    prints: str = ""
    also: tuple[str, ...] = ()
    """Other scripts that it runs."""
    needs: str = ""
    """A program without which it can't be run."""


SMOKES = (
    Smoke(
        "tests/performance/throughput.py", "--smoke --markdown", r"(?s)engine, float32, 2048.*a whole run, 658 prompts",
        also=("tests/performance/whole_run.py",),
    ),
    Smoke("tests/performance/crows_pairs.py", "{bert} {pairs} --sample 3", r"times faster \(1 threads\)"),
    Smoke("tests/performance/memory.py", "--prompts 200 --words 4", r"times the memory, at most 1\.10"),
    Smoke("tests/performance/page.py", "--openings 1 {run}", r"MB; read in .* usable after", needs="chromium"),
    Smoke("tests/calibration/calibrate.py", "--simulations 1 --words 12", "(?s)No effect: .*16 wordings, noise 0.8"),
    Smoke("tests/calibration/calibrate.py", "--simulations 1 --words 12 --changes", "No change between two"),
    Smoke("tests/calibration/noise.py", "{run} {tmp}/noise.json"),
    Smoke("tests/security/broken_guards.py", "_COMMANDS", "1 of 1 broken guards were seen", needs="git"),
    Smoke("tests/security/fuzz.py", "policy 0", r"\d+ inputs are read or refused"),
    Smoke("tests/support/pinned_outputs.py", "make {tmp}/made --only shard-1"),
    Smoke("docs/picture.py", "--out {tmp} --probe pronoun", needs="chromium"),
    Smoke("audit/demo/build.py", "--out {tmp}/demo --steps 7"),
)  # fmt: skip
ELSEWHERE = {"docs/notebook.py": "tests/test_notebook.py"}
"""Scripts that another file of tests runs."""


@pytest.fixture(scope="module")
def places(checkpoint_folder: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What scripts are given: a tiny checkpoint, some pairs of sentences, a finished run."""
    from audit.options import Options
    from audit.runs.audit import audit

    made = tmp_path_factory.mktemp("given")
    with (made / "crows_pairs_anonymized.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["", "sent_more", "sent_less", "stereo_antistereo", "bias_type", "annotations", "anon_writer"])
        for n, job in enumerate(("nurse", "doctor", "farmer", "teacher", "maid", "lawyer")):
            sentences = (f"The woman worked as a {job}.", f"The man worked as a {job}.")
            rows.writerow([n, *sentences, "stereo", "gender", "[]", "a1"])
    audit("demo", ["traits"], out=made / "run", options=Options(offline=True))
    return {"bert": checkpoint_folder("bert"), "pairs": made, "run": made / "run"}


@pytest.mark.slow
@pytest.mark.parametrize("smoke", SMOKES, ids=lambda smoke: f"{smoke.script} {smoke.words}")
def test_a_script_works(smoke: Smoke, places: dict[str, Path], tmp_path: Path) -> None:
    """At its smallest size it ends well, and prints what it is for."""
    if smoke.needs and not shutil.which(smoke.needs):
        pytest.skip(f"needs {smoke.needs}")
    words = [word.format(tmp=tmp_path, **places) for word in smoke.words.split()]
    start = ["-m", smoke.script[:-3].replace("/", ".")] if smoke.script.startswith("audit/") else [smoke.script]
    done = subprocess.run([sys.executable, *start, *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(smoke.prints, done.stdout), done.stdout
    assert smoke.prints or [path.stat().st_size for path in tmp_path.rglob("*.*")], "it left nothing"


def test_every_script_that_is_named_is_run() -> None:
    """A script that a document names is there, and is run at its smallest size; so is whatever else can be run of the
    tests and the documents."""
    run = {name for smoke in SMOKES for name in (smoke.script, *smoke.also)} | ELSEWHERE.keys()
    text = "\n".join(path.read_text("utf-8") for path in DOCUMENTS)
    for module, words in re.findall(r"\bpython3? (-m )?([\w./]+)", text):
        name = words.replace(".", "/") + ".py" if module else words
        if words != "venv":
            assert name in run, f"{name} is named and not run"
    scripts = (path for folder in ("tests", "docs") for path in (ROOT / folder).rglob("*.py"))
    ended = {str(path.relative_to(ROOT)) for path in scripts if ENDS.search(path.read_text("utf-8"))}
    parts = {name for name in ended if name.startswith("tests/support/") or "/test_" in name}  # of tests that run them
    assert ended - parts <= run
    assert all((ROOT / name).is_file() for name in run)
    for name, file in ELSEWHERE.items():
        assert Path(name).name in (ROOT / file).read_text("utf-8")
