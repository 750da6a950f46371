"""The benchmarks compare like with like, and their figures are those that they claim: small runs with the tiny model."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from sentence_transformers import SentenceTransformer

from tests.benchmarks import batches, encode_speed, train_speed
from tests.benchmarks.arms import TrainSpec
from tests.benchmarks.children import THREAD_VARIABLES, Child
from tests.benchmarks.counting import Cost, TokenCounter, own_shapes, token_lengths
from tests.benchmarks.figures import check_same_work, interval, orders, paired_difference, speed_ratio, summary
from tests.benchmarks.gate import WatchedSet
from tests.benchmarks.machine import Memory, matrix_peaks
from tests.benchmarks.workloads import FIXED, MIXED, BenchmarkError, draw_texts, load_workload
from train.fit.batches.samplers import ShuffledBatchSampler
from train.fit.batches.training_set import TrainingRows

BATCH, LIMIT, SEED = 6, 64, 7
SMALL = ["--rounds", "2", "--threads", "1", "--device", "cpu", "--peak-size", "64", "--seed", str(SEED)]
FIGURES = {"rows_per_second", "tokens_per_second", "padding_efficiency", "peak_share", "peak_memory_mb", "seconds_per_slice"}
MACHINE = {"cpu", "cores", "threads", "torch", "sentence_transformers", "transformers", "gpu", "peak_flops"}


def refuse(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")


def run(main: Any, *words: str) -> tuple[list[str], dict[str, Any]]:
    """What a benchmark prints, and its last line."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        main([*words, *SMALL])
    lines = out.getvalue().splitlines()
    return lines, json.loads(lines[-1], parse_constant=refuse)


THREADS_BEFORE = {name: os.environ.get(name) for name in THREAD_VARIABLES}

pytestmark = pytest.mark.slow  # the libraries are imported once more, by the server that children are forked from


@pytest.fixture(scope="module")
def trained(tiny_model: Path) -> tuple[list[str], dict[str, Any]]:
    words = ["--workload", "generated", "--batch", str(BATCH), "--steps", "1", "--warmup", "1", "--dropout", "0"]
    return run(train_speed.main, *words, "--model", str(tiny_model))


@pytest.fixture(scope="module")
def tiny(tiny_model: Path) -> SentenceTransformer:
    return SentenceTransformer(str(tiny_model), device="cpu")


def test_threads_of_a_child_are_not_inherited_by_what_comes_later(trained: tuple[list[str], dict[str, Any]]) -> None:
    """The arms were told to compute with one thread; this process must not have been."""
    assert {name: os.environ.get(name) for name in THREAD_VARIABLES} == THREADS_BEFORE


def test_training_says_what_it_promises(trained: tuple[list[str], dict[str, Any]]) -> None:
    lines, found = trained
    assert found["command"].startswith("python -m tests.benchmarks.train_speed --workload generated --batch 6 ")
    assert found["arms"]["A"]["precision"] == "fp32"
    assert found["machine"].keys() >= MACHINE and found["machine"]["threads"] == 1
    assert list(found["arms"]) == ["A", "B", "D"] and list(found["ratios"]) == ["D/A", "D/B", "B/A"]
    for figures in found["arms"].values():
        assert figures.keys() >= FIGURES
        assert figures["rows_per_second"] == pytest.approx(2 * BATCH / sum(figures["seconds_per_slice"]))
        assert len(figures["seconds_per_slice"]) == 2 and figures["precision"] in ("fp32", "bf16")  # what pays on this machine
        assert 0 < figures["peak_share"] < 10  # of a peak that was measured with tiny matrices
    text = "\n".join(lines)
    assert all(label in text for label in train_speed.LABELS.values()) and "D/B: " in text


def test_arms_do_the_same_work(trained: tuple[list[str], dict[str, Any]]) -> None:
    found = trained[1]
    assert found["same_tokens"]  # other rows, or another order of batches, would have been an error
    arms = found["arms"].values()
    assert len({one["trained_weights"] for one in arms}) == 1
    losses = [one["loss_after"] for one in arms]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-5)  # without dropout; loss, rate and clipping are the same, then
    assert len({one["options"]["learning_rate"] for one in arms}) == 1
    tokens = [one["tokens_per_second"] * sum(one["seconds_per_slice"]) for one in arms]
    assert tokens == pytest.approx([tokens[0]] * 3)


