"""The server's process: a socket, uvicorn on it, and an end that finishes what was begun."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from train.errors import RunError

BACKLOG = 512
"""Connections that wait until they are accepted."""


class Running(uvicorn.Server):
    """uvicorn, which ends by Ctrl-C or SIGTERM as soon as it has answered what it was asked; the second one ends it at once."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on signals without raising them again afterwards: the command ends as one that is done."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._heard) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens; clients may connect from here on.

    Raises:
        RunError: the port is taken, or the address is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        raise RunError(f"{host}:{port} cannot be listened on ({error.strerror or error})", hint="choose another --port") from None
    return made


def run(app: Starlette, listener: socket.socket, began: Callable[[Running], None] = lambda server: None) -> bool:
    """Serve until a signal comes, or `should_exit` of the server is set, and everything that was begun is answered.

    Returns whether it was; False where a second signal did not let it.

    Args:
        app: the application.
        listener: see `listening`.
        began: gets the server, which another thread may stop.
    """
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", server_header=False, log_level="critical")
    server = Running(config)
    began(server)
    server.run(sockets=[listener])
    return not server.force_exit
