"""A source that is read as version 0.1 read it keeps its fingerprint, so that runs of that time can be resumed; one that is read
otherwise has another, so that no file of that time is taken for its rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.sources import open_source
from data.spec import DatasetSpec

UNCHANGED = {
    "pairs.csv": ("query,document\na,b\nc,d\n", "5a62dc150e616632"),
    "scored.csv": ("sentence1,sentence2,score\na,b,0.1\nc,d,0.9\n", "51e6d4946b286345"),
    "label.csv": ("sentence1,sentence2,label\na,b,0.1\nc,d,0.9\n", "2a29933a22739588"),
    "group.csv": ("query,document,group,votes\na,b,1,3\nc,d,2,4\n", "90616668ba0be2bd"),
    "tuples.jsonl": (
        '{"query": "a", "pos": ["b"], "neg": ["c"]}\n{"query": "d", "pos": ["e"], "neg": ["f"]}\n',
        "4814de585b1bd821",
    ),
}
"""Content, and the start of the fingerprint that version 0.1 gave it."""
CHANGED = {
    "labels.csv": ("sentence1,sentence2,labels\na,b,0.1\nc,d,0.9\n", "35f46137adcb0d78"),
    "uneven.jsonl": (
        '{"query": "a", "pos": ["b"], "neg": ["c", "g"]}\n{"query": "d", "pos": ["e"], "neg": ["f"]}\n'
        '{"query": "h", "pos": ["i"], "neg": ["j", "k"]}\n',
        "cbfafa0308ab8503",
    ),
    "lists.csv": ("query,pos\na,\"['b', 'c']\"\nd,\"['e', 'f']\"\n", "4367bfbcefb5cb9a"),
}
"""The same for sources of which other rows are made now."""


@pytest.mark.parametrize("name", [*UNCHANGED, *CHANGED])
def test_a_fingerprint_changes_with_the_rows_and_only_then(name: str, tmp_path: Path) -> None:
    content, earlier = (UNCHANGED | CHANGED)[name]
    (tmp_path / name).write_text(content, encoding="utf-8")

    found = open_source(DatasetSpec(source=str(tmp_path / name))).fingerprint()

    assert found.startswith(earlier) == (name in UNCHANGED)
