"""Progress callback protocol: what a long run reports while it works."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the progress of a run."""

    def begin(self, prompts: int) -> None:
        """The run begins; it has that many prompts in all."""

    def advance(self, probe: str, prompts: int) -> None:
        """That many more prompts of the probe are scored, now or by an earlier call."""

    def measure(self, probe: str) -> None:
        """The probe is being measured from its scores."""

    def note(self, text: str) -> None:
        """A message to show."""
