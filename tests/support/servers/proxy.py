"""A proxy between a run and its server that cuts the line at the run's COMMIT."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.support.database.databases import Database

LOCKS = b"ACCESS EXCLUSIVE MODE"
"""What the transaction of a run says, and none of its others."""
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
READY = b"Z\x00\x00\x00\x05I"
"""The last that the server says when a transaction has ended."""


@dataclass
class Proxy:
    """Listens on the loopback interface and passes on to a server: ``settings`` say where it is.

    ``cut`` says when it cuts the line of a run's transaction: 'before' COMMIT reaches the server,
    'after' the server has answered it, or 'silently', in place of COMMIT: both ends stay open and
    hear nothing any more. With ``refuse`` it takes no connection after that.
    """

    settings: Mapping[str, Any]
    cut: str
    refuse: bool = False
    done: threading.Event = field(default_factory=threading.Event)
    _sockets: list[socket.socket] = field(default_factory=list)
    _listener: socket.socket = field(default_factory=socket.socket)

    def start(self) -> int:
        """Start to listen; return the port."""
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()
        return int(self._listener.getsockname()[1])

    def stop(self) -> None:
        """Close everything."""
        for one in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _reach_server(self) -> socket.socket:
        host, port = self.settings["HOST"], self.settings["PORT"] or 5432
        if not host.startswith("/"):
            return socket.create_connection((host, int(port)))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.refuse and self.done.is_set():
                    client.close()
                    continue
                server = self._reach_server()
                self._sockets += [client, server]
                line = _Line(self, client, server)
                for way in (line.upwards, line.downwards):
                    threading.Thread(target=way, daemon=True).start()


@dataclass
class _Line:
    """One connection through the proxy."""

    proxy: Proxy
    client: socket.socket
    server: socket.socket
    armed: bool = False
    committing: bool = False

    def upwards(self) -> None:
        with contextlib.suppress(OSError):
            while said := self.client.recv(65536):
                self.armed = self.armed or LOCKS in said
                if self.armed and COMMIT in said:
                    self.committing = True
                    if self.proxy.cut != "after":
                        break
                self.server.sendall(said)
        if self.committing and self.proxy.cut == "silently":
            self.proxy.done.set()
            return
        self._hang_up()

    def downwards(self) -> None:
        with contextlib.suppress(OSError):
            while said := self.server.recv(65536):
                if self.committing and READY in said:
                    break
                self.client.sendall(said)
        self._hang_up()

    def _hang_up(self) -> None:
        if self.committing:
            self.proxy.done.set()
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def cut_off(database: Database, cut: str, *, refuse: bool = False) -> Iterator[tuple[Proxy, str]]:
    """Give a proxy to the database's server, and the URL that leads through it."""
    settings = database.settings
    proxy = Proxy(settings, cut, refuse)
    port = proxy.start()
    try:
        user = quote(settings["USER"], safe="")
        yield (
            proxy,
            f"postgresql://{user}@127.0.0.1:{port}/{database.name}"
            "?sslmode=disable&gssencmode=disable",
        )
    finally:
        proxy.stop()
