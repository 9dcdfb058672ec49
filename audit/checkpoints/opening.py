"""Opens a checkpoint as `Options` say, with a borrowed masked-LM head where it has none of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from audit.checkpoints.hub import CheckpointSource
from audit.errors import NoHeadError
from audit.options import Options

if TYPE_CHECKING:
    from audit.checkpoints.model import Checkpoint


Loaded = TypeVar("Loaded")


def borrowing(load: Callable[[str, Options], Loaded], checkpoint: str, options: Options) -> tuple[Loaded, Options]:
    """One of several checkpoints, and the options that it was loaded by: another's head is borrowed only where there is
    none, and `name@revision` names a revision of a hub checkpoint. Raises what `load` does."""
    name, _, revision = checkpoint.partition("@") if not Path(checkpoint).exists() else (checkpoint, "", "")
    own = replace(options, mlm_head_from=None, revision=revision or None)
    try:
        return load(name, own), own
    except NoHeadError:
        if options.mlm_head_from is None:
            raise
    grafted = replace(own, mlm_head_from=options.mlm_head_from)
    return load(name, grafted), grafted


def find_checkpoint(checkpoint: str, options: Options) -> None:
    """Raise CheckpointError where there is no such checkpoint, before anything is loaded."""
    name, _, revision = checkpoint.partition("@") if not Path(checkpoint).exists() else (checkpoint, "", "")
    CheckpointSource(
        name, revision or options.revision, options.offline, options.allow_pickle, options.trust_remote_code
    ).folder()


def load_as_asked(checkpoint: str, options: Options) -> Checkpoint:
    """The checkpoint, loaded as the options say. Raises CheckpointError."""
    from audit.checkpoints.load import load_checkpoint

    return load_checkpoint(
        checkpoint,
        revision=options.revision,
        device=options.device,
        dtype=options.dtype,
        offline=options.offline,
        allow_pickle=options.allow_pickle,
        trust_remote_code=options.trust_remote_code,
        mlm_head_from=options.mlm_head_from,
    )
