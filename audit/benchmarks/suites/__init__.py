"""Published benchmarks of bias in masked language models, each in a file of its own: the authors' arithmetic and a
corrected one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audit.benchmarks.definition import BenchmarkDefinition

NAMES = ("crows-pairs", "aul", "bec-pro", "gest", "honest", "winobias", "winogender", "stereoset")
"""Benchmarks that give scores; `holistic-bias` gives probes instead."""


def load_suite(name: str) -> BenchmarkDefinition:
    """The benchmark of one of `NAMES`."""
    import importlib

    if name not in NAMES:
        raise ValueError(f"{name!r} is not one of {', '.join(NAMES)}")
    module = importlib.import_module(f"audit.benchmarks.suites.{name.replace('-', '_')}")
    found: BenchmarkDefinition = module.BENCHMARK
    return found
