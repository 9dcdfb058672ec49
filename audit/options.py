"""How a checkpoint is loaded and asked: the choices of a run with their defaults, for the command and for Python."""

from __future__ import annotations

from dataclasses import dataclass, fields

DTYPES = ("float32", "bfloat16", "float16", "int8")
"""What can be computed in."""
MOST_ANSWERS = 1000
"""Of a prompt, that can be kept."""
MOST_IN_CHUNK = 8192
"""Prompts that are scored together, and a kill can cost: as many on a GPU."""
MAX_PROMPTS = 1_000_000
"""A run of more prompts has to be asked for."""


@dataclass(frozen=True)
class Options:
    """How a checkpoint is loaded and asked; the defaults are the command's."""

    revision: str | None = None
    device: str = "auto"
    dtype: str = "float32"
    top_k: int = 10
    multi_token: bool = False
    batch_tokens: int | None = None
    offline: bool = False
    allow_pickle: bool = False
    trust_remote_code: bool = False
    mlm_head_from: str | None = None
    seed: int = 0
    """Of what is drawn at random when intervals and nulls are made; scores don't depend on it."""

    def flags(self) -> list[str]:
        """The options of the command that differ from their defaults, as words."""
        words: list[str] = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                flag = f"--{field.name.replace('_', '-')}"
                words += [flag] if value is True else [flag, str(value)]
        return words
