"""The errors of an audit, and the exit status of each.

AuditError
├── UsageError        2  the command can't do what it was asked to
├── CheckpointError   3  the checkpoint can't be audited
│   ├── NoHeadError   3  it has no masked-LM head, such as a fine-tuned classifier; --mlm-head-from would help
│   └── NoAttentionError 3  its architecture gives no attention weights
└── IncompleteError   4  a number is missing, such as in an interrupted run
    └── NoNumberError 4  a logit is not finite

A fault in a probe's file is `probes.ProbeError` (2).
"""

from __future__ import annotations


class AuditError(Exception):
    """An error whose message says what, where and how to mend it."""

    status = 2


class UsageError(AuditError):
    """The command can't do what it was asked to."""


class CheckpointError(AuditError):
    """The checkpoint can't be audited, or no number from it could be trusted."""

    status = 3


class NoHeadError(CheckpointError):
    """The checkpoint has no masked-LM head; it could be audited with another's."""


class NoAttentionError(CheckpointError):
    """The checkpoint's architecture gives no attention weights."""


class IncompleteError(AuditError):
    """A number is missing or is not finite."""

    status = 4


class NoNumberError(IncompleteError):
    """A score of the checkpoint is not finite."""


def first_line(error: BaseException) -> str:
    """The first line of an error's text, short enough for a message."""
    text = str(error).strip().splitlines()
    return text[0][:200] if text else type(error).__name__
