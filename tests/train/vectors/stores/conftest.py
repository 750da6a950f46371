"""Qdrant's local mode without waiting for the disk after each point: kills of processes lose nothing by it."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def hasty_sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    from qdrant_client.local.persistence import CollectionPersistence

    stock = CollectionPersistence.__init__

    def hasty(self: Any, *args: Any, **kwargs: Any) -> None:
        stock(self, *args, **kwargs)
        self.storage.execute("PRAGMA synchronous=OFF")
        self.storage.execute("PRAGMA journal_mode=MEMORY")

    monkeypatch.setattr(CollectionPersistence, "__init__", hasty)
