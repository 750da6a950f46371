"""Taught and new documents: which queries are which, what each part gains, and what the verdict says of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from train.evaluate.evaluator import compare
from train.evaluate.holm import holm
from train.evaluate.luck import Luck
from train.evaluate.results import CrossValidation, DatasetResult, run_verdict
from train.evaluate.score import Scores
from train.evaluate.slices import ENOUGH, SliceResult, TaughtAndNew
from train.evaluate.slicing import by_documents, document_hashes, taught_queries, with_taught
from train.evaluate.statistics import compare_means
from train.evaluate.tasks import RetrievalTask, ScoredTask
from train.report.page_slices import slice_remarks, sliced
from train.report.sentences import verdict_lines
from train.runs.finished import Values
from train.workflows.cross_validate import pooled_slices

QUESTIONS = (
    "Wie finde ich das richtige Schreiben mit der Nummer",
    "Which of the letters was written after the one that has number",
)


def task(queries: int = 120, taught: int = 60) -> RetrievalTask:
    """Query i asks for document i; the first `taught` were positives of training rows."""
    found = RetrievalTask(
        name="facts",
        split="test",
        query_ids=[f"q{i}" for i in range(queries)],
        queries=[f"query {i}" for i in range(queries)],
        document_ids=[f"d{i}" for i in range(queries)],
        documents=[f"Document {i}" for i in range(queries)],
        qrels={f"q{i}": {f"d{i}": 1.0} for i in range(queries)},
    )
    return with_taught(found, document_hashes([f"document  {i}" for i in range(taught)]))  # type: ignore[return-value]


def scores(of: RetrievalTask, values: np.ndarray) -> Scores:
    return Scores(primary=of.primary, values={of.primary: float(values.mean())}, per_query={of.primary: values})


def learned_by_heart(of: RetrievalTask, new_gain: float = -0.02) -> DatasetResult:
    """What a model gains that learned which documents are answers: +0.2 on taught ones."""
    noise = np.random.default_rng(3).normal(0, 0.05, (2, len(of)))
    base = np.clip(0.5 + noise[0], 0, 1)
    assert of.taught is not None
    return compare(of, scores(of, base), scores(of, base + np.where(of.taught, 0.2, new_gain) + noise[1]), resamples=1000)


def test_a_query_is_taught_if_any_of_its_relevant_documents_was_a_positive_of_train() -> None:
    own = replace(
        task(4, 0),
        qrels={
            "q0": {"d0": 1.0},
            "q1": {"d1": 1.0, "d0": 2.0},  # one of two: what it shows is not about new documents alone
            "q2": {"d2": 1.0, "d0": 0.0},  # judged, but not relevant
            "q3": {"d3": 1.0},
        },
    )
    assert taught_queries(own, document_hashes(["DOCUMENT 0"])).tolist() == [True, True, False, False]
    assert taught_queries(own, document_hashes([])).tolist() == [False] * 4


def test_each_part_is_compared_as_if_it_were_all_there_is() -> None:
    generator = np.random.default_rng(0)
    base, tuned, taught = generator.random(80), generator.random(80), np.arange(80) % 3 > 0
    groups = np.repeat(np.arange(20), 4)
    parts = by_documents(taught, base, tuned, seed=7, resamples=500, groups=groups)
    assert [(one.by, one.name, one.n) for one in parts] == [("documents", "taught", 53), ("documents", "new", 27)]
    for one, mask in zip(parts, (taught, ~taught), strict=True):
        own = np.unique(groups[mask], return_inverse=True)[1]
        alone = compare_means(base[mask], tuned[mask], seed=7, resamples=500, groups=own)
        assert (one.delta, one.ci95, one.p_value, one.groups) == (alone.delta, alone.ci95, alone.p_value, alone.groups)
    assert [one.name for one in by_documents(np.ones(80, dtype=bool), base, tuned, seed=7, resamples=500)] == ["taught"]


def test_a_model_that_learned_which_documents_are_answers_is_never_just_better() -> None:
    found = learned_by_heart(task())
    taught, new = found.by_documents.both or pytest.fail("both parts have 60 queries")
    assert found.verdict == "improved" and run_verdict([found]) == "improved"
    assert taught.verdict == "improved" and new.verdict == "regressed" and found.by_documents.only_taught
    (line,) = verdict_lines([found])
    assert line.startswith("The tuned model is better than the base on facts on documents that train taught (+0.")
    assert "; on new documents it is worse (-0.0" in line and "95% interval -0.0" in line and "60 queries)" in line
    assert [one.name for one in found.lines()] == ["facts", "facts, taught documents", "facts, new documents"]
    first = verdict_lines([found, found.model_copy(update={"name": "other", "slices": ()})])[0]
    assert first.endswith("and worse on none; on facts this is shown for documents that train taught only, not for new ones.")


def test_where_new_documents_gain_as_well_both_gains_are_told() -> None:
    (line,) = verdict_lines([learned_by_heart(task(), new_gain=0.05)])
    assert line.startswith("The tuned model is better than the base on facts: nDCG@10")
    assert "On documents that train taught: +0." in line and "; on new documents: +0.0" in line


@pytest.mark.parametrize(
    ("taught", "new", "said"),
    [
        ((0.05, 0.06), (-0.03, 0.01), "but on new documents it is worse (-0.030, "),
        ((0.05, 0.06), (0.02, 0.3), "but on new documents nothing shows that it is better (+0.020, "),
    ],
)
def test_new_documents_that_do_not_gain_are_named_whether_or_not_taught_ones_gain_alone(
    taught: tuple[float, float], new: tuple[float, float], said: str
) -> None:
    parts = [
        SliceResult(by="documents", name=name, n=n, base=0.5, tuned=0.5 + d, delta=d, p_value=p, ci95=ci95)
        for name, n, (d, p), ci95 in (
            ("taught", 40, taught, (-0.01, 0.11)),
            ("new", 100, new, (-0.05, -0.01) if new[0] < 0 else (-0.01, 0.05)),
        )
    ]
    found = learned_by_heart(task()).model_copy(update={"slices": tuple(parts)})
    (line,) = verdict_lines([found])
    assert (
        line.startswith(f"The tuned model is better than the base on facts, {said}")
        and "documents that train taught alone" in line
    )
    first = verdict_lines([found, found.model_copy(update={"name": "other", "slices": ()})])[0]
    assert first.endswith(
        f"; on facts it is {'worse on' if new[0] < 0 else 'not shown for'} new documents{'' if new[0] < 0 else ' alone'}."
    )


def test_parts_too_small_to_tell_are_kept_but_not_in_the_verdict() -> None:
    found = learned_by_heart(task(120, 120 - ENOUGH + 1))
    assert found.by_documents.both is None and sum(one.by == "documents" for one in found.slices) == 2 and len(found.lines()) == 1
    (line,) = verdict_lines([found])
    assert "only 49 of 120 queries ask for such" in line
    (line,) = verdict_lines([learned_by_heart(task(120, 71), new_gain=-0.1)])
    assert "On documents that train did not teach it is worse, though only 49 of 120 queries ask for such (-0.1" in line
    assert "known" not in line
    (line,) = verdict_lines([learned_by_heart(task(120, 120))])
    assert "is not known: none of the 120 queries asks for such." in line


def test_what_is_not_known_is_not_told() -> None:
    known = learned_by_heart(task())
    unknown = known.model_copy(update={"slices": ()})
    assert unknown.by_documents == TaughtAndNew(taught=None, new=None) and "documents" not in verdict_lines([unknown])[0]
    assert "documents" not in verdict_lines([known.model_copy(update={"kept_base": True, "verdict": "no_evidence"})])[0]
    old = {key: value for key, value in known.model_dump().items() if key != "slices"}
    assert DatasetResult.model_validate(old).slices == ()


def test_cross_validation_tells_both_gains_of_the_items_of_all_parts() -> None:
    generator = np.random.default_rng(1)
    parts = []
    for number in range(5):
        base, taught = generator.random(40) * 0.5, [bool(i % 2) for i in range(40)]
        gain = np.where(taught, 0.2, 0.0) + generator.normal(0, 0.05, 40)
        items = [f"{number} {i}" for i in range(40)]
        parts.append(Values(items, base.tolist(), (base + gain).tolist(), [None] * 40, [None] * 40, list(taught)))
    taught_part, new_part = pooled_slices(parts, Luck(), seed=0, resamples=500)
    assert (taught_part.n, new_part.n) == (100, 100) and taught_part.delta > 0.18 and abs(new_part.delta) < 0.02
    base, tuned = (np.concatenate([getattr(part, side) for part in parts]) for side in ("base", "tuned"))
    crossed = CrossValidation.of(compare_means(base, tuned, seed=0, resamples=500), 5, slices=(taught_part, new_part))
    result = learned_by_heart(task()).model_copy(update={"cross_validation": crossed})
    first = verdict_lines([result])[0]
    assert first.startswith("Training makes a model that is better than the base on facts on documents that train taught (+0.")
    assert "; on new documents nothing shows that it is better" in first and "All 200 queries together: cross-validated" in first
    assert [one.name for one in result.lines()] == [
        "facts, all 5 parts", "facts, all 5 parts, taught documents", "facts, all 5 parts, new documents",
        "facts, test alone", "facts, test alone, taught documents", "facts, test alone, new documents",
    ]  # fmt: skip
    older = [replace(part, taught=[]) for part in parts]
    assert pooled_slices(older, Luck(), seed=0, resamples=100) == ()


def test_a_part_says_what_it_says_by_itself_and_after_the_correction() -> None:
    part = SliceResult(by="length", name="short", n=40, base=0.5, tuned=0.6, delta=0.1, ci95=(0.01, 0.2), p_value=0.03)
    assert part.verdict == "improved"
    assert part.model_copy(update={"p_corrected": 0.09}).verdict == "no_evidence"
    assert part.model_copy(update={"n": 4}).verdict == "no_evidence"


def test_every_division_is_made_of_the_items_alone_and_corrected_for_their_number() -> None:
    generator = np.random.default_rng(4)
    own = task(180, 90)
    own = replace(
        own,
        queries=[f"{QUESTIONS[i % 2]} {i}?" for i in range(180)],
        documents=["x" * (i % 9 + 1) + f" {i}" for i in range(180)],
        qrels={f"q{i}": {f"d{(i + j) % 180}": 1.0 for j in range(1 + i % 4)} for i in range(180)},
        groups=np.arange(180) // 18,
    )
    values = generator.random((2, 180))
    found = compare(own, scores(own, values[0]), scores(own, values[1]), resamples=200).slices
    by = {one.by for one in found}
    assert by == {"documents", "query length", "document length", "language", "group", "relevant documents"}
    assert {one.name for one in found if one.by == "language"} == {"en", "de"}
    assert {one.name: one.n for one in found if one.by == "relevant documents"} == {"1": 45, "2 to 5": 135}
    assert sum(one.n for one in found if one.by == "query length") == 180
    further = [one for one in found if one.by != "documents"]
    assert [one.p_corrected for one in further] == holm([one.p_value for one in further])
    assert all(one.p_corrected is None for one in found if one.by == "documents")
    assert [one.groups for one in found if one.by == "group"] == [None] * 6, "within a group its items are drawn"


def test_scored_pairs_are_divided_by_length_and_gold_score() -> None:
    generator = np.random.default_rng(2)
    gold, base, tuned = generator.random((3, 90))
    own = ScoredTask("s", "test", ["a" * (i % 30 + 1) for i in range(90)], ["b"] * 90, gold)
    both = [Scores("spearman", {"spearman": 0.1, "pearson": 0.1}, similarities=one) for one in (base, tuned)]
    found = compare(own, *both, resamples=200).slices
    assert {one.by for one in found} == {"length", "gold score"} and all(one.n >= 10 for one in found)
    part = next(one for one in found if one.by == "gold score")
    mask = gold <= np.quantile(gold, 1 / 3, method="lower")
    assert part.n == mask.sum() and part.tuned == pytest.approx(stats.spearmanr(gold[mask], tuned[mask]).statistic)


def test_a_model_that_finds_what_nobody_judged_is_told_apart() -> None:
    own = replace(task(60, 0), qrels={f"q{i}": {f"d{j}": 1.0 for j in range(10)} for i in range(60)}, taught=None)
    values = np.full(60, 0.5)
    base = replace(scores(own, values), top_ids=[[f"d{j}" for j in range(10)]] * 60)
    tuned = replace(scores(own, values), top_ids=[[f"d{j}" for j in range(5, 15)]] * 60)
    found = compare(own, base, tuned, resamples=100)
    whole = found.slices[0]
    assert (whole.by, whole.judged10_base, whole.judged10_tuned) == ("all", 1.0, 0.5)
    (remark,) = slice_remarks([found])
    assert "100% of the base's first ten documents are judged, and 50% of the tuned model's" in remark
    assert "may cost the tuned model more" in remark


def test_a_part_that_says_something_else_than_the_whole_is_remarked_once_corrected() -> None:
    lost = SliceResult(
        by="language", name="de", n=60, base=0.6, tuned=0.5, delta=-0.1, ci95=(-0.15, -0.05), p_value=0.001, p_corrected=0.01
    )
    found = learned_by_heart(task(), new_gain=0.05)
    whole = found.model_copy(update={"slices": (*found.slices, lost)})
    assert slice_remarks([whole]) == [
        "On facts, by language: worse where it is de (-0.100, 95% interval -0.150 to -0.050, 60 queries; corrected p 0.010)."
    ]
    again = lost.model_copy(update={"p_corrected": 0.07})
    assert slice_remarks([found.model_copy(update={"slices": (again,)})]) == []
    assert [one.name for one in sliced([whole])] == ["facts"] and sliced([found.model_copy(update={"kept_base": True})]) == []
