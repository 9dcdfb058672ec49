"""Loads the probes of a run from their names or files, and counts their prompts before any is made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from audit.errors import UsageError
from audit.options import MAX_PROMPTS
from probes.expand import count_prompts, factors
from probes.load import load_probe, shipped_probes
from probes.probe import Probe

ProbeNames = str | Path | Sequence[str | Path]
"""Names of shipped probes, or files; a single one needs no list."""


def list_names(probes: ProbeNames) -> list[str | Path]:
    """The names as a list, a single one too."""
    return [probes] if isinstance(probes, str | Path) else list(probes)


def load_probes(names: ProbeNames, max_prompts: int = MAX_PROMPTS) -> list[Probe]:
    """The probes of those names or files, or all that are shipped if there are none.

    Raises ProbeError for a faulty file, UsageError for two probes of one name or more than `max_prompts` prompts.
    """
    return check_probes([load_probe(name) for name in list_names(names) or shipped_probes()], max_prompts)


def check_probes(probes: list[Probe], max_prompts: int) -> list[Probe]:
    """The probes, if they can be run together. Raises UsageError as `load_probes`."""
    for probe in probes:
        if sum(other.name == probe.name for other in probes) > 1:
            raise UsageError(f"two probes are called {probe.name!r}: change `probe:` in one of them")
        if count_prompts(probe) == 0:
            raise UsageError(f"{probe.name}: `exclude` leaves no prompt: remove a rule")
    total = sum(map(count_prompts, probes))
    if total > max_prompts:
        each = "\n".join(f"  {probe.name}: {factors(probe)}" for probe in probes)
        mend = "drop forms or templates, or raise --max-prompts"
        raise UsageError(f"{total:,} prompts, more than --max-prompts {max_prompts:,}: {mend}\n{each}")
    return probes
