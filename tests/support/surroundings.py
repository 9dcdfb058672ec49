"""What tests say of themselves and give to the processes that they start: counts, and the guard against the network."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

Tried = Callable[[str, int], None]
"""`tried("hostile inputs", 80)`: so many were tried in this test; `COUNTED` has the kinds."""

COUNTED = ("hostile inputs", "faults injected")
"""What tests count with `tried`, and the end of the suite's report adds up."""

ROOT = Path(__file__).parents[2]
"""The folder of the project."""

GUARD = str(Path(__file__).parent / "guard")
"""The folder of what refuses processes the network."""


def with_paths(*folders: Path) -> str:
    """PYTHONPATH of a process that a test starts, with these folders first, then the tests, and the guard."""
    return os.pathsep.join([*map(str, folders), str(ROOT / "tests"), os.environ["PYTHONPATH"]])
