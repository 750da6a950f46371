"""What is said and shown: errors without keys, flat values, tables, the short form of the setting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

from tests.support.pages import extras_of
from train.config.load import load_config
from train.tracking.destination import environment, first_lines
from train.tracking.tables import example_tables, result_columns, result_rows, summary_of

KEY = "local-0123456789abcdefghijklmnopqrstuvwxyz0123"

REPORT: dict[str, Any] = {
    "verdict": "mixed",
    "primary": "faq",
    "best_step": 40,
    "datasets": [
        {
            "name": "faq",
            "kind": "pair",
            "split": "test",
            "metric": "ndcg@10",
            "n": 50,
            "base": 0.5,
            "tuned": 0.625,
            "delta": 0.125,
            "ci95": [0.0625, 0.1875],
            "p_value": 0.01,
            "verdict": "improved",
            "metrics": {"mrr@10": {"base": 0.4, "tuned": 0.5}},
        }
    ],
    "cost": {"train_seconds": 12.5},
}


def test_an_error_is_one_line_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    said = first_lines(ValueError(f"no entry\nfor {KEY}\n\n and {'ab' * 20} neither"))
    assert said == "no entry; for …; and … neither"
    assert len(first_lines(ValueError("x y " * 400))) == 300
    assert first_lines(TimeoutError()) == "TimeoutError"


def test_what_pydantic_says_is_cut_to_what_matters() -> None:
    class Model(BaseModel):
        age: int = Field(gt=3)

    with pytest.raises(ValueError, match="age") as caught:
        Model(age=1)
    assert first_lines(caught.value) == "1 validation error for Model; age; Input should be greater than 3"


def test_variables_are_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv("A_SET", "before")
    monkeypatch.delenv("A_MISSING", raising=False)
    with environment({"A_SET": "now", "A_MISSING": "now"}):
        assert (os.environ["A_SET"], os.environ["A_MISSING"]) == ("before", "now")
    with environment({"A_SET": "now"}, override=True):
        assert os.environ["A_SET"] == "now"
    assert os.environ["A_SET"] == "before" and "A_MISSING" not in os.environ


def test_summary_and_table_of_results() -> None:
    assert summary_of(REPORT) == {
        "verdict": "mixed",
        "primary": "faq",
        "best_step": 40,
        "test/faq/kind": "pair",
        "test/faq/split": "test",
        "test/faq/metric": "ndcg@10",
        "test/faq/n": 50,
        "test/faq/base": 0.5,
        "test/faq/tuned": 0.625,
        "test/faq/delta": 0.125,
        "test/faq/ci_low": 0.0625,
        "test/faq/ci_high": 0.1875,
        "test/faq/p_value": 0.01,
        "test/faq/verdict": "improved",
        "cost/train_seconds": 12.5,
    }
    (row,) = result_rows(REPORT)
    assert dict(zip(result_columns(), row, strict=True))["ci_high"] == 0.1875 and row[0] == "faq"


def test_cross_validation_stands_in_the_summary() -> None:
    crossed = {"folds": 5, "n": 250, "base": 0.5, "tuned": 0.75, "delta": 0.25, "ci95": [0.125, 0.5], "p_value": 0.001}
    result = REPORT["datasets"][0] | {"cross_validation": crossed | {"verdict": "improved"}}
    found = summary_of(REPORT | {"datasets": [result]})
    own = {name.rpartition("/")[2]: value for name, value in found.items() if name.startswith("cross_validation/faq/")}
    flat = {name: value for name, value in crossed.items() if name != "ci95"}
    assert own == flat | {"ci_low": 0.125, "ci_high": 0.5, "verdict": "improved"}
    assert found["test/faq/n"] == 50


def test_tables_of_examples() -> None:
    found = [{"text": "a document", "id": "1"}]
    query = {"dataset": "faq", "kind": "gained", "query": "how?", "base": 0.0, "tuned": 1.0, "delta": 1.0}
    pair = {"dataset": "sts", "kind": "lost", "sentence1": "a", "sentence2": "b", "gold": 0.5}
    tables = example_tables(
        [
            query | {"base_ranking": [], "tuned_ranking": found},
            pair | {"base": 0.9, "tuned": 0.8, "delta": -0.1, "base_similarity": 0.25, "tuned_similarity": 0.75},
        ]
    )
    columns, rows = tables["examples/queries"]
    assert rows == [["faq", "gained", "how?", 0.0, 1.0, 1.0, None, "a document"]] and len(columns) == 8
    assert tables["examples/pairs"][1] == [["sts", "lost", "a", "b", 0.5, 0.25, 0.75]]
    assert example_tables([]) == {}


def test_a_page_without_texts_has_counts_only() -> None:
    finding = {"severity": "warning", "what": "odd", "count": 1, "examples": ["secret"]}
    audit = {"name": "faq", "kind": "pair", "counts": {"rows_train": 3}, "notes": ["secret"], "ignored": ["secret"]}
    extras = {
        "audit": {"datasets": [audit | {"columns": {"anchor": ["secret"]}, "findings": [finding]}]},
        "data_notes": {"faq": ["secret"]},
        "config": "run_name: x",
    }
    kept = extras_of(extras).without_texts()
    assert "secret" not in str(kept) and "secret" in str(extras_of(extras))
    assert kept.config == "run_name: x" and kept.audit is not None and kept.audit.datasets[0].counts == {"rows_train": 3}


@pytest.mark.parametrize("order", [1, -1])
def test_the_short_form_and_other_settings_go_together(tmp_path: Path, order: int) -> None:
    overrides = ["tracking=wandb", "tracking.tags=[a, b]"][::order]
    tracking = load_config(None, data="x.csv", overrides=overrides).tracking
    assert (tracking.backend, tracking.tags) == ("wandb", ["a", "b"])
    file = tmp_path / "c.yaml"
    file.write_text("data: x.csv\ntracking: {backend: wandb, project: mine}\n", encoding="utf-8")
    tracking = load_config(file, overrides=["tracking=none"]).tracking
    assert (tracking.backend, tracking.project) == ("none", "mine")
    file.write_text("data: x.csv\ntracking: wandb\n", encoding="utf-8")
    tracking = load_config(file, overrides=["tracking.log_texts=true"]).tracking
    assert (tracking.backend, tracking.log_texts) == ("wandb", True)
