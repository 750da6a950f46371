from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from data.schema import RowKind
from train.evaluate.tasks import RetrievalTask, ScoredTask, task_sha256

RETRIEVAL = RetrievalTask(
    name="faq",
    split="test",
    query_ids=["q1", "q2"],
    queries=["how", "why"],
    document_ids=["d1", "d2", "d3"],
    documents=["so", "thus", "half \ud800"],
    qrels={"q1": {"d1": 1.0, "d2": 2.0}, "q2": {"d3": 1.0}},
)
SCORED = ScoredTask("sts", "test", ["a", "b"], ["c", "d"], np.array([0.1, 0.9]))


def test_names_and_the_order_in_the_files_are_not_what_is_judged() -> None:
    other = RetrievalTask(
        name="other",
        split="all",
        query_ids=["q2", "q1"],
        queries=["why", "how"],
        document_ids=["d3", "d1", "d2"],
        documents=["half \ud800", "so", "thus"],
        qrels={"q2": {"d3": 1}, "q1": {"d2": 2, "d1": 1}},
        kind=RowKind.TUPLE,
    )
    assert task_sha256(other) == task_sha256(RETRIEVAL)
    assert len(task_sha256(RETRIEVAL)) == 64


@pytest.mark.parametrize(
    "changes",
    [
        {"queries": ["how", "why?"]},
        {"queries": ["why", "how"]},
        {"query_ids": ["q1", "q3"], "qrels": {"q1": {"d1": 1.0, "d2": 2.0}, "q3": {"d3": 1.0}}},
        {"documents": ["so", "thus", "half"]},
        {"documents": ["sot", "hus", "half \ud800"]},
        {"document_ids": ["d1", "d2", "d3", "d4"], "documents": ["so", "thus", "half \ud800", ""]},
        {"qrels": {"q1": {"d1": 1.0, "d2": 1.0}, "q2": {"d3": 1.0}}},
        {"qrels": {"q1": {"d1": 1.0}, "q2": {"d3": 1.0}}},
    ],
)
def test_every_id_text_and_judgement_counts(changes: dict) -> None:
    assert task_sha256(dataclasses.replace(RETRIEVAL, **changes)) != task_sha256(RETRIEVAL)


def test_scored_pairs_count_with_their_order_since_their_number_is_their_id() -> None:
    hashes = {
        task_sha256(task)
        for task in (
            SCORED,
            dataclasses.replace(SCORED, sentences1=["b", "a"], sentences2=["d", "c"], scores=np.array([0.9, 0.1])),
            dataclasses.replace(SCORED, sentences1=["c", "b"], sentences2=["a", "d"]),
            dataclasses.replace(SCORED, scores=np.array([0.1, 0.8])),
        )
    }
    assert len(hashes) == 4
    moved = [
        dataclasses.replace(SCORED, sentences1=one, sentences2=two)
        for one, two in ((["ab", "x"], ["c", "y"]), (["a", "x"], ["bc", "y"]))
    ]
    assert task_sha256(moved[0]) != task_sha256(moved[1]), "where one text ends and the next begins counts"
    assert task_sha256(dataclasses.replace(SCORED, name="x", split="dev")) == task_sha256(SCORED)
