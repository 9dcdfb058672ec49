"""Fixtures for tests of pages."""

from __future__ import annotations

import pytest

from audit.analysis import metrics


@pytest.fixture
def few_relabellings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A null of few draws, which is most of the time that measuring a large probe takes, and nothing of its page."""
    monkeypatch.setattr(metrics, "RELABELLINGS", 19)
