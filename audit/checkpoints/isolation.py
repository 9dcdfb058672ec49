"""Loading without side effects: transformers' messages muted, random state and precision settings restored."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Without transformers' own warnings and bars: what matters of them is checked here and said once."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


@contextmanager
def undisturbed() -> Iterator[None]:
    """While open, checkpoints may be loaded and asked in a process that trains. Afterwards the random numbers of
    Python, numpy and torch go on where they were, and matrices are multiplied as precisely as before."""
    drawn, drawn_numpy = random.getstate(), np.random.get_state()
    settings, precisions = _tf32(), [part.fp32_precision for part in _parts()]
    try:
        with torch.random.fork_rng([torch.cuda.current_device()] if torch.cuda.is_initialized() else []):  # type: ignore[no-untyped-call]
            yield
    finally:
        random.setstate(drawn)
        np.random.set_state(drawn_numpy)
        if settings:
            torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = settings
        for part, precision in zip(_parts(), precisions, strict=True):
            part.fp32_precision = precision


def _tf32() -> tuple[bool, bool] | None:
    """torch's older settings of TF32; None where they can't be read because the newer ones were used."""
    try:
        return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    except RuntimeError:
        return None


def _parts() -> tuple[Any, ...]:
    """What has a precision of its own that loading a checkpoint may change."""
    cudnn: Any = torch.backends.cudnn  # whose types leave these two out
    return torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn
