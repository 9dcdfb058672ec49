"""What the layout promises: imports run one way, importing is cheap, tests and commands are documented."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ORDER = ("probes", "audit", "reports")
TORCH = {"torch", "transformers", "safetensors", "huggingface_hub"}
TENSOR_FILES = {
    *("audit/batches.py", "audit/checkpoint.py", "audit/forward.py", "audit/likelihood.py", "audit/linear.py"),
    *("audit/scoring.py", "audit/demo/build.py"),
}

sources = sorted(path for package in ORDER for path in (ROOT / package).rglob("*.py"))
tests = sorted((ROOT / "tests").rglob("test_*.py"))


def imported(path: Path, *, top_level: bool = False) -> set[str]:
    """Names of the modules that a file imports, anywhere or at its top level (outside `if TYPE_CHECKING`)."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level else ast.walk(tree)
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", sources, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    """A package imports only those before it in the pipeline; only the command knows all three."""
    package = path.relative_to(ROOT).parts[0]
    if path == ROOT / "audit" / "cli.py":
        return
    later = ORDER[ORDER.index(package) + 1 :]
    assert not {name for name in imported(path) if name.split(".")[0] in later}


@pytest.mark.parametrize("path", sources, ids=lambda path: str(path.relative_to(ROOT)))
def test_tensor_code_is_where_it_should_be(path):
    """torch is imported by six files and by the script that builds the demo checkpoints, and nowhere else."""
    if str(path.relative_to(ROOT)) in TENSOR_FILES:
        return
    assert "torch" not in {name.split(".")[0] for name in imported(path)}


def test_the_report_knows_audits_types_alone():
    """Pages are made from saved results: of audit, reports imports the types of those and nothing else."""
    types = {"audit.result", "audit.comparison", "audit.benchmarks.result"}
    for path in (ROOT / "reports").rglob("*.py"):
        assert {name for name in imported(path) if name.split(".")[0] == "audit"} <= types, path


@pytest.mark.parametrize(
    "code",
    [
        "import probes, audit, reports, audit.cli, audit.store, audit.findings",
        "from audit.cli import main; main(['--help'])",
        "from audit.cli import main; main(['probes', 'validate', 'occupation'])",
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
    code = f"from audit.cli import main; main(['--help']); import sys; print([n for n in {heavy} if n in sys.modules])"
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
