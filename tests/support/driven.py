"""What the tests do with a page that is open in a browser."""

from __future__ import annotations

import time
from typing import Any


def until(page: Any, condition: str, seconds: float = 10) -> None:
    """Wait until a JavaScript expression is true. (Playwright's own way would need `eval`, which the page forbids.)"""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        time.sleep(0.02)


def unfold(page: Any) -> None:
    """Open everything that is folded, have it laid out though it isn't on the screen, and wait for what the script
    makes of it."""
    page.evaluate("document.querySelectorAll('.probe').forEach(part => { part.style.contentVisibility = 'visible' })")
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
    until(page, "[...document.querySelectorAll('details.explore')].every(it => it.querySelector('.explorer select'))")
