"""Makes the recipe of a run, with the versions of the packages that compute it; its default folder and command."""

from __future__ import annotations

import platform
import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from audit.options import MAX_CHUNK, MAX_PROMPTS, Options
from audit.results.recipe import CheckpointInfo, Recipe, RequestedSettings
from audit.results.recipe import ProbeSource as ProbeSource
from audit.runs.selection import ProbeNames, list_names
from audit.storage.recipe import probe_again
from audit.storage.redaction import redact
from probes.probe import Probe

CHUNK = 512
"""Prompts in a chunk of scores on a CPU: what a kill can cost."""
GPU_CHUNK = MAX_CHUNK
"""The same on anything faster."""


def default_folder(checkpoint: str) -> Path:
    """`runs/` and the checkpoint's name as a folder's name."""
    name = Path(checkpoint).resolve().name if Path(checkpoint).is_dir() else checkpoint
    return Path("runs") / (re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.") or "run")


def make_recipe(
    checkpoint: CheckpointInfo,
    probes: Sequence[Probe],
    options: Options,
    device: str,
    command: str,
    requested: str = "",
) -> Recipe:
    """The recipe of a run; `requested` is the checkpoint as given."""
    head = redact(options.mlm_head_from) if options.mlm_head_from else None
    return Recipe(
        command=command,
        started=now(),
        probes=tuple(map(_source, probes)),
        checkpoint=checkpoint,
        dtype=options.dtype,
        device=device.partition(":")[0],  # which of several alike makes no difference
        top_k=options.top_k,
        multi_token=options.multi_token,
        seed=options.seed,
        chunk=CHUNK if device == "cpu" else GPU_CHUNK,
        versions=versions(),
        asked=RequestedSettings(redact(requested), head, options.batch_tokens) if requested else None,
    )


def _source(probe: Probe) -> ProbeSource:
    source = ProbeSource(probe.name, probe.sha256, probe.source, probe.targets.name, len(probe.targets.words))
    return source if probe_again(source) else replace(source, own_words=probe.targets.words)


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def versions() -> tuple[tuple[str, str], ...]:
    """(package, version) of each package that scores depend on, maskaudit first."""
    packages = ("maskaudit", "torch", "transformers", "tokenizers", "numpy", "scipy")
    return (*((name, metadata.version(name)) for name in packages), ("python", platform.python_version()))


def repeat_command(checkpoint: str, probes: ProbeNames, options: Options, max_prompts: int = MAX_PROMPTS) -> str:
    """The command line of the run: the checkpoint, its probes, and every option that isn't the default."""
    words = ["maskaudit", "run", checkpoint]
    for probe in list_names(probes):
        words += ["--probe", str(probe)]
    words += ["--max-prompts", str(max_prompts)] if max_prompts != MAX_PROMPTS else []
    return redact(shlex.join([*words, *options.flags()]))
