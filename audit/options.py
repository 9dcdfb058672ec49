"""How a checkpoint is loaded and asked: the choices of a run with their defaults, for the command and for Python."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args

Dtype = Literal["float32", "bfloat16", "float16", "int8"]
DTYPES: tuple[str, ...] = get_args(Dtype)
"""What can be computed in."""
EngineName = Literal["local", "ray"]
ENGINES: tuple[str, ...] = get_args(EngineName)
"""What can make the scores: this process, or a Ray cluster."""
MAX_TOP_K = 1000
"""Predictions that can be kept of a prompt."""
MAX_CHUNK = 8192
"""Prompts that are scored together, and that a kill can cost: as many on a GPU."""
MAX_PROMPTS = 1_000_000
"""A run of more prompts has to be allowed explicitly."""


@dataclass(frozen=True)
class Options:
    """How a checkpoint is loaded and asked; the defaults are the command's."""

    revision: str | None = None
    device: str = "auto"
    dtype: Dtype = "float32"
    top_k: int = 10
    multi_token: bool = False
    batch_tokens: int | None = None
    offline: bool = False
    allow_pickle: bool = False
    trust_remote_code: bool = False
    mlm_head_from: str | None = None
    seed: int = 0
    """Of the resampling behind intervals and nulls; scores don't depend on it."""

    def flags(self) -> list[str]:
        """The options of the command that differ from their defaults, as words."""
        words: list[str] = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                flag = f"--{field.name.replace('_', '-')}"
                words += [flag] if value is True else [flag, str(value)]
        return words
