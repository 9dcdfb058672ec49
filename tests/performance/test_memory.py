"""Memory stays the same however many prompts there are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).with_name("memory.py")


@pytest.mark.slow
def test_ten_times_the_prompts_take_no_more_memory():
    """From the YAML to the saved audit, with scores of no model, at most 1.10 times the peak."""
    command = [sys.executable, str(BENCHMARK), "--fake", "--prompts", "4000", "40000", "--words", "50"]
    done = subprocess.run(command, capture_output=True, text=True)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
