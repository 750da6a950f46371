from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from data.load import prepare
from data.spec import DatasetSpec, SplitSpec
from train.evaluate.score import score
from train.evaluate.tasks import RetrievalTask, ScoredTask, build_task
from train.report.examples import EXCERPT, count_changes, pick_examples, worst_examples

TASK = RetrievalTask(
    name="toy",
    split="test",
    query_ids=["up", "down", "same"],
    queries=["query up", "query down", "query same"],
    document_ids=["a", "b", "c"],
    documents=["text a", "x" * 1000, "text c"],
    qrels={"up": {"a": 2.0}, "down": {"b": 1.0, "c": 0.0}, "same": {"c": 1.0}},
)
UNIT = torch.eye(3)


def test_gained_and_lost_queries_with_both_rankings() -> None:
    base = score(TASK, UNIT[[1, 1, 2]], UNIT)
    tuned = score(TASK, UNIT[[0, 2, 2]], UNIT)
    found = json.loads(json.dumps(pick_examples(TASK, base, tuned, depth=2)))
    assert [(e["kind"], e["query_id"], e["query"]) for e in found] == [
        ("gained", "up", "query up"),
        ("lost", "down", "query down"),
    ]
    gained, lost = found
    assert (gained["dataset"], gained["tuned"], gained["delta"]) == ("toy", 1.0, pytest.approx(1 - gained["base"]))
    first = {"id": "a", "text": "text a", "relevant": True, "grade": 2.0, "score": 1.0, "place": ""}
    assert gained["tuned_ranking"][0] == first
    assert [d["id"] for d in gained["base_ranking"]] == ["b", "c"]
    assert gained["base_ranking"][0]["grade"] is None
    assert lost["delta"] < 0
    assert (lost["tuned_ranking"][0]["id"], lost["tuned_ranking"][0]["relevant"], lost["tuned_ranking"][0]["grade"]) == (
        "c",
        False,
        0.0,
    )


def test_long_texts_are_cut() -> None:
    found = pick_examples(TASK, score(TASK, UNIT[[1, 1, 2]], UNIT), score(TASK, UNIT[[0, 2, 2]], UNIT))
    text = found[0]["base_ranking"][0]["text"]
    assert len(text) == EXCERPT
    assert text.endswith("x…")


