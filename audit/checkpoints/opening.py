"""Which revision of a checkpoint to open, and under which masked-LM head where it has none. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from audit.checkpoints.hub import find_source
from audit.errors import NoHeadError
from audit.options import Options

Loaded = TypeVar("Loaded")


def load_with_borrowed_head(
    load: Callable[[str, Options], Loaded], checkpoint: str, options: Options
) -> tuple[Loaded, Options]:
    """One of several checkpoints, and the options that it was loaded with.

    `options.mlm_head_from` is used only where the checkpoint has no head, and `name@revision` names a revision of a hub
    checkpoint. Raises what `load` does.
    """
    name, revision = _split_revision(checkpoint)
    own = replace(options, mlm_head_from=None, revision=revision)
    try:
        return load(name, own), own
    except NoHeadError:
        if options.mlm_head_from is None:
            raise
    grafted = replace(own, mlm_head_from=options.mlm_head_from)
    return load(name, grafted), grafted


def check_exists(checkpoint: str, options: Options) -> None:
    """Raise CheckpointError where there is no such checkpoint, before any weights are loaded."""
    name, revision = _split_revision(checkpoint)
    find_source(name, replace(options, revision=revision or options.revision))


def _split_revision(checkpoint: str) -> tuple[str, str | None]:
    """Name and revision of `name@revision`; an existing path has no revision."""
    name, _, revision = checkpoint.partition("@") if not Path(checkpoint).exists() else (checkpoint, "", "")
    return name, revision or None
