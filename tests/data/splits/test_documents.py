"""Documents kept apart where that is asked for, and a dev split that is large enough to choose by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.errors import DataError
from data.load import prepare
from data.schema import RowKind
from data.spec import LEAST_DEV, DatasetSpec, Documents, SplitSpec, with_least_dev
from data.splits.split import SplitPlan
from tests.support.splits import UNIQUE, pairs, planned, scored

APART = SplitSpec(documents=Documents.APART)
SHARED = [(f"question {i}", f"document {i // 3}") for i in range(300)]
"""Three queries a document."""


def documents_in_common(plan: SplitPlan) -> int:
    train = plan.hashes["train"].second
    return sum(int(np.isin(rows.second, train).sum()) for name, rows in plan.hashes.items() if name != "train")


def test_over_a_corpus_documents_are_kept_apart_where_that_is_asked_for() -> None:
    tables = {"all": pairs(SHARED)}
    assert documents_in_common(planned(tables, has_corpus=True)) > 30, "by default only queries are"
    plan = planned(tables, has_corpus=True, spec=APART)
    assert documents_in_common(plan) == 0
    assert {name: len(rows) for name, rows in plan.hashes.items()} == {"train": 210, "dev": 30, "test": 60}


def test_training_rows_with_a_document_of_a_given_test_are_left_out_and_said() -> None:
    tables = {"train": pairs(SHARED[:240]), "test": pairs([(f"other {i}", f"document {i}") for i in range(20)])}
    plan = planned(tables, has_corpus=True, spec=APART)
    assert documents_in_common(plan) == 0 and len(plan.hashes["test"]) == 20
    left = int(next(note for note in plan.notes if "dev or test ask for their documents" in note).split(" of ")[0])
    assert len(plan.hashes["train"]) == 240 - len(plan.hashes["dev"]) - left and 40 < left <= 60
    assert len(plan.left_out) == left, "they belong together all the same"


def test_documents_that_link_everything_cannot_be_kept_apart() -> None:
    linked = [(f"question {i // 2}", f"document {(i + 1) // 2}") for i in range(200)]
    with pytest.raises(DataError, match="linked by the 101 documents") as error:
        planned({"all": pairs(linked)}, has_corpus=True, spec=APART)
    assert error.value.hint is not None and "data.split.documents" in error.value.hint
    same = {"train": pairs([(f"q{i}", "one document") for i in range(9)]), "test": pairs([("t", "one document")])}
    with pytest.raises(DataError, match=r"every document of train|linked by the 1 documents"):
        planned(same, has_corpus=True, spec=APART)


@pytest.mark.parametrize(("rows", "dev"), [(40, 10), (80, 20), (199, 49), (200, 50), (400, 50), (600, 60)])
def test_a_small_dev_is_enlarged_to_a_quarter_at_most(rows: int, dev: int) -> None:
    unique = [(f"question {i}", f"answer {i}") for i in range(rows)]
    plan = planned({"all": pairs(unique)}, spec=with_least_dev(SplitSpec()))
    assert len(plan.hashes["dev"]) == dev
    before = planned({"all": pairs(unique)})
    assert (plan.hashes["test"].first == before.hashes["test"].first).all(), "test stays what it was"
    assert (
        plan.marks
        == ([f"dev of at least {dev}"] if rows < 500 else [])
        == [f"dev of at least {note.split(' to ')[1].split()[0]}" for note in plan.notes if "dev is enlarged" in note]
    )
    assert not before.marks and len(before.hashes["dev"]) == round(rows / 10)


def test_scored_pairs_are_counted_as_pairs() -> None:
    table = scored([(f"one {i}", f"two {i}") for i in range(120)], scores=[0.1, 0.9])
    assert len(planned({"all": table}, kind=RowKind.SCORED, spec=with_least_dev(SplitSpec())).hashes["dev"]) == 30


def test_groups_that_cannot_fill_a_larger_dev_leave_it_as_it_was() -> None:
    names = ["one large group"] * 83 + [f"group {i}" for i in range(17)]
    plan = planned({"all": pairs(UNIQUE, names)}, spec=SplitSpec(test=0.05, least_dev=LEAST_DEV))
    assert len(plan.hashes["dev"]) == 10 and not plan.marks, "12 are left beside test, of 25 wanted"


def test_only_new_runs_that_set_no_share_enlarge_dev() -> None:
    assert with_least_dev(SplitSpec()).least_dev == LEAST_DEV
    assert with_least_dev(SplitSpec(dev=0.1)).least_dev == 0, "what the user sets holds"
    recorded = with_least_dev(SplitSpec())
    assert with_least_dev(SplitSpec.model_validate(recorded.model_dump())) == recorded
    assert SplitSpec.model_validate({"dev": 0.1, "test": 0.2}).least_dev is None, "a run of an earlier version"


def test_what_changes_nothing_is_no_other_data_set(tmp_path: Path) -> None:
    """Runs of earlier versions are continued with the fingerprints that they recorded."""
    (tmp_path / "pairs.csv").write_text("question,answer\n" + "".join(f"{a},{b}\n" for a, b in UNIQUE * 6), encoding="utf-8")
    (tmp_path / "many.csv").write_text(
        "question,answer\n" + "".join(f"question {i},answer {i}\n" for i in range(600)), encoding="utf-8"
    )

    def fingerprint(name: str, split: SplitSpec) -> str:
        return prepare(DatasetSpec(source=str(tmp_path / name)), split, tmp_path / "cache").fingerprint

    assert fingerprint("many.csv", SplitSpec()) == fingerprint("many.csv", SplitSpec(least_dev=50))
    assert fingerprint("pairs.csv", SplitSpec()) == fingerprint("pairs.csv", SplitSpec(least_dev=0))
    assert fingerprint("pairs.csv", SplitSpec()) != fingerprint("pairs.csv", SplitSpec(least_dev=50))
    assert fingerprint("many.csv", SplitSpec()) != fingerprint("many.csv", APART)
