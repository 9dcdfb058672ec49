"""Fixtures for the whole suite: no network, tiny checkpoints built once a worker, and the shared folder."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from support.surroundings import COUNTED, GUARD, ROOT, Tried

if TYPE_CHECKING:
    from probes.probe import Probe


# A worker a core: more threads than that only get in each other's way. Set before torch is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([GUARD, *filter(None, [os.environ.get("PYTHONPATH")])]))


settings.register_profile("suite", deadline=None)  # how long an example takes says more of the machine than of the code
settings.load_profile("suite")


LONGEST = (
    "tests/audit/comparisons/test_demo_pair.py",
    "tests/audit/runs/engines/test_ray.py",
    "tests/calibration/test_calibration.py",
    "tests/audit/benchmarks/test_published.py",
    "tests/test_documented_scripts.py",
    "tests/browser/test_accessibility.py",
    "tests/audit/runs/test_selftest.py",
    "tests/calibration/test_placebo.py",
    "tests/audit/test_training.py",
    "tests/audit/demo/test_demo.py",
    "tests/audit/storage/test_faults.py",
    "tests/browser/test_page.py",
    "tests/test_notebook.py",
    "tests/test_package.py",
)
"""The files of the slow set that take longest."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, so that workers end together."""
    place = {ROOT / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


class NetworkUsed(OSError):
    """A test reached for the network."""


@pytest.fixture(scope="session")
def attempts_of_others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the processes that tests start note that they reached for the network, see `guard/sitecustomize.py`."""
    return tmp_path_factory.mktemp("network") / "used"


@pytest.fixture(autouse=True)
def no_network(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, attempts_of_others: Path
) -> Iterator[list[str]]:
    """Refuse every connection and name look-up but those within this machine's file system, and fail the test that
    tried, even where the code under test swallows the refusal. A test may look at the list of attempts, and clear it.
    In Python processes that a test starts, connections within this machine are let through too. Tests marked `hub`
    are let through altogether.
    """
    attempts: list[str] = []
    monkeypatch.setenv("NETWORK_USED", str(attempts_of_others))
    if request.node.get_closest_marker("hub"):  # asked for by name
        yield attempts
        return

    def refuse(what: str) -> NetworkUsed:
        attempts.append(what)
        return NetworkUsed(f"tests have no network: {what}")

    def guarded(real: Callable) -> Callable:
        def connect(self: socket.socket, address: object) -> object:
            if self.family == socket.AF_UNIX:
                return real(self, address)
            raise refuse(f"connect to {address!r}")

        return connect

    def getaddrinfo(host: object, *args: object, **kwargs: object) -> None:
        raise refuse(f"look up {host!r}")

    monkeypatch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield attempts
    if attempts_of_others.exists():
        attempts += attempts_of_others.read_text().splitlines()
        attempts_of_others.unlink()
    if attempts:
        pytest.fail("reached for the network: " + "; ".join(attempts))


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Tried:
    """`tried("hostile inputs", 80)`: so many were tried in this test; `COUNTED` has the kinds."""

    def count(what: str, number: int) -> None:
        assert what in COUNTED
        request.node.user_properties.append((what, number))

    return count


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many hostile inputs were tried and faults injected by the tests that ran."""
    reports = [report for name in ("passed", "failed") for report in terminalreporter.stats.get(name, [])]
    for what in COUNTED:
        told = [number for report in reports for name, number in report.user_properties if name == what]
        if told:
            terminalreporter.write_line(f"{what}: {sum(told):,} in {len(told):,} tests")


@pytest.fixture(scope="session")
def checkpoint_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`checkpoint_folder("bert")` is the folder of that tiny checkpoint (`checkpoints.FAMILIES` has the names; more
    settings go to its config), built when first asked for. Don't write into it."""
    built: dict[tuple, Path] = {}

    def folder(name: str, **settings: object) -> Path:
        key = (name, *sorted(settings.items()))
        if key not in built:
            from support import checkpoints

            built[key] = checkpoints.build(name, tmp_path_factory.mktemp(name) / name, **settings)
        return built[key]

    return folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared checkpoints and data: `MASKAUDIT_SHARED`, or `shared` beside the repository."""
    folder = Path(os.environ.get("MASKAUDIT_SHARED") or ROOT.parent / "shared")
    if not folder.is_dir():
        pytest.skip(f"no shared folder at {folder}; name it in MASKAUDIT_SHARED")
    return folder


@pytest.fixture
def slowed_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder of the test's own, with the small probe in it, where `slowed`'s command is given; Ctrl-C is heard again
    afterwards."""
    from support import slowed

    slowed.here(tmp_path, monkeypatch)
    heard = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, heard)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of an undisturbed run of that command."""
    from support import slowed

    return slowed.undisturbed(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Probe:
    """The small probe of the tests."""
    from support.fakes import PROBE

    from probes.load import load_probe

    path = tmp_path_factory.mktemp("probe") / "small.yaml"
    path.write_text(PROBE)
    return load_probe(path)
