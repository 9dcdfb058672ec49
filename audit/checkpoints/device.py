"""Which device a checkpoint computes on, and with how many threads."""

from __future__ import annotations

import torch

from audit.errors import CheckpointError, UsageError, first_line


def choose_device(name: str) -> torch.device:
    """The device of that name, tried; `auto` is the first GPU, else the CPU. Raises UsageError or CheckpointError."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"--device {name}: no such kind of device: try auto, cpu, cuda or mps") from error
    if device.type not in ("cpu", "cuda", "mps", "xpu"):
        raise UsageError(f"--device {name}: maskaudit can't compute there: try auto, cpu, cuda or mps")
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise CheckpointError(
            f"--device {name}: this machine doesn't have it ({first_line(error)}): try --device cpu"
        ) from error
    return device


def use_threads(count: int) -> None:
    """Compute with that many CPU threads in this process, whatever its environment says."""
    torch.set_num_threads(count)
