"""Promise 7: no network unless a hub id is named, with --offline never; and the guard that holds the suite to it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import checkpoints
from support.fakes import JOBS
from support.surroundings import Tried

from audit.cli.app import main

# --- the guard -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attempt", [socket.socket.connect, socket.socket.connect_ex])
def test_promise_7_connections_are_refused_and_remembered(attempt: object, no_network: list[str]) -> None:
    """A connection to any address but a local socket file raises at once and is noted."""
    with socket.socket() as client, pytest.raises(OSError, match="no network"):
        getattr(client, attempt.__name__)(("127.0.0.1", 9))
    with pytest.raises(OSError, match="no network"):
        socket.create_connection(("example.org", 80))
    assert len(no_network) == 2
    no_network.clear()


def test_promise_7_socket_files_may_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets in the file system work as ever."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind("here")
        server.listen()
        client.connect("here")
        accepted, _ = server.accept()
        with accepted:
            client.sendall(b"word")
            assert accepted.recv(4) == b"word"


@pytest.mark.parametrize(
    "attempt", ["create_connection(('192.0.2.1', 80), 1)", "gethostbyname('hub.test')", "getaddrinfo('hub.test', 80)"]
)
def test_promise_7_processes_that_tests_start_are_guarded(
    attempt: str, no_network: list[str], attempts_of_others: Path
) -> None:
    """A process of a test's is refused the network, and what it tried is noted even where it hides it."""
    code = f"import socket, contextlib\nwith contextlib.suppress(OSError): socket.{attempt}"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    noted = attempts_of_others.read_text()
    attempts_of_others.unlink()
    assert "192.0.2.1" in noted or "hub.test" in noted
    assert not no_network


# --- the promise -----------------------------------------------------------------------------------------------------


@pytest.fixture
def bert(tmp_path: Path, checkpoint_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> str:
    """A checkpoint's folder; the test works in a folder with a probe in it."""
    monkeypatch.chdir(tmp_path)
    Path("jobs.yaml").write_text(JOBS)
    shutil.copytree(checkpoint_folder("bert"), "model")
    return "model"


@pytest.mark.parametrize("leave", [[], ["--offline"]])
def test_promise_7_a_folder_needs_no_network(bert: str, leave: list[str]) -> None:
    """Every command on a local checkpoint and on the demo works without reaching for the network, offline or not."""
    asked = ["-p", "jobs.yaml", *leave]
    Path("pairs.csv").write_text(
        "sent_more,sent_less,stereo_antistereo,bias_type\nThe White man,The Black man,stereo,race-color\n"
    )
    for words in (
        ["plan", bert, *asked],
        ["run", bert, *asked, "--out", "run"],
        ["run", "demo", "-p", "model-card", *leave, "--out", "demo"],
        ["run", "--from", "run", *leave, "--out", "again"],
        ["run", bert, *asked, "--shard", "1/1", "--out", "shard"],
        ["merge", "shard", "--out", "merged"],
        ["compare", "run", "again", "--out", "compared"],
        ["benchmark", "crows-pairs", bert, "--data", "pairs.csv", *leave, "--out", "pairs"],
        ["report", "run"],
        ["card", "run"],
        ["probes", "list"],
    ):
        assert main(words) == 0, words


def test_promise_7_a_config_that_names_the_hub_is_not_followed(bert: str, tried: Tried) -> None:
    """What a local checkpoint says of where it came from, or of other files, is never looked up."""
    checkpoints.change_config(
        Path(bert),
        _name_or_path="someone/else",
        auto_map={"AutoModelForMaskedLM": "someone/else--remote.Model", "AutoConfig": "someone/else--remote.Config"},
    )
    settings = Path(bert, "tokenizer_config.json")
    named = {"name_or_path": "someone/else", "auto_map": {"AutoTokenizer": ["someone/else--own.Tokenizer", None]}}
    settings.write_text(json.dumps(json.loads(settings.read_text()) | named))
    assert main(["run", bert, "-p", "jobs.yaml"]) == 0
    assert main(["run", bert, "-p", "jobs.yaml", "--trust-remote-code", "--out", "trusted"]) == 3
    tried("hostile inputs", 2)


@pytest.mark.parametrize("option", ["checkpoint", "--mlm-head-from", "compare", "benchmark"])
def test_promise_7_offline_never_asks_the_hub(
    bert: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --offline a hub id that isn't in the cache is refused with a word on how to get it, wherever it is named."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    classifier = str(checkpoints.classifier_of(Path(bert), tmp_path / "classifier"))
    Path("pairs.csv").write_text("sent_more,sent_less,stereo_antistereo,bias_type\na,b,stereo,race-color\n")
    words = {
        "checkpoint": ["run", "someone/else", "-p", "jobs.yaml"],
        "--mlm-head-from": ["run", classifier, "-p", "jobs.yaml", "--mlm-head-from", "someone/else"],
        "compare": ["compare", "someone/else", bert, "-p", "jobs.yaml"],
        "benchmark": ["benchmark", "crows-pairs", "someone/else", "--data", "pairs.csv"],
    }[option]
    assert main([*words, "--offline"]) == 3
    assert "--offline is set: name a local folder, or run once with the network" in capsys.readouterr().err


@pytest.mark.parametrize("named", ["checkpoint", "mlm_head_from"])
def test_promise_7_what_only_a_recipe_names_is_not_downloaded(
    bert: str,
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    no_network: list[str],
    tried: Tried,
) -> None:
    """A recipe of a stranger's that names a hub id has nothing downloaded, and how to is told; once the user names it,
    the hub is asked."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    classifier = str(checkpoints.classifier_of(Path(bert), tmp_path / "classifier"))
    assert main(["run", classifier, "-p", "jobs.yaml", "--mlm-head-from", bert, "--out", "first"]) == 0
    recipe = Path("first/run.json")
    whole = json.loads(recipe.read_text())
    whole["recipe"]["asked"][named] = "someone/else"
    recipe.write_text(json.dumps(whole))
    assert main(["run", "--from", "first", "--out", "again"]) == 3
    assert not no_network
    told = capsys.readouterr().err
    assert "someone/else is looked for in the hub's cache only, as with --offline, because only first names it" in told
    assert "name it in the command to have it downloaded" in told
    say = ["someone/else"] if named == "checkpoint" else ["--mlm-head-from", "someone/else"]
    assert main(["run", *say, "--from", "first", "--out", "again"]) == 3
    assert no_network
    no_network.clear()
    tried("hostile inputs", 1)


def test_promise_7_a_hub_id_is_what_the_network_is_for(
    bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_network: list[str]
) -> None:
    """Without --offline a hub id is asked of the hub, which the guard sees: it isn't blind."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    assert main(["run", "someone/else", "-p", "jobs.yaml"]) == 3
    assert no_network
    no_network.clear()
