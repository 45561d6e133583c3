"""A cable to a server, which a test can pull."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self


class Cable:
    """Passes on what comes to a port of its own, until it is pulled.

    Parameters
    ----------
    port:
        Of the server, on this machine.
    """

    def __init__(self, port: int) -> None:
        self._server = port
        self._ends: list[socket.socket] = []
        self._left: int | None = None
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()
        self._drop()

    def pull_after(self, size: int) -> None:
        """Break every connection, and take no more of them, once so many bytes more have gone to the server."""
        self._left = size

    def plug_in(self) -> None:
        """Let what comes through again."""
        self._left = None

    @property
    def pulled(self) -> bool:
        return self._left is not None and self._left <= 0

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listening.accept()
                if self.pulled:
                    here.close()
                    continue
                there = socket.create_connection(("127.0.0.1", self._server))
                self._ends += [here, there]
                for source, target, counted in ((here, there, True), (there, here, False)):
                    threading.Thread(target=self._pass_on, args=(source, target, counted), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while data := source.recv(4096):
                if counted and self._left is not None:
                    data, self._left = data[: max(self._left, 0)], self._left - len(data)
                target.sendall(data)
                if self.pulled:
                    self._drop()

    def _drop(self) -> None:
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends.clear()
