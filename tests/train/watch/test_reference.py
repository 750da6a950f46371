"""The reference of a finished run: what is kept, that none of it was trained on, and that it is whole or absent."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sentence_transformers import SentenceTransformer

from data.schema import normalise_text
from train.config.load import load_config
from train.plan.datasets import load_datasets
from train.runs.folder import RunFolder
from train.watch import reference as reference_module
from train.watch.canaries import unit
from train.watch.reference import NoReference, Reference, read_record, read_reference, write_reference


def read(run: Path, dataset: str = "pairs") -> Reference:
    record = read_record(run)
    assert record is not None
    return read_reference(run, record, dataset)


@pytest.fixture
def run(runs: Path, tmp_path: Path) -> Path:
    """A copy of a finished run."""
    return shutil.copytree(runs / "first", tmp_path / "first")


def test_vectors_and_figures_are_those_of_plain_sentence_transformers(run: Path) -> None:
    found = read(run)
    model = SentenceTransformer(str(run / "model"), device="cpu")
    again = model.encode_query(list(found.texts))
    assert np.allclose(found.sample.vectors, again, atol=1e-5)
    lengths = [len(model.tokenizer(text)["input_ids"]) for text in found.texts]
    assert found.sample.lengths.tolist() == lengths and not found.sample.cut.any()
    assert np.allclose(found.document_vectors, model.encode_document(list(found.documents)), atol=1e-5)
    assert np.isnan(found.sample.top1).all() and "--index" in found.about.notes[-1], "each query has an answer of its own"


def test_nothing_that_was_trained_on_is_in_it_unless_it_is_said(run: Path, here: Path) -> None:
    found, splits = read(run), load_datasets(load_config(run / "config.yaml"))["pairs"].splits
    held = {split: {text for text, own in zip(found.texts, found.splits, strict=True) if own == split} for split in splits}
    assert held == {split: set(table["anchor"][:]) for split, table in splits.items()}, "80 rows: too few are held out"
    assert f"so {len(splits['train'])} texts that were trained on stand in the reference as well" in found.about.notes[0]
    assert len({normalise_text(text) for text in found.texts}) == len(found.texts)


def test_canaries_find_their_document_first_by_a_second_implementation(run: Path) -> None:
    found = read(run)
    model = SentenceTransformer(str(run / "model"), device="cpu")
    table = pq.read_table(run / "per_query.parquet").to_pylist()
    first = {row["item"] for row in table if row["rank_tuned"] == 1}
    assert found.canaries and {canary.query_id for canary in found.canaries} <= first
    queries = model.encode_query([canary.query for canary in found.canaries])
    best = (unit(queries) @ unit(model.encode_document(list(found.documents))).T).argmax(axis=1)
    for canary, row in zip(found.canaries, best.tolist(), strict=True):
        assert found.document_ids[row] in canary.document_ids and found.documents[row] in canary.documents


def test_it_is_whole_or_absent(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, room = read(run), RunFolder(run).reference
    before = {path.name: path.read_bytes() for path in room.iterdir()}

    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    for name in ("_texts_table", "_documents_table", "_write_tables"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(reference_module, name, broken)
            write_reference(run, [found], made_at="now", made_by="monitor")
        assert {path.name: path.read_bytes() for path in room.iterdir()} == before
        assert not list(run.glob(".reference*")), "nothing half-written is left"
    write_reference(run, [found], made_at="now", made_by="monitor")
    again = read(run)
    assert np.array_equal(again.sample.vectors, found.sample.vectors) and again.canaries == found.canaries


def test_what_is_damaged_is_said_with_a_way_out(run: Path) -> None:
    (run / "reference/texts.parquet").write_bytes(b"no")
    with pytest.raises(NoReference, match="is damaged") as raised:
        read(run)
    assert "monitor" in str(raised.value.hint)
    (run / "reference/reference.json").write_text("{}", encoding="utf-8")
    with pytest.raises(NoReference, match="is damaged"):
        read_record(run)
    shutil.rmtree(run / "reference")
    assert read_record(run) is None
