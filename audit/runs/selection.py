"""Chosen probes: names or files -> loaded probes, counted before any prompt is made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from audit.errors import UsageError
from audit.options import MAX_PROMPTS
from probes.expand import count_prompts, factors
from probes.load import load_probe, shipped
from probes.probe import Probe

ProbeNames = str | Path | Sequence[str | Path]
"""Names of shipped probes, or files; one may be given by itself."""


def listed(probes: ProbeNames) -> list[str | Path]:
    """The names, one by itself too, as a list."""
    return [probes] if isinstance(probes, str | Path) else list(probes)


def load_probes(names: Sequence[str | Path], max_prompts: int = MAX_PROMPTS) -> list[Probe]:
    """The probes of those names or files (all that are shipped, if none), counted before any prompt is made.

    Raises ProbeError for a faulty file, UsageError for two probes of one name or more than `max_prompts` prompts.
    """
    return counted([load_probe(name) for name in names or shipped()], max_prompts)


def counted(loaded: list[Probe], max_prompts: int) -> list[Probe]:
    """The probes, if they can be asked together in so many prompts. Raises UsageError."""
    for probe in loaded:
        if sum(other.name == probe.name for other in loaded) > 1:
            raise UsageError(f"two probes are called {probe.name!r}: change `probe:` in one of them")
        if count_prompts(probe) == 0:
            raise UsageError(f"{probe.name}: `exclude` leaves no prompt: remove a rule")
    total = sum(map(count_prompts, loaded))
    if total > max_prompts:
        each = "\n".join(f"  {probe.name}: {factors(probe)}" for probe in loaded)
        mend = "drop forms or templates, or raise --max-prompts"
        raise UsageError(f"{total:,} prompts, more than --max-prompts {max_prompts:,}: {mend}\n{each}")
    return loaded
