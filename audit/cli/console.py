"""Prints to stdout and stderr, and reports output that can't be written."""

from __future__ import annotations

import os
import sys


def say(text: str) -> None:
    """Print a result. A reader that stops early (`| head`) is no error."""
    from probes.faults import printable

    try:
        print(printable(text))
    except BrokenPipeError:
        _drop_output()


def complain(text: str) -> None:
    """Print a message to stderr; it may quote untrusted names."""
    from probes.faults import printable

    print(printable(text), file=sys.stderr)


def _drop_output() -> None:
    """Discard what is still to be printed, so that it fails no more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def flush_output(status: int) -> int:
    """Flush stdout and return the status, or 4 where it can't be written."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
    except OSError as error:
        _drop_output()
        complain(f"maskaudit: the output can't be written ({error.strerror})")
        return 4
    return status
