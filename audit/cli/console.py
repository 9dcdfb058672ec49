"""What the command says on stdout and stderr, and whether it got there. What is said is known to who asks."""

from __future__ import annotations

import os
import sys


def say(text: str) -> None:
    """Print a result. That nobody reads on (`| head`) is no fault."""
    from probes.faults import printable

    try:
        print(printable(text))
    except BrokenPipeError:
        _drop_output()


def complain(text: str) -> None:
    """Say on stderr what is wrong; it may quote a name that somebody chose."""
    from probes.faults import printable

    print(printable(text), file=sys.stderr)


def _drop_output() -> None:
    """Send what is still to be printed nowhere, so that nothing fails over it again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def flushed(status: int) -> int:
    """The status once stdout has taken all, or 4 where it can't be written."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
    except OSError as error:
        _drop_output()
        complain(f"maskaudit: the output can't be written ({error.strerror})")
        return 4
    return status
