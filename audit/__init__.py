"""From prompts to numbers: `audit` runs probes on a checkpoint, `compare` compares checkpoints with a base, `benchmark`
computes a published benchmark, `repeat` repeats a run from its recipe; `load_audit`, `load_comparison` and
`load_benchmark` read what was saved.

Importing this package loads neither torch nor transformers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audit.benchmarks.run import benchmark
    from audit.benchmarks.store import load_benchmark
    from audit.comparisons.compare import compare
    from audit.comparisons.store import load_comparison
    from audit.errors import AuditError, CheckpointError, IncompleteError, UsageError
    from audit.options import Options
    from audit.results.audit import Audit
    from audit.results.benchmark import Benchmark
    from audit.results.comparison import Comparison
    from audit.runs.audit import audit
    from audit.runs.reproduce import repeat
    from audit.runs.shards import merge, score_shard
    from audit.storage.saved_audit import load_audit

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
    "Audit": "audit.results.audit",
    "Benchmark": "audit.results.benchmark",
    "Comparison": "audit.results.comparison",
    "Options": "audit.options",
    "audit": "audit.runs.audit",
    "benchmark": "audit.benchmarks.run",
    "compare": "audit.comparisons.compare",
    "load_audit": "audit.storage.saved_audit",
    "load_benchmark": "audit.benchmarks.store",
    "load_comparison": "audit.comparisons.store",
    "merge": "audit.runs.shards",
    "repeat": "audit.runs.reproduce",
    "score_shard": "audit.runs.shards",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that importing the package stays cheap."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES.get(name, "audit.errors")), name)