def test_padding_efficiency_is_measured(trained: tuple[list[str], dict[str, Any]], tiny: SentenceTransformer) -> None:
    workload = load_workload("generated", None, Path(), tiny.tokenizer, 3 * BATCH, SEED)
    plan = WatchedSet(TrainingRows(workload.table, workload.kind), workload.loss).sampler(BATCH, SEED).plan()
    real = slots = 0
    for batch in plan[1:3]:  # the first is the warm-up
        for column in ("anchor", "positive"):
            lengths = token_lengths(tiny, workload.table.select(batch)[column][:], "", LIMIT)
            real, slots = real + sum(lengths), slots + len(lengths) * max(lengths)
    arms = trained[1]["arms"]
    assert arms["A"]["padding_efficiency"] == pytest.approx(real / slots)
    assert arms["A"]["padding_efficiency"] < arms["D"]["padding_efficiency"] <= 1


def test_memory_of_each_arm_is_its_own(trained: tuple[list[str], dict[str, Any]]) -> None:
    for figures in trained[1]["arms"].values():
        assert 0 < figures["peak_memory_mb"] < figures["peak_total_mb"]


def test_encoding_says_what_it_promises(tiny_model: Path) -> None:
    lines, found = run(encode_speed.main, "--texts", "16", "--model", str(tiny_model))
    assert found["machine"].keys() >= MACHINE and found["same_tokens"]
    assert list(found["ratios"]) == ["D/A", "D/B", "B/A"]
    assert found["arms"]["A"]["difference_to_a"] == 0
    for figures in found["arms"].values():
        assert figures.keys() >= FIGURES and figures["difference_to_a"] < {"fp32": 1e-4, "bf16": 2e-2}[figures["precision"]]
        assert figures["rows_per_second"] == pytest.approx(2 * 16 / sum(figures["seconds_per_slice"]))
    assert found["arms"]["A"]["padding_efficiency"] < found["arms"]["D"]["padding_efficiency"] <= 1
    assert "largest difference to A" in "\n".join(lines)


