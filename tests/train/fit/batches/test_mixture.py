"""Mixtures: shares by hand, batches that go on where they stopped, what the trainer makes of them."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers.base.sampler import ProportionalBatchSampler
from torch.utils.data import ConcatDataset

from train.fit.batches.mixture import DosedBatchSampler, deal, mix
from train.fit.batches.samplers import RankShare, ShuffledBatchSampler

ALIKE = {"large": 1.0, "small": 1.0}


def test_shares_by_hand() -> None:
    batches = {"large": 90, "small": 10}
    assert deal(batches, ALIKE, 1) == batches
    assert deal(batches, {"large": 1, "small": 3}, 1) == {"large": 75, "small": 25}  # 90 : 30
    assert deal(batches, ALIKE, 2) == {"large": 75, "small": 25}  # √90 : √10 = 3 : 1
    assert deal(batches, {"large": 1, "small": 4}, math.inf) == {"large": 20, "small": 80}
    assert deal(batches, {"large": 1, "small": 1e-9}, 1) == {"large": 99, "small": 1}  # nobody is left with nothing
    many = {"heavy": 2, **{f"light {i}": 2 for i in range(9)}}
    assert deal(many, {"heavy": 100, **{f"light {i}": 1 for i in range(9)}}, 1) == {
        "heavy": 11,
        **{f"light {i}": 1 for i in range(9)},
    }


@given(
    batches=st.lists(st.integers(1, 500), min_size=1, max_size=6),
    weights=st.lists(st.floats(1e-3, 1e3), min_size=6, max_size=6),
    temperature=st.floats(1, 100),
)
def test_an_epoch_stays_as_long_as_it_was(batches: list[int], weights: list[float], temperature: float) -> None:
    names = [str(place) for place in range(len(batches))]
    dealt = deal(dict(zip(names, batches, strict=True)), dict(zip(names, weights, strict=False)), temperature)
    assert all(count >= 1 for count in dealt.values())
    assert sum(dealt.values()) == sum(batches)


def test_sizes_alone_change_nothing() -> None:
    samplers = {"large": ShuffledBatchSampler(90, 4, 0), "small": ShuffledBatchSampler(10, 4, 0)}
    assert mix(samplers, {"large": 23, "small": 3}, ALIKE, 1) == samplers


def test_a_dose_is_an_epoch_of_a_data_set_whose_texts_recur() -> None:
    samplers = {"large": ShuffledBatchSampler(90, 4, 0), "small": ShuffledBatchSampler(10, 4, 0)}
    dosed = mix(samplers, {"large": 5, "small": 3}, ALIKE, 1)
    assert dosed["small"] is samplers["small"] and len(dosed["large"]) == 5
    assert dosed["large"].plan() == ShuffledBatchSampler(90, 4, 0).plan()[:5]


@pytest.mark.parametrize("batches", [1, 2, 7])
def test_passes_follow_one_another(batches: int) -> None:
    """Over some epochs every row comes as often as every other, but for the pass that is not finished."""
    whole = ShuffledBatchSampler(10, 2, seed=1)
    dosed = DosedBatchSampler(ShuffledBatchSampler(10, 2, seed=1), batches)
    found = []
    for epoch in range(6):
        dosed.set_epoch(epoch)
        plan = list(dosed)
        assert len(plan) == len(dosed) == batches
        found += plan
    expected = []
    for one in range(-(-len(found) // 5)):
        whole.set_epoch(one)
        expected += whole.plan()
    assert found == expected[: len(found)]
    counts = Counter(row for batch in found for row in batch)
    assert max(counts.values()) - min(counts[row] for row in range(10)) <= 1


def test_an_epoch_does_not_depend_on_those_before() -> None:
    """A resumed run asks for its epoch at once."""
    one, other = (DosedBatchSampler(ShuffledBatchSampler(10, 3, seed=1), 7) for _ in range(2))
    for epoch in range(4):
        one.set_epoch(epoch)
        one.plan()
    other.set_epoch(3)
    assert one.plan() == other.plan()


def test_processes_share_it() -> None:
    dosed = DosedBatchSampler(ShuffledBatchSampler(16, 4, seed=1), 6)
    dosed.set_epoch(1)
    shares = [RankShare(DosedBatchSampler(ShuffledBatchSampler(16, 4, seed=1), 6), rank, 2) for rank in range(2)]
    for share in shares:
        share.set_epoch(1)
    assert [first + second for first, second in zip(*shares, strict=True)] == dosed.plan()


def test_the_trainer_gives_each_its_share() -> None:
    samplers = mix(
        {"large": ShuffledBatchSampler(90, 1, 0), "small": ShuffledBatchSampler(10, 1, 0)}, {"large": 90, "small": 10}, ALIKE, 2
    )
    data = ConcatDataset([range(90), range(90, 100)])  # type: ignore[list-item]
    together = ProportionalBatchSampler(data, list(samplers.values()), seed=0)
    counts = Counter(row >= 90 for batch in together for row in batch)
    assert counts == {False: 75, True: 25} and len(together) == 100
