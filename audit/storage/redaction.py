"""Secrets taken out of what a result keeps of its command: access tokens, and passwords in addresses.

Results hold nothing of the environment, so that a command's words are the one way in.
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


def redacted(text: str) -> str:
    """The text with `***` for what looks like an access token, or a password in an address or a query."""
    return _SECRETS.sub("***", text)
