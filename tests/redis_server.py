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
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
        options += ["--requirepass", password] if password else []
        self._process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._wait()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(timeout=30)

    def _wait(self) -> None:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("redis-server does not listen")
