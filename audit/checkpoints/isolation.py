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
    """While open, transformers shows no warnings and no progress bars: what matters of them is checked by maskaudit."""
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
def preserve_training_state() -> Iterator[None]:
    """While open, checkpoints may be loaded and scored in a process that trains. Afterwards the random state of Python,
    numpy and torch and the precision settings are what they were."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    tf32, precisions = _tf32(), [part.fp32_precision for part in _precision_settings()]
    try:
        with torch.random.fork_rng([torch.cuda.current_device()] if torch.cuda.is_initialized() else []):  # type: ignore[no-untyped-call]
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        if tf32:
            torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = tf32
        for part, precision in zip(_precision_settings(), precisions, strict=True):
            part.fp32_precision = precision


def _tf32() -> tuple[bool, bool] | None:
    """torch's older settings of TF32; None where they can't be read because the newer ones were used."""
    try:
        return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    except RuntimeError:
        return None


def _precision_settings() -> tuple[Any, ...]:
    """The backends with a precision setting that loading a checkpoint may change."""
    cudnn: Any = torch.backends.cudnn  # its type stubs leave these two out
    return torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn
