"""Files of mined rows: they load again, and are complete or absent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data.errors import DataError
from data.load import prepare
from data.mining.file import has_groups, mined_rows, mined_table, write_rows
from data.mining.mine import mine
from data.mining.texts import mining_texts
from data.schema import PAIR_COLUMNS, RowKind
from data.spec import DatasetSpec, MiningSpec, SplitSpec
from tests.support.mining import OPEN, mine_by_hand, random_texts, table


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_saved_rows_load_again_with_no_options(tmp_path: Path, kind: str) -> None:
    texts, queries, documents, rows = random_texts(tmp_path, 60, 20, 40, 5)
    mined = mine(texts, queries, documents, MiningSpec(negatives=2))
    path = tmp_path / f"mined.{kind}"
    numbers = {"train": rows.select(range(len(rows)))}
    parts = [
        part
        for split in ("train", "dev", "test")
        for part in mined_rows(split, numbers["train"], texts, mined, grouped=has_groups(rows))
    ]
    assert write_rows(path, iter(parts)) == 180
    again = prepare(DatasetSpec(source=str(path)), SplitSpec(), tmp_path / "cache")
    assert again.kind is RowKind.TUPLE
    assert {name: len(one) for name, one in again.splits.items()} == {"train": 60, "dev": 60, "test": 60}
    loaded = again.splits["dev"].to_dict()
    assert loaded["anchor"] == list(rows["anchor"])
    assert loaded["negative_2"] == [texts.documents[i] for i in mined.documents[:, 1]]
    with pytest.raises(DataError, match="something is there already"):
        write_rows(path, iter(parts))


@pytest.mark.parametrize(
    ("name", "message"), [("mined.csv", r"written as \.jsonl or \.parquet"), ("no/mined.jsonl", "there is no such folder")]
)
def test_places_that_cannot_be_written_are_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        write_rows(tmp_path / name, iter(()))


def test_a_file_is_complete_or_absent(tmp_path: Path) -> None:
    texts, queries, documents, rows = random_texts(tmp_path, 10, 5, 20, 5)
    mined = mine(texts, queries, documents, MiningSpec())

    def broken() -> Any:
        yield from mined_rows("train", rows, texts, mined, grouped=has_groups(rows))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_rows(tmp_path / "mined.jsonl", broken())
    assert not [path.name for path in tmp_path.iterdir() if "mined" in path.name]


def test_the_table_for_training_has_its_negatives_behind_its_columns(tmp_path: Path) -> None:
    texts = mining_texts(rows := table(tmp_path, [("q", "a"), ("q", "b"), ("r", "b")]))
    angles = {"q": 0.0, "r": 50.0, "a": 10.0, "b": 20.0}
    mined, _ = mine_by_hand(texts, angles, MiningSpec(negatives=2, **OPEN))
    found = mined_table(rows, texts, mined, tmp_path / "mined.arrow", "key")
    assert found.column_names == [*PAIR_COLUMNS, "negative_1", "negative_2"]
    assert found.to_dict()["row"] == ["f.csv:4"] and found[0]["negative_1"] == "a"  # everything belongs to q
