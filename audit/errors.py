"""What can go wrong in an audit through no fault of the code, and the exit status of each.

AuditError
├── UsageError        2  the command asks for what can't be done
├── CheckpointError   3  the checkpoint can't be audited
│   ├── NoHeadError   3  it is a fine-tuned classifier, say, and --mlm-head-from would help
│   └── NoAttentionError 3  its architecture gives no attention weights
└── IncompleteError   4  a number is missing that should be there: a run cut short
    └── NoNumberError 4  a logit is no number

A fault in a probe's file is `probes.ProbeError` (2).
"""

from __future__ import annotations


class AuditError(Exception):
    """A fault with one message that says what, where and how to mend it."""

    status = 2


class UsageError(AuditError):
    """The command asks for what can't be done."""


class CheckpointError(AuditError):
    """The checkpoint can't be audited, or no number from it could be trusted."""

    status = 3


class NoHeadError(CheckpointError):
    """The checkpoint has no masked-LM head, and could be audited under another's."""


class NoAttentionError(CheckpointError):
    """The checkpoint's architecture gives no attention weights."""


class IncompleteError(AuditError):
    """A number is missing or is not finite."""

    status = 4


class NoNumberError(IncompleteError):
    """What the checkpoint answers is no number."""


def first_line(error: BaseException) -> str:
    """The first line of an error's text, short enough for a message."""
    text = str(error).strip().splitlines()
    return text[0][:200] if text else type(error).__name__
