"""The suite's own guard: tests have no network, and can't hide that they wanted it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest


@pytest.mark.parametrize("attempt", [socket.socket.connect, socket.socket.connect_ex])
def test_connections_are_refused_and_remembered(attempt: object, no_network: list[str]) -> None:
    """A connection to any address but a local socket file raises at once and is noted."""
    with socket.socket() as client, pytest.raises(OSError, match="no network"):
        getattr(client, attempt.__name__)(("127.0.0.1", 9))
    with pytest.raises(OSError, match="no network"):
        socket.create_connection(("example.org", 80))
    assert len(no_network) == 2
    no_network.clear()


def test_socket_files_may_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