def test_the_largest_changes_come_first_and_no_more_than_asked_for() -> None:
    n = 40
    task = RetrievalTask(
        "many", "test", [f"q{i}" for i in range(n)], [f"query {i}" for i in range(n)], [f"d{i:02}" for i in range(n)],
        [f"text {i}" for i in range(n)], {f"q{i}": {f"d{i:02}": 1.0} for i in range(n)},
    )  # fmt: skip
    documents = torch.randn(n, 8, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(n, 8, generator=torch.Generator().manual_seed(1))
    found = pick_examples(
        task, score(task, documents + noise, documents), score(task, documents + noise.flip(0), documents), count=3
    )
    deltas = [e["delta"] for e in found]
    assert len(found) == 6
    assert deltas[:3] == sorted(deltas[:3], reverse=True) and min(deltas[:3]) > 0
    assert deltas[3:] == sorted(deltas[3:]) and max(deltas[3:]) < 0


def test_scored_pairs_that_came_closer_to_their_gold_rank() -> None:
    task = ScoredTask("pairs", "test", ["a", "b", "c"], ["x", "y", "z"], np.array([0.0, 0.5, 1.0]))
    left = torch.tensor([[1.0, 0.0]] * 3)
    low, middle, high = [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]
    base = score(task, left, torch.tensor([high, middle, low]))
    tuned = score(task, left, torch.tensor([low, middle, high]))
    gained = pick_examples(task, base, tuned)
    assert [(e["sentence1"], e["sentence2"], e["base"], e["tuned"]) for e in gained] == [
        ("a", "x", 0.0, 1.0),
        ("c", "z", 0.0, 1.0),
    ]
    assert {e["kind"] for e in gained} == {"gained"}
    assert (gained[0]["gold"], gained[0]["base_similarity"], gained[0]["tuned_similarity"]) == (0.0, 1.0, 0.0)
    assert {e["kind"] for e in pick_examples(task, tuned, base)} == {"lost"}


def test_relevant_documents_come_with_their_ranks_by_both_models() -> None:
    n = 150
    ids = [f"d{i:03}" for i in range(n)]
    task = RetrievalTask(
        "deep", "test", ["q"], ["query"], ids, [f"text {i} " + "y" * 300 for i in range(n)],
        {"q": {"d000": 1.0, "d005": 1.0, "d010": 3.0, "d020": 1.0, "d149": 1.0, "d030": 0.0}},
    )  # fmt: skip
    documents = torch.nn.functional.normalize(torch.stack([torch.ones(n), torch.arange(n) / n], dim=1), dim=1)
    # one query vector puts d000 first and d149 last, the other the reverse
    base, tuned = score(task, torch.tensor([[1.0, -1.0]]), documents), score(task, torch.tensor([[-1.0, 1.0]]), documents)
    (found,) = pick_examples(task, base, tuned)
    relevant = {d["id"]: (d["grade"], d["base_rank"], d["tuned_rank"]) for d in found["relevant"]}
    # the highest grade first, then those that either model found first; ranks beyond 100 are not kept
    assert list(relevant.items()) == [("d010", (3.0, 11, None)), ("d000", (1.0, 1, None)), ("d149", (1.0, None, 1))]
    assert found["relevant"][0]["text"].startswith("text 10 ") and len(found["relevant"][0]["text"]) == EXCERPT


def test_numbers_of_gained_and_lost() -> None:
    base, tuned = score(TASK, UNIT[[1, 1, 2]], UNIT), score(TASK, UNIT[[0, 2, 2]], UNIT)
    assert count_changes(TASK, base, tuned) == {"kind": "pair", "gained": 1, "lost": 1, "same": 1}
    task = ScoredTask("pairs", "test", ["a", "b", "c"], ["x", "y", "z"], np.array([0.0, 0.5, 1.0]))
    left, right = torch.tensor([[1.0, 0.0]] * 3), torch.tensor([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    found = count_changes(task, score(task, left, right.flip(0)), score(task, left, right))
    assert found == {"kind": "scored", "gained": 2, "lost": 0, "same": 1}


def test_texts_are_cut_between_words() -> None:
    task = dataclasses.replace(TASK, documents=["text a", "word " * 100, "text c"])
    found = pick_examples(task, score(task, UNIT[[1, 1, 2]], UNIT), score(task, UNIT[[0, 2, 2]], UNIT))
    text = found[0]["base_ranking"][0]["text"]
    assert text.endswith(" word…") and EXCERPT - 10 < len(text) <= EXCERPT


def test_where_the_base_fails_the_worst_first() -> None:
    base = score(TASK, UNIT[[1, 1, 0]], UNIT)
    assert not pick_examples(TASK, base, base)
    found = worst_examples(TASK, base)
    assert [(one["kind"], one["query_id"], one["delta"]) for one in found] == [("failed", "up", 0.0), ("failed", "same", 0.0)]
    assert found[0]["base_ranking"][0]["id"] == "b" and found[0]["relevant"][0]["base_rank"] == 3
    assert len(worst_examples(TASK, base, count=1)) == 1
    task = ScoredTask("pairs", "test", ["a", "b", "c"], ["x", "y", "z"], np.array([0.0, 0.5, 1.0]))
    left, right = torch.tensor([[1.0, 0.0]] * 3), torch.tensor([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    assert worst_examples(task, score(task, left, right)) == []
    turned = worst_examples(task, score(task, left, right.flip(0)))
    assert [(one["sentence1"], one["base"], one["tuned"]) for one in turned] == [("a", 0.0, 0.0), ("c", 0.0, 0.0)]


def test_queries_documents_and_pairs_come_with_file_and_line(tmp_path: Path) -> None:
    lines = "".join(f"how do I find number {i}?,number {i} is here\n" for i in range(60))
    (tmp_path / "faq.csv").write_text("question,answer\n" + lines, encoding="utf-8")
    scored = "".join(f"a {i},b {i},{i % 5 / 4}\n" for i in range(60))
    (tmp_path / "scored.csv").write_text("sentence1,sentence2,score\n" + scored, encoding="utf-8")
    said = []
    for name in ("faq.csv", "scored.csv"):
        prepared = prepare(DatasetSpec(source=str(tmp_path / name)), SplitSpec(), tmp_path / "cache", say=said.append)
        task = build_task(prepared, "test")
        random = torch.Generator().manual_seed(1)
        vectors = [torch.randn(100, 8, generator=random) for _ in range(4)]
        if isinstance(task, RetrievalTask):
            documents = vectors[2][: len(task.document_ids)]
            found = pick_examples(task, *(score(task, one[: len(task)], documents) for one in vectors[:2]))
            for one in found:
                number = int(one["query"].removeprefix("how do I find number ").rstrip("?"))
                assert one["place"] == f"faq.csv:{number + 2}"  # below the line of names
                for document in (*one["base_ranking"], *one["tuned_ranking"], *one["relevant"]):
                    assert document["place"] == f"faq.csv:{int(document['text'].split()[1]) + 2}"
        else:
            found = pick_examples(task, *(score(task, one[: len(task)], vectors[2][: len(task)]) for one in vectors[:2]))
            assert [one["place"] for one in found] == [f"scored.csv:{int(one['sentence1'][2:]) + 2}" for one in found]
        assert found
