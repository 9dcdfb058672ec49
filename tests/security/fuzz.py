"""Bytes that nobody would write through the readers of strangers' files, led by what they reach: by atheris, and as the
target of the suite's own tests.

`python tests/security/fuzz.py yaml|csv|policy SECONDS` (with atheris installed) adds to `corpus/`, a file a reader,
what reaches lines that nothing before did. What is found wrong ends it. In 0 seconds, for which atheris isn't needed,
only what is in `corpus/` is tried.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
SECONDS = 3.0
"""Of computing that no input may take, on a machine that is shared."""
LARGEST = 1024
"""Bytes of an input."""
KEPT = 200
"""Inputs that are kept of a reader."""


def read_yaml(data: bytes) -> None:
    """A probe."""
    from probes.load import _read_probe

    _read_probe("x.yaml", data, CORPUS)


def read_csv(data: bytes) -> None:
    """A word list."""
    from probes.lexicon import read_lexicon

    read_lexicon("x", "x.csv", data)


def read_policy(data: bytes) -> None:
    """A policy."""
    from audit.policy.schema import load_policy

    with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
        file.write(data)
        file.flush()
        load_policy(file.name)


READERS: dict[str, Callable[[bytes], None]] = {"yaml": read_yaml, "csv": read_csv, "policy": read_policy}


def tried(name: str, data: bytes) -> None:
    """Read it. Raises what isn't a fault with a place, and AssertionError where a fault has none or it takes long."""
    from probes.faults import FaultyFile

    started = time.process_time()
    try:
        READERS[name](data)
    except FaultyFile as error:
        faults = error.faults
    else:
        faults = ()
    assert all(fault.line >= 1 and fault.column >= 1 for fault in faults), faults
    assert not any("\n" in str(fault) or "\x1b" in str(fault) for fault in faults), faults
    assert time.process_time() - started < SECONDS, "too long"


def corpus(name: str) -> list[bytes]:
    """What was found for a reader."""
    file = CORPUS / f"{name}.json"
    return [text.encode("latin-1") for text in json.loads(file.read_text())] if file.exists() else []


def main(name: str, seconds: str) -> int:
    """Search for so many seconds, and keep the shortest of the inputs that reached something new; the exit status of
    the search."""
    if not float(seconds):
        for data in (known := corpus(name) or _seeds(name)):
            tried(name, data)
        print(f"{len(known)} inputs are read or refused")
        return 0
    with tempfile.TemporaryDirectory() as found:
        for n, data in enumerate(corpus(name) or _seeds(name)):
            Path(found, str(n)).write_bytes(data)
        status = _fuzz(name, found, f"-max_total_time={seconds}")
        if status == 0:
            new = {path.read_bytes() for path in Path(found).iterdir()}
            kept = [data.decode("latin-1") for data in sorted(new, key=lambda data: (len(data), data))[:KEPT]]
            CORPUS.mkdir(exist_ok=True)
            (CORPUS / f"{name}.json").write_text(json.dumps(kept, indent=0) + "\n")
        return status


def _fuzz(name: str, *arguments: str) -> int:
    """In a process of its own, for the fuzzer ends it."""
    return subprocess.run([sys.executable, __file__, "fuzz", name, f"-max_len={LARGEST}", *arguments]).returncode


def fuzz(name: str, *arguments: str) -> None:
    """Hand the reader to the fuzzer with its own arguments."""
    import atheris

    with atheris.instrument_imports(include=["probes", "audit", "yaml"]):
        import probes.load  # noqa: F401
    atheris.Setup([__file__, *arguments], lambda data: tried(name, data))
    atheris.Fuzz()


def _seeds(name: str) -> list[bytes]:
    """Files that can be read."""
    import probes
    from probes.load import starter

    if name == "csv":
        return [path.read_bytes()[:LARGEST] for path in (Path(probes.__file__).parent / "lexicons").glob("*.csv")]
    if name == "policy":
        limit = b"  - {name: far, metric: js_divergence_bits, fails_when: {low_above: 0.1}, level: [a]}\n"
        return [b"policy: gate\nversion: 1\nlimits:\n" + limit]
    whole = "\n".join(line.partition(" #")[0] for line in starter("x").splitlines() if not line.startswith("#"))
    return [whole.encode()]


if __name__ == "__main__":
    if sys.argv[1] == "fuzz":
        fuzz(*sys.argv[2:])
    sys.exit(main(*sys.argv[1:]))
