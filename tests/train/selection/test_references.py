"""What a run judges beside base and tuned, and what it leaves out for its cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from data.spec import PromptSpec
from tests.support.toy_encoder import ToyEncoder
from tests.train.conftest import report_of
from train.config.schema import EvaluationConfig
from train.encode.contract import Role
from train.encode.protocol import TextEncoder
from train.encode.weights.locate import PACKAGED_SHA256
from train.errors import ModelError
from train.evaluate.evaluator import score_model
from train.evaluate.lexical import rank_by_words, score_ranked
from train.evaluate.tasks import RetrievalTask
from train.plan.plan import Plan
from train.selection import references
from train.selection.judged import BaseScores, TestScores
from train.selection.references import Beside, judge_references


class LetterEncoder(ToyEncoder):
    """Counts letters."""

    def vectors(self, texts: Sequence[str], role: Role) -> torch.Tensor:
        return torch.tensor([[float(text.count(letter)) for letter in "word0123456789"] for text in texts])


WORDS = [f"word{i}" for i in range(40)]


def task(queries: int) -> RetrievalTask:
    rng = np.random.default_rng(0)
    documents = [" ".join(rng.choice(WORDS, 8)) for _ in range(queries)]
    texts = [" ".join(rng.permutation(one.split())[:4]) for one in documents]
    ids = [str(i) for i in range(queries)]
    return RetrievalTask("faq", "test", ids, texts, [f"d{i}" for i in ids], documents, {i: {f"d{i}": 1.0} for i in ids})


def judged(queries: int = 160, kept_base: bool = False, sha256: str = "", **settings: Any) -> Beside:
    one, encoder = task(queries), cast(TextEncoder, LetterEncoder())
    scores = score_model(one, encoder)
    test = TestScores({"faq": (one, scores)})
    config = SimpleNamespace(
        evaluation=EvaluationConfig.model_validate({"resamples": 100} | settings),
        training=SimpleNamespace(seed=0),
        model=SimpleNamespace(name="mine", device="cpu"),
        vector_cache="off",
        cache=Path("nowhere"),
    )
    plan = SimpleNamespace(config=config, origin=SimpleNamespace(sha256=sha256), prompts={"faq": PromptSpec()})
    base = SimpleNamespace(test=test)
    return judge_references(cast(Plan, plan), cast(BaseScores, base), test, kept_base=kept_base)


@pytest.fixture(autouse=True)
def default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "open_model", lambda *_, **__: SimpleNamespace(encoder=LetterEncoder()))


def test_words_alone_words_with_both_and_the_default_model_stand_beside_tuned() -> None:
    found = judged()
    assert [one.kind for one in found.results] == ["words", "base_and_words", "tuned_and_words", "default_model"]
    words, with_base, with_tuned, default_model = found.results
    one = task(160)
    assert words.value == score_ranked(one, rank_by_words(one)).values["ndcg@10"] and words.as_good
    assert with_base.value == with_tuned.value and default_model.delta == 0 and default_model.as_good
    assert found.notes == ()


def test_the_base_fused_with_words_stands_there_once_where_it_is_shipped() -> None:
    assert [one.kind for one in judged(kept_base=True).results] == ["words", "base_and_words", "default_model"]


def test_the_default_model_is_left_out_where_it_is_the_base_or_too_few_queries_could_show_anything() -> None:
    kinds = ["words", "base_and_words", "tuned_and_words"]
    assert [one.kind for one in judged(sha256=PACKAGED_SHA256).results] == kinds
    assert [one.kind for one in judged(149).results] == kinds, "an equal model is shown to be one with 150 queries"
    assert len(judged(149, margin=0.05).results) == 4


def test_what_takes_too_long_is_left_out_and_that_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "seconds_of_words", lambda _: 3000.0)
    monkeypatch.setattr(references, "MOST_READ", 1000)
    found = judged()
    assert found.results == () and len(found.notes) == 2
    assert found.notes[0] == "BM25 was not judged on faq: it would take about 50 min 0 s, and 60 s is the most."


def test_a_default_model_that_cannot_be_loaded_costs_the_run_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ModelError("there is not enough memory for it")

    monkeypatch.setattr(references, "open_model", broken)
    found = judged()
    assert len(found.results) == 3
    assert found.notes == ("sentence-transformers/all-MiniLM-L6-v2 was not judged: there is not enough memory for it.",)


def test_they_can_be_switched_off() -> None:
    assert judged(references="off") == Beside()


def test_a_run_reports_them(runs: Path) -> None:
    found = report_of(runs / "first")
    assert [one["kind"] for one in found["references"]][:2] == ["words", "base_and_words"]
    assert 'id="references"' in (runs / "first" / "report.html").read_text(encoding="utf-8")
