"""Dev tells taught from new documents, and what loses on the latter is not taken while something else is there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from data.load import prepare
from data.spec import DatasetSpec, SplitSpec
from tests.support.toy_encoder import ToyEncoder
from train.encode.contract import Role
from train.evaluate.slicing import document_hashes
from train.report.page_curve import Curve
from train.runs.records import DevPart, DevParts, ScoreLine, Selection, TriedShare
from train.runs.score_log import best_line
from train.selection.dev import build_dev_judge
from train.selection.interpolation import SHARES, Winner, choose_weights, copy_of
from train.selection.parts import FEWEST_A_PART, parts_of
from train.wording import WITHOUT_LOSING, judged_sentence, shipped


class Letters(ToyEncoder):
    """Counts letters; one that was trained finds documents that begin with "taught" wherever they are asked for."""

    def __init__(self, trained: bool = False) -> None:
        super().__init__()
        self.trained = trained

    def vectors(self, texts: Sequence[str], role: Role) -> Tensor:
        found = torch.tensor([[float(text.count(letter)) + 0.01 for letter in "abcdefghij0123456789"] for text in texts])
        return found.clamp(max=1.0) if self.trained else found


def line(step: int, dev: float, new: float | None = None, noise: float = 0.0045) -> ScoreLine:
    """A checkpoint whose change on new documents is known, with a standard error of 0.02."""
    if new is None:
        return ScoreLine(step=step, dev=dev, noise=noise)
    parts = DevParts(taught=DevPart(n=50, dev=dev, change=0.2, noise=0.02), new=DevPart(n=30, dev=0.6, change=new, noise=0.02))
    return ScoreLine(step=step, dev=dev, noise=noise, parts={"facts": parts})


def test_both_parts_of_dev_are_scored_against_the_base_with_their_standard_errors() -> None:
    generator = np.random.default_rng(0)
    base, tuned, taught = generator.random(60), generator.random(60), np.arange(60) % 3 > 0
    found = parts_of(taught, base, tuned)
    assert (found.taught.n, found.new.n) == (40, 20)
    difference = (tuned - base)[~taught]
    assert found.new.change == pytest.approx(difference.mean()) and found.new.dev == pytest.approx(tuned[~taught].mean())
    assert found.new.noise == pytest.approx(difference.std(ddof=1) / 20**0.5)


@pytest.mark.parametrize(
    ("curve", "step"),
    [
        ([line(0, 0.65), line(10, 0.70, 0.0), line(20, 0.76, -0.03), line(30, 0.77, -0.04)], 10),  # the others learned by heart
        ([line(0, 0.65), line(10, 0.70, 0.0), line(20, 0.76, -0.019), line(30, 0.75, -0.01)], 20),  # within a standard error
        ([line(0, 0.65), line(10, 0.70, -0.03), line(20, 0.76, -0.04)], 20),  # all lose: weights between are tried
        ([line(0, 0.65), line(10, 0.70), line(20, 0.76)], 20),  # dev has no such parts, or the run is of an earlier version
    ],
)
def test_checkpoints_that_lose_on_new_documents_are_passed_over(curve: list[ScoreLine], step: int) -> None:
    found = best_line(curve)
    assert found is not None and found.step == step


def chosen(dev: dict[float, tuple[float, float]]) -> tuple[Winner, nn.Module]:
    """The winner where weights have dev scores, and changes on new documents."""
    model = nn.BatchNorm1d(3)
    for weight in model.state_dict().values():
        weight.fill_(2)
    base = {name: torch.zeros_like(weight) for name, weight in copy_of(model).items()}

    def judge() -> ScoreLine:
        return line(60, *dev[round(float(model.state_dict()["weight"][0]) / 2, 4)])

    last = line(60, *dev[1.0])
    return choose_weights(model, base, 60, last.dev, dev[0.0][0], judge, loses=last.loses_on_new), model


def test_of_the_weights_between_those_that_keep_new_documents_are_taken() -> None:
    dev = {0.0: (0.65, 0.0), 0.25: (0.69, 0.01), 0.5: (0.73, 0.0), 0.75: (0.76, -0.03), 0.9: (0.77, -0.05), 1.0: (0.78, -0.06)}
    winner, model = chosen(dev)
    assert winner.share == 0.5 and winner.dev == 0.73 and winner.losing == (0.75, 0.9, 1.0) and winner.held_back
    assert float(model.state_dict()["weight"][0]) == 1.0
    assert winner.sentence().endswith("the best on dev (what scores higher loses on documents that train did not teach)")
    tried = winner.as_json()["tried"]
    assert isinstance(tried, list) and [one.get("loses_on_new", False) for one in tried] == [False] * 3 + [True] * 3
    everything_loses, _ = chosen({share: (score, -0.05 if share else 0.0) for share, (score, _) in dev.items()})
    assert everything_loses.share == 0 and everything_loses.held_back


def test_nothing_is_passed_over_where_nothing_is_lost() -> None:
    winner, _ = chosen({share: (0.5 + 0.1 * share, 0.0) for share in (0.0, *SHARES, 1.0)})
    assert winner.share == 1 and not winner.held_back and not winner.losing


def test_the_judge_tells_the_parts_of_dev_and_what_the_winner_gained(tmp_path: Path) -> None:
    rows = "".join(f"question {i} {'ab' * (i % 9)},{'cd' * (i % 7)} text {i}\n" for i in range(300))
    (tmp_path / "pairs.csv").write_text(f"question,answer\n{rows}", encoding="utf-8")
    data = {"pairs": prepare(DatasetSpec(source=str(tmp_path / "pairs.csv")), SplitSpec(dev=0.2), tmp_path / "cache")}
    answers = list(data["pairs"].splits["dev"]["positive"])
    half = document_hashes(answers[: len(answers) // 2])
    judge = build_dev_judge(data, Letters(), 500, 20, 1e9, taught=half)
    assert judge.line(0, Letters()).parts == {}
    parts = judge.line(5, Letters(trained=True)).parts["pairs"]
    assert parts.taught.n + parts.new.n == len(judge.tasks["pairs"]) and min(parts.taught.n, parts.new.n) >= FEWEST_A_PART
    whole = judge.score(Letters(trained=True))
    gain = judge.gain("pairs", whole)
    assert gain is not None and gain.n == len(answers) and gain.delta == pytest.approx(whole["pairs"] - judge.base["pairs"])
    total = (parts.taught.change * parts.taught.n + parts.new.change * parts.new.n) / gain.n
    assert total == pytest.approx(gain.delta)
    assert judge.gain("other", whole) is None
    assert build_dev_judge(data, Letters(), 500, 20, 1e9).line(5, Letters(trained=True)).parts == {}


def test_a_base_that_is_kept_for_what_the_others_lose_is_said_to_be() -> None:
    tried = tuple(TriedShare(share=share, dev=0.7 if share else 0.65, loses_on_new=bool(share)) for share in (0.0, 0.5, 1.0))
    assert Selection(share=0.0, dev=0.65, tried=tried).passed_over
    assert not Selection(share=0.0, dev=0.7, tried=tried).passed_over and not Selection().passed_over
    assert shipped(60, 0, passed_over=True) == f"ships the base: nothing was better on dev{WITHOUT_LOSING}"
    assert "without losing on documents that train did not teach" in judged_sentence(0, passed_over=True)
    assert judged_sentence(0.5, passed_over=True).endswith(
        "what scores higher on dev loses on documents that train did not teach."
    )


def test_the_curve_says_what_was_passed_over_and_why() -> None:
    curve = Curve.of([line(0, 0.65), line(10, 0.70, 0.0), line(20, 0.76, -0.03)])
    assert (
        curve is not None
        and "that of step 10 is taken: what scores higher loses on documents that train did not" in curve.summary
    )
    assert curve.rows[2].note == "taught documents +0.200, new -0.030 (standard error 0.020)"
