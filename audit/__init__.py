"""From prompts to numbers: `audit` runs a checkpoint under probes, `load_audit` reads a finished run.

Importing this loads neither torch nor transformers; `audit` does when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audit.errors import AuditError, CheckpointError, IncompleteError, UsageError
    from audit.result import Audit
    from audit.run import audit
    from audit.store import load_audit

__all__ = ["Audit", "AuditError", "CheckpointError", "IncompleteError", "UsageError", "audit", "load_audit"]

_HOMES = {"Audit": "audit.result", "audit": "audit.run", "load_audit": "audit.store"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that importing the package stays cheap."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES.get(name, "audit.errors")), name)
