"""A process that is lost is recognised by the error that the others meet, and nothing else is taken for it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import Any

import pytest
import torch.distributed as dist

from tests.conftest import ROOT
from train.distributed import peer_is_lost


def left_alone(how: str) -> dict[str, Any]:
    """What is left of two processes says of its error; see `tests.support.lost_peer`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    words = [sys.executable, "-m", "tests.support.lost_peer", port, how]
    found = subprocess.run(
        words, capture_output=True, text=True, cwd=ROOT, timeout=120, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    return json.loads(found.stdout)


@pytest.mark.parametrize(("how", "kind"), [("killed", "RuntimeError"), ("silent", "RuntimeError"), ("store", "DistNetworkError")])
def test_a_process_that_vanished(how: str, kind: str) -> None:
    found = left_alone(how)
    assert found["lost"], found
    assert found["class"] == kind  # gloo has no class of its own; the store has


def test_errors_that_only_sound_like_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for text in ("expected 3 columns, as gloo.csv has", "the text 'nccl: connection reset, broken pipe' is too long"):
        assert not peer_is_lost(RuntimeError(text))
    assert not peer_is_lost(dist.DistBackendError("NCCL error: invalid usage, ncclInvalidUsage: Duplicate GPU detected"))
    assert peer_is_lost(dist.DistBackendError("NCCL communicator was aborted on rank 0"))
    assert peer_is_lost(ConnectionResetError(104, "in any language"))


def test_a_process_of_its_own_loses_none() -> None:
    assert not peer_is_lost(dist.DistNetworkError("Connection was likely closed"))
