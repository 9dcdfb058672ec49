"""Progress callback protocol: what a long run reports while it works."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Who is told how far a run is."""

    def begin(self, prompts: int) -> None:
        """The run has that many prompts in all."""

    def advance(self, probe: str, prompts: int) -> None:
        """That many prompts of the probe are done, or were found done."""

    def measure(self, probe: str) -> None:
        """The probe's numbers are made of its scores."""

    def note(self, text: str) -> None:
        """Something worth knowing while waiting."""
