"""The example notebook runs as it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

NOTEBOOK = Path(__file__).parent.parent / "docs" / "compare.ipynb"


def shown(cell: dict) -> list[str]:
    """What a cell printed and gave, as plain text."""
    return [output.get("text") or output["data"]["text/plain"] for output in cell.get("outputs", [])]


def test_the_notebook_runs_and_shows_what_it_shows(tmp_path):
    """Every cell runs in an empty folder; printed findings are those in the file, and results show a table."""
    import nbformat
    from nbclient import NotebookClient

    kept = nbformat.read(NOTEBOOK, as_version=4)
    fresh = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(fresh, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    texts = ["findings[0].sentence", "change.sentence", "write_text"]
    checked = 0
    for before, after in zip(kept.cells, fresh.cells, strict=True):
        if before.cell_type == "code" and any(text in before.source for text in texts):
            assert shown(before) == shown(after)
            checked += 1
    assert checked == 3
    tables = [
        output["data"].get("text/html", "")
        for cell in fresh.cells
        for output in cell.get("outputs", [])
        if "data" in output
    ]
    assert sum(table.startswith("<div><h3>") for table in tables) == 2
