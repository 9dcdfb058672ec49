"""What is shipped: the wheel has every file of the packages, and works away from the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from support.surroundings import GUARD, ROOT

PACKAGES = ("probes/", "audit/", "reports/")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the sdist and the wheel that is built from it, made without the network."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return out


def tracked() -> set[str]:
    """The files of the three packages that git tracks."""
    done = subprocess.run(["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return set(done.stdout.splitlines())


def test_wheel_and_sdist_have_every_tracked_file(built):
    """No asset is left out because an ignore rule matches it, and nothing untracked slips in."""
    [wheel] = built.glob("*.whl")
    [sdist] = built.glob("*.tar.gz")
    in_wheel = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith(PACKAGES)}
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert in_wheel == tracked()
    assert tracked() <= names


def test_the_wheel_audits_the_demo_from_an_empty_folder(built, tmp_path):
    """Installed from the wheel, with the repository out of sight, the command writes a report on the demo."""
    [wheel] = built.glob("*.whl")
    site, work = tmp_path / "site", tmp_path / "work"
    work.mkdir()
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--target",
        str(site),
        str(wheel),
    ]
    subprocess.run(install, check=True, capture_output=True)
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r}); import audit; assert audit.__file__.startswith({str(site)!r});"
        "from audit.cli.app import main; sys.exit(main(['run', 'demo', '--probe', 'model-card', '--offline']))"
    )
    environment = {**os.environ, "PYTHONPATH": GUARD}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=work, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (work / "runs" / "demo" / "report.html").stat().st_size > 10_000
    assert "Report: runs/demo/report.html" in done.stdout
