"""A real redis-server on a free port of the loopback interface, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest


class RedisServer:
    """Started at once; `kill` is SIGKILL."""

    def __init__(self, folder: Path, password: str | None = None) -> None:
        program = shutil.which("redis-server")
        if program is None:
            if os.environ.get("EMBED_TUNE_REQUIRE_REDIS"):
                pytest.fail("redis-server is not installed, and EMBED_TUNE_REQUIRE_REDIS asks for it")
            pytest.skip("redis-server is not installed (Debian's package redis-server); tests of the Redis store are left out")
        for _ in range(5):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
            options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
            options += ["--requirepass", password] if password else []
            self._process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if self._listens(password):
                return
            self.kill()  # another process took the port first
        raise AssertionError("redis-server does not listen")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(timeout=30)

    def freeze(self) -> None:
        """Let it keep its connections and answer nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def _listens(self, password: str | None) -> bool:
        """Tell whether this process, and no other on the same port, answers within some seconds."""
        from redis import Redis
        from redis.exceptions import RedisError

        for _ in range(200):
            if self._process.poll() is not None:
                return False
            try:
                with Redis(port=self.port, password=password, socket_timeout=1) as client:
                    return bool(client.info("server")["process_id"] == self._process.pid)
            except (RedisError, OSError):
                time.sleep(0.05)
        return False
