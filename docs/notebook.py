"""Make docs/compare.ipynb: its cells are here, and what they show is what they showed when this was run.

python docs/notebook.py [--out FILE] [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FILE = Path(__file__).with_name("compare.ipynb")

CELLS = (
    (
        "markdown",
        "# What did fine-tuning change?\n\n"
        "Two checkpoints under one probe, and what became of their associations. The demo checkpoints' bias is "
        "planted: use your own, by a folder or a hub id.",
    ),
    ("code", 'from audit import audit, compare\n\nbase = audit("demo", ["traits"], out="runs/base")\nbase'),
    (
        "markdown",
        "The strongest finding in words, and all associations as a table: a row each, with interval, q and grade.",
    ),
    ("code", "base.findings[0].sentence"),
    (
        "code",
        'table = base.to_frame()\nshown = ["axis", "level", "target", "log2_ratio", "ci_low", "ci_high", "q_value"]\n'
        'table.loc[table["grade"] == "strong", shown].head()',
    ),
    ("markdown", "Now the fine-tuned version against it: prompt by prompt, with an interval on every difference."),
    (
        "code",
        'audit("demo-finetuned", ["traits"], out="runs/tuned")\n'
        'changes = compare("runs/base", "runs/tuned", out="runs/comparison")\nchanges',
    ),
    ("code", "for change in changes.findings[:5]:\n    print(change.sentence)"),
    ("markdown", "And the whole page, one file that needs nothing else."),
    (
        "code",
        "from pathlib import Path\n\nfrom reports import render_comparison\n\n"
        '_ = Path("compare.html").write_text(render_comparison(changes), encoding="utf-8")',
    ),
)


def notebook() -> nbformat.NotebookNode:
    """The cells, not yet executed."""
    made = nbformat.v4.new_notebook()
    made.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    for n, (kind, source) in enumerate(CELLS):
        cell = nbformat.v4.new_code_cell(source) if kind == "code" else nbformat.v4.new_markdown_cell(source)
        cell.id = f"cell-{n}"
        made.cells.append(cell)
    return made


def main() -> None:
    """Execute the cells in an empty folder and write the notebook with what they show."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=FILE, help="where to write it")
    parser.add_argument("--folder", type=Path, help="where the cells write, an empty one; default: a temporary one")
    asked = parser.parse_args()
    made = notebook()
    with tempfile.TemporaryDirectory() as folder:
        place = {"metadata": {"path": str(asked.folder or folder)}}
        NotebookClient(made, timeout=600, resources=place, record_timing=False).execute()
    for cell in made.cells:
        cell.metadata.clear()
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    made.metadata.pop("language_info", None)
    nbformat.write(made, asked.out)


if __name__ == "__main__":
    main()
