"""A run that is monitored."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.monitoring import make_place


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A folder with a run and windows of texts."""
    folder = tmp_path_factory.mktemp("monitor")
    make_place(folder, tiny_model)
    return folder
