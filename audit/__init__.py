"""From prompts to numbers: `audit` runs a checkpoint under probes, `compare` holds checkpoints against a base,
`benchmark` asks them a published benchmark; `repeat` makes a run again from its recipe;
`load_audit`, `load_comparison` and `load_benchmark` read what was saved.

Importing this loads neither torch nor transformers; those do when they need a model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audit.benchmark_store import load_benchmark
    from audit.benchmarking import benchmark
    from audit.benchmarks.result import Benchmark
    from audit.comparing import compare
    from audit.comparison import Comparison
    from audit.comparison_store import load_comparison
    from audit.errors import AuditError, CheckpointError, IncompleteError, UsageError
    from audit.options import Options
    from audit.repeating import repeat
    from audit.result import Audit
    from audit.run import audit
    from audit.shards import merge, score_shard
    from audit.store import load_audit

__all__ = [
    "Audit",
    "AuditError",
    "Benchmark",
    "CheckpointError",
    "Comparison",
    "IncompleteError",
    "Options",
    "UsageError",
    "audit",
    "benchmark",
    "compare",
    "load_audit",
    "load_benchmark",
    "load_comparison",
    "merge",
    "repeat",
    "score_shard",
]

_HOMES = {
    "Audit": "audit.result",
    "Benchmark": "audit.benchmarks.result",
    "Comparison": "audit.comparison",
    "Options": "audit.options",
    "audit": "audit.run",
    "benchmark": "audit.benchmarking",
    "compare": "audit.comparing",
    "load_audit": "audit.store",
    "load_benchmark": "audit.benchmark_store",
    "load_comparison": "audit.comparison_store",
    "merge": "audit.shards",
    "repeat": "audit.repeating",
    "score_shard": "audit.shards",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that importing the package stays cheap."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES.get(name, "audit.errors")), name)
