"""From an audit to one self-contained HTML page: `render(audit)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audit.result import Audit

__all__ = ["render"]


def render(audit: Audit) -> str:
    """The audit as one HTML document that makes no request and can be read without its script."""
    from reports.html import render as rendered  # jinja2 and matplotlib are only loaded when a page is made

    return rendered(audit)
