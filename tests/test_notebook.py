"""The example notebook runs as it is shown."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.surroundings import ROOT

pytestmark = pytest.mark.slow

NOTEBOOK = ROOT / "docs" / "compare.ipynb"


def shown(cell: dict) -> list[str]:
    """What a cell printed and gave, as plain text."""
    return [output.get("text") or output["data"]["text/plain"] for output in cell.get("outputs", [])]


def tables(cell: dict) -> list[str]:
    """The tables of results in a cell, whose numbers have two digits; not those of pandas."""
    found = (output.get("data", {}).get("text/html", "") for output in cell.get("outputs", []))
    return [table for table in found if table.startswith("<div><h3>")]


def test_the_notebook_runs_and_shows_what_it_shows(tmp_path):
    """Every cell of `docs/notebook.py` is in the file and runs in an empty folder; printed findings are those in the
    file, and results show a table."""
    import nbformat

    out = tmp_path / "fresh.ipynb"
    subprocess.run([sys.executable, NOTEBOOK.with_name("notebook.py"), "--out", out, "--folder", tmp_path], check=True)
    kept, fresh = (nbformat.read(path, as_version=4) for path in (NOTEBOOK, out))
    texts = ["findings[0].sentence", "change.sentence"]
    checked = 0
    for before, after in zip(kept.cells, fresh.cells, strict=True):
        assert before.source == after.source
        assert tables(before) == tables(after)
        if before.cell_type == "code" and any(text in before.source for text in texts):
            assert shown(before) == shown(after)
            checked += 1
    assert checked == 2
    assert sum(len(tables(cell)) for cell in fresh.cells) == 2
    assert "<!doctype html>" in (tmp_path / "compare.html").read_text()
