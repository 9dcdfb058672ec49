"""Python loads this by itself in every process that a test starts: no network but this machine's own.

A process that reaches for another is refused, and notes it in the file NETWORK_USED, for which its test fails.
"""

import os
import socket

OWN = ("127.", "::1", "localhost", "0.0.0.0")
"""Beginnings of the addresses of this machine."""


def _refused(what: object) -> OSError:
    if log := os.environ.get("NETWORK_USED"):
        with open(log, "a") as file:
            file.write(f"{what}\n")
    return OSError(f"tests have no network: {what}")


def _own(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    return name in (None, "", socket.gethostname()) or str(name).startswith(OWN)


def _guarded(real):
    def connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _own(address[0]):
            raise _refused(f"connect to {address!r}")
        return real(self, address)

    return connect


def _looking_up(real):
    def look_up(host, *args, **kwargs):
        if not _own(host):
            raise _refused(f"look up {host!r}")
        return real(host, *args, **kwargs)

    return look_up


socket.socket.connect = _guarded(socket.socket.connect)
socket.socket.connect_ex = _guarded(socket.socket.connect_ex)
for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
    setattr(socket, name, _looking_up(getattr(socket, name)))
