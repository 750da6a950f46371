"""Scores of several splits: hidden labels, labels of -1 among zeros and ones, words beside numbers, and scales that differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from data.errors import DataError
from data.schema import UNSPLIT, RowKind
from data.sources import open_source
from data.sources.rows import TableSource
from data.spec import DatasetSpec


def opened(folder: Path, name: str, parts: dict[str, Sequence[object]], **options: object) -> TableSource:
    """Open a folder with a file for each split, of two texts and one more column."""
    for split, cells in parts.items():
        rows = [f"{split} red {i},{split} blue {i},{cell}" for i, cell in enumerate(cells)]
        (folder / f"{split}.csv").write_text("\n".join([f"sentence1,sentence2,{name}", *rows]), "utf-8")
    place = folder if len(parts) > 1 else folder / f"{next(iter(parts))}.csv"
    source = open_source(DatasetSpec.model_validate({"source": str(place), **options}))
    assert isinstance(source, TableSource)
    return source


def labels(source: TableSource, split: str) -> list[float]:
    return [example.label for example in source.examples(split)]


@pytest.mark.parametrize("name", ["label", "is_duplicate", "labels"])
@pytest.mark.parametrize(("cells", "highest"), [([0, 1] * 15, 1), ([0.0, 2.5, 5.0] * 10, 5)])
def test_a_split_whose_labels_are_hidden_is_left_out_and_said(tmp_path, name, cells, highest) -> None:
    source = opened(tmp_path, name, {"train": cells, "dev": cells[:6], "test": [-1] * 10})
    assert source.splits() == ("train", "dev")
    assert source.recognised.score_range == (0, highest) and labels(source, "train")[:2] == [0, cells[1] / highest]
    assert "test is not used: all labels of its 10 rows are -1, which stands for 'no label'" in source.recognised.notes


def test_splits_that_are_named_in_a_column_are_left_out_as_well(tmp_path) -> None:
    rows = [f"a {i},b {i},{-1 if i >= 30 else i % 2},{'test' if i >= 30 else 'train'}" for i in range(40)]
    (tmp_path / "rows.csv").write_text("\n".join(["sentence1,sentence2,label,split", *rows]), "utf-8")
    source = open_source(DatasetSpec(source=str(tmp_path / "rows.csv")))
    assert source.splits() == ("train",) and {one.label for one in source.examples("train")} == {0, 1}


@pytest.mark.parametrize(
    "parts",
    [
        {"train": [0, 1] * 15, "test": [-1, 0, 1, -1, 1] * 2},
        {"rows": [-1 if i % 9 == 0 else i % 2 for i in range(40)]},
    ],
)
def test_some_labels_of_minus_one_are_refused_and_can_be_left_out(tmp_path, parts) -> None:
    with pytest.raises(DataError, match="are -1, which beside 0 and 1 usually stands for 'no label'") as error:
        opened(tmp_path, "label", parts)
    assert "data.bad_rows=drop" in str(error.value) and "data.columns.score=label data.score_range=[-1,1]" in str(error.value)
    dropped = opened(tmp_path, "label", parts, bad_rows="drop")
    last = dropped.splits()[-1]
    assert set(labels(dropped, last)) == {0, 1} and dropped.dropped[last] == list(parts.values())[-1].count(-1)
    named = opened(tmp_path, "label", parts, columns={"score": "label"}, score_range=[-1, 1])
    assert set(labels(named, last)) == {0, 0.5, 1}


@pytest.mark.parametrize("name", ["label", "similarity", "score"])
def test_minus_one_is_a_grade_where_all_three_are_frequent(tmp_path, name) -> None:
    source = opened(tmp_path, name, {"rows": [-1, 0, 1] * 12})
    assert labels(source, UNSPLIT)[:3] == [0, 0.5, 1] and source.recognised.kind is RowKind.SCORED
    few = opened(tmp_path, "score", {"rows": [-1, *[0, 1] * 12]})
    assert few.recognised.score_range == (-1, 1)


@pytest.mark.parametrize(
    ("one", "other", "figures"),
    [
        ([i % 6 for i in range(30)], [i / 10 for i in range(10)], "train 0..5, test 0..0.9"),
        ([i / 30 for i in range(30)], [i % 6 for i in range(12)], "train 0..0.966667, test 0..5"),
        ([i / 30 for i in range(30)], [i * 8 for i in range(12)], "train 0..0.966667, test 0..88"),
        ([0, 1] * 15, [-1, 1] * 10, "train 0..1, test -1..1"),
    ],
)
def test_splits_on_different_scales_are_refused_with_their_figures(tmp_path, one, other, figures) -> None:
    with pytest.raises(DataError, match=f"the splits seem to have scores on different scales: {figures}") as error:
        opened(tmp_path, "score", {"train": one, "test": other})
    assert "data.score_range=[LOW,HIGH]" in str(error.value)
    opened(tmp_path, "score", {"train": one, "test": other}, score_range=[-1, 100])


def test_cosines_that_are_negative_in_one_split_alone_are_said(tmp_path) -> None:
    source = opened(tmp_path, "score", {"train": [i / 30 for i in range(30)], "test": [i / 10 - 0.55 for i in range(12)]})
    assert any("different scales: train 0..0.966667, test -0.55..0.55" in note for note in source.recognised.notes)


def test_a_small_split_may_have_low_scores_alone(tmp_path) -> None:
    source = opened(tmp_path, "score", {"train": [0, 0, 0, 0, 1, 3, 5] * 5, "test": [0, 0.5, 1]})
    assert source.recognised.score_range == (0, 5) and not any("scales" in note for note in source.recognised.notes)


@pytest.mark.parametrize("name", ["label", "labels", "is_match"])
def test_words_in_one_file_and_numbers_in_another_are_one_label(tmp_path, name) -> None:
    source = opened(tmp_path, name, {"train": ["yes", "no"] * 15, "test": [0, 1] * 5})
    assert labels(source, "train")[:2] == [1, 0] and labels(source, "test")[:2] == [0, 1]
    said = "words are read as scores: 'yes' (15 rows) as 1 and 'no' (15 rows) as 0, beside 10 rows with 0 and 1"
    assert said in source.recognised.notes


def test_a_test_file_without_labels_is_left_out(tmp_path) -> None:
    (tmp_path / "test.csv").write_text("sentence1,sentence2\na,b\nc,d\n", "utf-8")
    source = opened(tmp_path, "label", {"train": [0, 1] * 15, "dev": [0, 1] * 3})
    assert source.splits() == ("train", "dev")
    assert any("test.csv is not used: it has no column 'label'" in note for note in source.recognised.notes)


def test_columns_that_another_file_spells_otherwise_are_read(tmp_path) -> None:
    (tmp_path / "val.csv").write_text("Sentence_1,Sentence 2,LABEL\na,b,1\nc,d,0\n", "utf-8")
    source = opened(tmp_path, "label", {"train": [0, 1] * 15, "test": [0, 1] * 3})
    assert source.splits() == ("train", "dev", "test") and labels(source, "dev") == [1, 0]
    assert "val.csv: 'Sentence_1' as 'sentence1', 'Sentence 2' as 'sentence2', 'LABEL' as 'label'" in "\n".join(
        source.recognised.notes
    )


def test_a_file_without_negatives_names_the_way_without_any(tmp_path) -> None:
    (tmp_path / "train.csv").write_text("query,document,negative\na,b,c\nd,e,f\n", "utf-8")
    (tmp_path / "test.csv").write_text("query,document\na,b\nd,e\n", "utf-8")
    with pytest.raises(DataError, match=r"test\.csv: no column 'negative'") as error:
        open_source(DatasetSpec(source=str(tmp_path)))
    assert "data.columns.anchor=query data.columns.positive=document" in str(error.value)
