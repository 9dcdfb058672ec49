"""Removes secrets from the command that a result keeps: access tokens, and passwords in addresses.

A result keeps nothing of the environment, so that the command is the only way in.
"""

from __future__ import annotations

import re

_SECRETS = re.compile(
    r"""
    (?P<tokens> \b(?: hf_ | api_org_ | gh[a-z]_ | github_pat_ | glpat- | xox[a-z]- ) [\w-]{16,} | sk-[\w-]{32,} )
  | (?<=://) [^/\s@]+ (?=@)
  | (?i: (?<= token= ) | (?<= key= ) | (?<= password= ) | (?<= passwd= ) | (?<= secret= ) ) [^&\s]+
  | (?i: (?<= bearer\  ) ) [\w.~+/=-]{8,}
    """,
    re.VERBOSE,
)


def redact(text: str) -> str:
    """The text with `***` for what looks like an access token, or a password in an address or a query."""
    return _SECRETS.sub("***", text)
