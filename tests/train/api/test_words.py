"""What a caller holds becomes what the commands take; texts alone are no rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import DataError
from train.api.words import sources_of

ASKED = ["Where can I renew my pass?", "How much is the pump? It costs 3.50", "x " * 3000]


@pytest.mark.parametrize("texts", [ASKED, tuple(ASKED), [*ASKED, "short"]])
def test_a_list_of_texts_is_refused_in_one_sentence(texts: list[str], tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        sources_of(texts, tmp_path)
    assert f"a list of {len(texts)} texts ('Where can I renew my pass?', …)" in error.value.what
    assert "tuples (query, document)" in str(error.value.hint)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "names",
    [["a.csv", "my own pairs.csv"], ["sentence-transformers/all-nli", "squad"], ["all of it/*.jsonl", "b.parquet.gz"], ["a"]],
)
def test_names_of_files_and_data_sets_stay_such(names: list[str], tmp_path: Path) -> None:
    assert sources_of(names, tmp_path) == names
    (tmp_path / "a folder").mkdir()
    assert sources_of([tmp_path / "a folder", str(tmp_path / "a folder")], tmp_path) == [str(tmp_path / "a folder")] * 2
