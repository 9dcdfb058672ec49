"""What the layout promises: imports run one way, importing is cheap, tests and commands are documented."""

from __future__ import annotations

import ast
import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.surroundings import ROOT

ORDER = ("probes", "audit", "reports")
TORCH = {"torch", "transformers", "safetensors", "huggingface_hub"}

tests = sorted((ROOT / "tests").rglob("test_*.py"))


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """The contracts of a copy of the project, held against its imports."""
    linter = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    return subprocess.run(linter, cwd=folder, capture_output=True, text=True, check=False)


def test_rooms_import_only_those_before_them():
    """The contracts in pyproject.toml hold: the order of packages and rooms, and where torch may be imported."""
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("probes/expand.py", "import audit.errors"),
        ("audit/__init__.py", "import reports"),
        ("audit/results/recipe.py", "import audit.runs.plan"),
        ("audit/runs/plan.py", "import torch"),
        ("audit/attic/__init__.py", "import audit.errors"),
        ("reports/text/markdown.py", "import reports.audit_page.page"),
        ("reports/audit_page/page.py", "import audit.storage.atomic"),
        ("audit/analysis/statistics.py", "import audit.analysis.findings"),
    ],
)
def test_a_back_import_breaks_a_contract(tmp_path, file, line):
    """An import against the order, a room that is in no contract, and a circle within a room are refused."""
    for package in ORDER:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("*.safetensors"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / file).parent.mkdir(exist_ok=True)
    with (tmp_path / file).open("a", encoding="utf-8") as source:
        source.write(f"{line}\n")
    assert lint_imports(tmp_path).returncode == 1


def test_every_option_of_a_run_is_an_option_of_the_command():
    """A field of `Options` that the command doesn't declare would silently keep its default."""
    from audit.cli.options import DECLARED
    from audit.options import Options

    assert set(DECLARED) == {field.name for field in dataclasses.fields(Options)}


@pytest.mark.parametrize(
    "code",
    [
        "import probes, audit, reports, audit.cli.app, audit.storage.saved_audit, audit.analysis.findings",
        "from audit.cli.app import main; main(['--help'])",
        "from audit.cli.app import main; main(['probes', 'validate', 'occupation'])",
        "from probes import load_probe; load_probe('occupation')",
    ],
)
def test_torch_is_not_loaded_without_need(code):
    """Importing the packages, --help and validating a probe load neither torch nor transformers."""
    check = (
        f"{code}\nimport sys; loaded = {TORCH!r} & set(sys.modules); sys.exit(f'loaded {{loaded}}' if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_loads_nothing_heavy():
    """--help answers at once: no pandas, numpy, matplotlib, jinja2, pydantic or yaml is imported for it."""
    heavy = ["torch", "transformers", "pandas", "numpy", "matplotlib", "jinja2", "pydantic", "yaml", "pyarrow", "scipy"]
    code = (
        f"from audit.cli.app import main; main(['--help']); import sys; print([n for n in {heavy} if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


@pytest.mark.parametrize("path", tests, ids=lambda path: path.name)
def test_every_test_says_what_it_shows(path):
    """The docstring of a test is a sentence of behaviour."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            docstring = ast.get_docstring(node)
            assert docstring, f"{path.name}: {node.name}"
            assert docstring.rstrip().endswith("."), f"{path.name}: {node.name}"


def test_the_public_names_are_there():
    """Every name in `__all__` of the three packages can be imported."""
    import importlib

    for package in ORDER:
        module = importlib.import_module(package)
        for name in module.__all__:
            assert getattr(module, name) is not None
