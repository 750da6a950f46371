from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT
from train.evaluate.evaluator import compare, measure
from train.evaluate.results import DatasetResult
from train.evaluate.score import Scores
from train.evaluate.shared_texts import shared_texts, units_of
from train.evaluate.statistics import compare_means
from train.evaluate.tasks import RetrievalTask, ScoredTask
from train.evaluate.units import Units, by_wider, tied_together
from train.report.sentences import dataset_sentence
from train.runs.finished import Values
from train.workflows.cross_validate import pooled


def intents(count: int, each: int) -> RetrievalTask:
    """Queries that ask for the document of their intent, `each` of one intent."""
    n = count * each
    names = [f"i{i}" for i in range(count)]
    return RetrievalTask(
        "intents", "test", [f"q{i}" for i in range(n)], [f"question {i}" for i in range(n)], names, [i.upper() for i in names],
        {f"q{i}": {names[i // each]: 1.0} for i in range(n)},
    )  # fmt: skip


def scores(values: np.ndarray) -> Scores:
    return Scores("ndcg@10", {"ndcg@10": float(values.mean())}, {"ndcg@10": values})


def by_intent(generator: np.random.Generator, count: int, each: int, shared: float) -> tuple[np.ndarray, np.ndarray]:
    """Values of base and tuned without a true difference, of which intents share a part."""
    own, common = generator.normal(0, 0.1, count * each), np.repeat(generator.normal(0, shared, count), each)
    return np.full(count * each, 0.5), (0.5 + own + common).clip(0, 1)


def judged(task: RetrievalTask, base: np.ndarray, tuned: np.ndarray) -> DatasetResult:
    return compare(task, scores(base), scores(tuned), resamples=400)


def test_items_that_share_a_text_are_tied_also_by_way_of_others() -> None:
    found = tied_together([("a",), ("b", "c"), ("c", "d"), ("d",), ("e",)])
    assert (found is not None and found.tolist() == [0, 1, 1, 1, 2]) or len(set(found.tolist())) == 3
    assert tied_together([("a",), ("b",)]) is None and tied_together([]) is None


def test_queries_share_relevant_documents_and_their_own_text_and_pairs_their_sentences() -> None:
    task = RetrievalTask(
        "t", "test", ["1", "2", "3", "4"], ["one", "two", "three", "One"], ["a", "b", "c", "d"], ["A", "B", "b ", "D"],
        {"1": {"a": 1.0, "d": 0.0}, "2": {"b": 1.0}, "3": {"c": 2.0}, "4": {"d": 1.0}},
    )  # fmt: skip
    texts = units_of(task).texts
    assert texts is not None and len(set(texts.tolist())) == 2, "2 and 3 have one document in two spellings, 1 and 4 one question"
    assert all(len(one) == 16 for one in shared_texts(task)[0][1:]), "ids, never texts"
    pairs = ScoredTask("s", "test", ["a", "b", "c"], ["x", "a", "y"], np.array([0.1, 0.5, 0.9]))
    assert units_of(pairs).texts is not None and units_of(pairs).texts.tolist() in ([0, 0, 1], [1, 1, 0])


def test_intents_that_move_together_are_resampled_together_and_both_intervals_are_told() -> None:
    task = intents(40, 10)
    found = judged(task, *by_intent(np.random.default_rng(0), 40, 10, 0.1))
    assert (found.unit, found.groups) == ("text", 40) and found.item_ci95 is not None
    widths = [high - low for low, high in (found.ci95, found.item_ci95)]
    assert widths[0] > 1.8 * widths[1], "banking77 by intent: 2.6 times"
    said = dataset_sentence(found)
    assert "400 queries in 40 groups). Queries that share a text were resampled together; one by one they would give " in said


def test_shared_luck_is_not_called_better() -> None:
    generator, task = np.random.default_rng(3), intents(30, 8)
    units, wrong, before = units_of(task), 0, 0
    for _ in range(120):
        base, tuned = by_intent(generator, 30, 8, 0.1)

        def one(groups: np.ndarray | None, base: np.ndarray = base, tuned: np.ndarray = tuned) -> object:
            return compare_means(base, tuned, seed=0, resamples=200, groups=groups)

        found = by_wider(units, one)  # type: ignore[arg-type]
        wrong += found.ci95[0] > 0 and found.p_value <= 0.05
        before += compare_means(base, tuned, seed=0, resamples=200).ci95[0] > 0
    assert wrong / 120 <= 0.05 and before / 120 > 0.1


def test_where_sharing_makes_no_difference_single_queries_stay_the_unit() -> None:
    found = judged(intents(40, 3), *by_intent(np.random.default_rng(1), 40, 3, 0.0))
    assert (found.unit, found.groups, found.item_ci95, found.unit_note) == ("item", None, None, "")


def test_texts_that_tie_most_items_together_decide_nothing_and_that_is_said() -> None:
    task = intents(1, 50)
    found = judged(task, *by_intent(np.random.default_rng(2), 1, 50, 0.0))
    assert (found.unit, found.groups) == ("item", None)
    assert "100% of the queries hang together by texts that they share, so each was resampled by itself" in dataset_sentence(
        found
    )
    few = judged(intents(4, 20), *by_intent(np.random.default_rng(2), 4, 20, 0.1))
    assert few.unit == "item" and "form only 4 groups that share a text" in dataset_sentence(few)


def test_groups_that_the_user_named_are_not_looked_behind() -> None:
    units = Units.of([("a",), ("a",), ("b",)], np.array([0, 1, 1]), "pair")
    found = by_wider(units, lambda groups: compare_means(np.zeros(3), np.arange(3) / 3, seed=0, resamples=50, groups=groups))
    assert (found.unit, found.groups) == ("group", 2)


def test_one_model_is_measured_by_the_wider_unit_too() -> None:
    base, tuned = by_intent(np.random.default_rng(0), 40, 10, 0.1)
    found = measure(intents(40, 10), scores(tuned), resamples=300)
    assert found.groups == 40
    assert measure(intents(40, 10), scores(base + np.random.default_rng(0).normal(0, 0.1, 400)), resamples=300).groups is None


@pytest.mark.parametrize("known", [True, False])
def test_cross_validation_ties_queries_over_its_parts(known: bool) -> None:
    base, tuned = by_intent(np.random.default_rng(0), 40, 10, 0.1)
    parts = []
    for part in range(5):  # every intent has two queries in each part
        rows = [i for i in range(400) if i % 10 // 2 == part]
        texts = [[f"intent {i // 10}"] for i in rows] if known else []
        none = [None] * len(rows)
        parts.append(Values([str(i) for i in rows], base[rows].tolist(), tuned[rows].tolist(), none, none, none, texts))
    found = pooled(parts, seed=0, resamples=300)
    assert (found.unit, found.groups) == (("text", 40) if known else ("item", None))


def test_per_query_values_keep_what_is_shared(tmp_path: Path) -> None:
    from tests.support.handmade import retrieval, write_run
    from train.runs.finished import read_finished

    folder = tmp_path / "checkpoints" / "a"
    write_run(folder, {"faq": retrieval([0.9, 0.8, 1.0, 0.7])})
    assert read_finished(folder).values("faq", "ndcg@10").units("pair").texts is None, "files of older versions"


def test_what_no_text_shows_is_said_once_on_the_page_and_its_number_in_the_docs() -> None:
    from train.report.sentences_doubt import independence
    from train.report.terminal import story

    generator, task = np.random.default_rng(1), intents(40, 3)
    alone = judged(task, *by_intent(generator, 40, 3, 0.0))
    (sentence,) = independence([alone, alone])
    assert sentence.endswith("name its column: data.columns.group=COLUMN.")
    assert "taken to be independent" not in story([alone, alone])
    assert "19% of models that were no better looked better" in " ".join((ROOT / "docs/runs.md").read_text("utf-8").split())
    assert independence([alone.model_copy(update={"unit": "group"})]) == [], "the user has named them"
    assert independence([alone.model_copy(update={"unit": None})]) == [], "reports of older versions"