@pytest.mark.slow
def test_scores_of_whole_trainings(tiny_model: Path, tiny: SentenceTransformer, tmp_path: Path) -> None:
    (tmp_path / "stsb_en").mkdir()
    for split, count in (("train", 20), ("dev", 10), ("test", 10)):
        lines = "".join(f"{split} a {i},{split} b {'x ' * (i % 4)}{i},{i % 3 / 2}\n" for i in range(count))
        (tmp_path / "stsb_en" / f"{split}.csv").write_text("sentence1,sentence2,score\n" + lines, encoding="utf-8")
    words = ["--workload", "stsb", "--data", str(tmp_path), "--batch", "8", "--dropout", "0", "--model", str(tiny_model)]
    words += ["--score", "--seeds", "2", "--epochs", "2", "--arms", "A,D", "--learning-rate", "1e-9"]
    _, found = run(train_speed.main, *words)
    assert found["metric"] == "spearman" and found["seeds"] == [SEED, SEED + 1] and found["same_tokens"]
    with (tmp_path / "stsb_en" / "test.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    one, two = (tiny.encode([row[column] for row in rows]) for column in ("sentence1", "sentence2"))  # of unit length
    base = spearmanr((one * two).sum(axis=1), [float(row["score"]) for row in rows]).statistic
    for arm in ("A", "D"):  # at this rate nothing changes, so the scores are the base's
        assert found["arms"][arm]["scores"] == pytest.approx([base, base], abs=1e-3)
    difference = found["differences"]["D-A"]
    assert difference["ci95"][0] <= difference["mean"] <= difference["ci95"][1]


def test_slots_tokens_and_operations_by_hand(tiny: SentenceTransformer) -> None:
    cost = Cost.of(tiny)
    # width 32, feed-forward 64, 2 layers: 2 × 2 × (4 × 32² + 2 × 32 × 64) and 4 × 32 × 2
    assert (cost.per_token, cost.per_square) == (32_768, 256)
    assert cost.forward([3, 5]) == 32_768 * 8 + 256 * (9 + 25)
    assert {shape[1:] for shape in own_shapes(tiny)} == {(32, 32), (32, 64), (64, 32)}
    assert token_lengths(tiny, ["red", "red " * 9], "blue ", 8) == [4, 8]
    counter = TokenCounter(tiny)
    tiny.encode(["red", "red blue green"])  # 3 and 5 tokens with the special ones, padded to 5
    first = counter.take()
    assert (first["slots"], first["forwarded_tokens"], first["precision"]) == (10, 8, "fp32")
    for texts in (["red blue green", "red"], ["red", "red blue grey"]):
        for text in texts:
            tiny.encode([text])
        found = counter.take()
        assert found["slots"] == 8
        assert (found["tokens_hash"] == first["tokens_hash"]) == ("grey" not in texts[1])
    counter.close()
    tiny.encode(["red"])
    assert counter.take()["slots"] == 0


def a_slice(**given: Any) -> dict[str, Any]:
    work = {"seconds": 2.0, "rows": 8, "tokens": 60, "flops": 4e9, "slots": 100, "forwarded_tokens": 60, "precision": "fp32"}
    return (
        work | {"peak_memory_mb": 5.0, "peak_total_mb": 50.0, "peak_is_exact": True, "rows_hash": "r", "tokens_hash": "t"} | given
    )


def test_summary_by_hand() -> None:
    found = summary([a_slice(), a_slice(seconds=6.0, peak_memory_mb=7.0)], {"fp32": 1e10, "bf16": 1e11})
    assert (found["rows_per_second"], found["tokens_per_second"], found["padding_efficiency"]) == (2.0, 15.0, 0.6)
    assert (found["peak_share"], found["peak_memory_mb"]) == (pytest.approx(0.1), 7.0)
    unseen = summary([a_slice(slots=0, forwarded_tokens=0, precision=None)], {"fp32": 1e10})
    assert unseen["padding_efficiency"] is None and unseen["peak_share"] is None


def test_ratios_and_intervals_by_hand() -> None:
    found = speed_ratio([4.0, 9.0], [2.0, 3.0])
    assert found["rounds"] == [2.0, 3.0] and found["value"] == pytest.approx(math.sqrt(6))
    half = 12.7062 * (math.log(3) - math.log(2)) / 2  # t(0.975, 1) × sd / √2, the sd of two values being their distance / √2
    assert found["ci95"] == pytest.approx([math.sqrt(6) * math.exp(-half), math.sqrt(6) * math.exp(half)], rel=1e-4)
    assert speed_ratio([4.0], [2.0])["ci95"] is None
    difference = paired_difference([0.5, 0.7, 0.9], [0.4, 0.5, 0.6])
    assert difference["mean"] == pytest.approx(0.2)
    assert difference["ci95"] == pytest.approx([0.2 - 4.3027 * 0.1 / math.sqrt(3), 0.2 + 4.3027 * 0.1 / math.sqrt(3)], rel=1e-4)
    assert interval([1.0]) is None


def test_turns_rotate_and_unequal_work_is_refused() -> None:
    assert orders(["A", "B", "D"], 4) == [["A", "B", "D"], ["D", "A", "B"], ["B", "D", "A"], ["A", "B", "D"]]
    assert check_same_work({"A": [a_slice()], "D": [a_slice()]})
    assert not check_same_work({"A": [a_slice()], "D": [a_slice(tokens_hash="other")]})
    with pytest.raises(BenchmarkError, match="did not get the same rows in slice 1"):
        check_same_work({"A": [a_slice(), a_slice()], "D": [a_slice(), a_slice(rows_hash="other")]})


def test_sampler_remembers_the_batches_of_each_epoch(tiny: SentenceTransformer) -> None:
    workload = load_workload("fixed", None, Path(), tiny.tokenizer, 10, SEED)
    rows = WatchedSet(TrainingRows(workload.table, workload.kind), workload.loss)
    watched, plain = rows.sampler(4, SEED), ShuffledBatchSampler(10, 4, SEED)
    plans = []
    for epoch in (0, 1):
        watched.set_epoch(epoch)
        plain.set_epoch(epoch)
        plans.append(list(watched))
    assert watched is rows.sampler(4, SEED) and len(watched) == 3
    assert plans[0] != plans[1] and [sorted(row for batch in plan for row in batch) for plan in plans] == [list(range(10))] * 2
    assert watched.batches(2, 4) == [plans[0][2], plans[1][0]]
    with pytest.raises(BenchmarkError, match="other batches"):
        watched.batches(5, 7)


@pytest.mark.parametrize("kind", batches.KINDS)
def test_the_cost_of_batches_is_measured(kind: str) -> None:
    line = batches.measure(kind, 2000)
    assert line.startswith(kind) and line.endswith("% (GPU)")
    masks = float(line.split("mask")[1].split("ms")[0])
    assert (masks > 0) == (kind != "nothing in common")


def test_drawn_texts_have_their_lengths(tiny: SentenceTransformer) -> None:
    rng = np.random.default_rng(SEED)
    lengths = MIXED.draw(rng, 300)
    assert min(lengths) >= 5 and max(lengths) <= 256 and 34 < float(np.median(lengths)) < 46
    assert set(FIXED.draw(rng, 9)) == {64}
    texts = draw_texts(tiny.tokenizer, lengths, rng)
    assert [len(ids) for ids in tiny.tokenizer(texts)["input_ids"]] == lengths
    assert len(set(texts)) > 290
    table = load_workload("generated", None, Path(), tiny.tokenizer, 9, SEED).table
    assert table[:] == load_workload("generated", None, Path(), tiny.tokenizer, 9, SEED).table[:]


def test_memory_is_counted_from_the_mark_on() -> None:
    blocks = [bytes(range(256)) * 256 for _ in range(768)]  # 48 MiB in pieces, which the C library keeps when they are freed
    last = blocks[-1]
    del blocks
    memory = Memory("cpu")
    assert memory.figures()["peak_memory_mb"] < 24
    blocks = [last[:1] + last[1:] for _ in range(512)]  # 32 MiB
    del blocks
    assert 30 < memory.figures()["peak_memory_mb"] < 48


def test_peak_is_measured_for_each_precision() -> None:
    peaks = matrix_peaks("cpu", [(64, 32, 16)], 32)
    assert list(peaks) == ["fp32", "bf16"] and all(1e6 < rate < 1e15 for rate in peaks.values())


def diligent(spec: str, connection: Connection) -> None:
    """Writes to a file all the time; answers whatever it is told."""

    def write() -> None:
        while True:
            with Path(spec).open("a", encoding="ascii") as file:
                file.write(".")
            time.sleep(0.002)

    Thread(target=write, daemon=True).start()
    while True:
        message = connection.recv()
        time.sleep(0.2)  # its turn lasts: time to write
        connection.send(("said", message))


def failing(spec: str, connection: Connection) -> None:
    raise BenchmarkError(spec) if spec != "bug" else ValueError(spec)


def test_a_child_does_nothing_between_its_turns(tmp_path: Path) -> None:
    file = tmp_path / "dots"
    sizes = []
    with pytest.raises(KeyboardInterrupt), Child("it", diligent, str(file), 1, tmp_path / "log") as child:
        for _ in range(2):
            assert child.ask("work") == ("work",)
            time.sleep(0.05)  # the signal is on its way
            sizes.append(file.stat().st_size)
            time.sleep(0.2)
            sizes.append(file.stat().st_size)
        raise KeyboardInterrupt  # ends the child, too
    assert 0 < sizes[0] == sizes[1] < sizes[2] == sizes[3]


@pytest.mark.parametrize(("spec", "said"), [("no such thing", "it: no such thing"), ("bug", "it: ValueError: bug\nTraceback")])
def test_a_child_that_fails_says_why(tmp_path: Path, spec: str, said: str) -> None:
    with pytest.raises(BenchmarkError) as error, Child("it", failing, spec, 1, tmp_path / "log") as child:
        child.receive()
    assert str(error.value).startswith(said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--workload", "fixed", "--arms", "A,C"], "the arms are A, B, D"),
        (["--workload", "fixed", "--steps", "0"], "--steps 0: it is at least 1"),
        (["--workload", "fixed", "--score"], "no test split"),
        (["--workload", "stsb"], "give the folder of data sets with --data"),
        (["--workload", "stsb", "--data", "nowhere"], "nowhere/stsb_en is not there"),
    ],
)
def test_mistakes_are_said(monkeypatch: pytest.MonkeyPatch, words: list[str], said: str) -> None:
    monkeypatch.delenv("EMBED_TUNE_DATASETS", raising=False)
    with pytest.raises(BenchmarkError) as error:
        train_speed.main(words)
    assert said in str(error.value)


def test_what_all_arms_share_is_one_specification(tmp_path: Path) -> None:
    asked = train_speed.parse(["--workload", "fixed", "--batch", "4", "--warmup", "1", "--steps", "2", "--rounds", "3"])
    spec = train_speed.specification(asked, None, tmp_path)
    assert isinstance(spec, TrainSpec) and (spec.steps, spec.rows, spec.epochs) == (7, 28, None)
