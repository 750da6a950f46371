"""`embed-tune diff` on runs written by hand: its figures are those of the statistics on the same arrays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.support.handmade import COST, retrieval, scored, write_run
from train.cli.app import main
from train.console import heard_by
from train.errors import RunError
from train.evaluate.correlations import compare_spearman
from train.evaluate.statistics import compare_means
from train.runs.finished import read_finished
from train.workflows.diff import SEED, Diff, compare_runs, diff_runs, shown

RNG = np.random.default_rng(4)
NDCG_A = RNG.random(40)
NDCG_B = np.clip(NDCG_A + RNG.normal(0.15, 0.2, 40), 0, 1)
GOLD = RNG.integers(0, 6, 50) / 5
COSINE_A, COSINE_B = GOLD + RNG.normal(0, 0.6, 50), GOLD + RNG.normal(0, 0.3, 50)


def diff(a: Path, b: Path) -> Diff:
    return compare_runs(read_finished(a), read_finished(b))


def test_figures_of_queries_are_those_of_the_paired_comparison_whatever_the_order_in_the_file(tmp_path: Path) -> None:
    ids = [f"q{i}" for i in range(40)]
    order = RNG.permutation(40)
    a = write_run(tmp_path / "a", {"faq": retrieval(NDCG_A, ids)})
    b = write_run(tmp_path / "b", {"faq": retrieval(NDCG_B[order], [ids[i] for i in order])})
    found = diff(a, b)
    (result,) = found.results
    expected = compare_means(NDCG_A, NDCG_B, seed=SEED)
    assert (result.base, result.tuned) == (pytest.approx(NDCG_A.mean()), pytest.approx(NDCG_B.mean()))
    assert (result.delta, result.ci95, result.p_value) == (expected.delta, expected.ci95, expected.p_value)
    assert (result.metrics["ndcg@10"].base, result.metrics["ndcg@10"].tuned) == (
        pytest.approx(result.base),
        pytest.approx(result.tuned),
    )
    assert (result.n, result.verdict, result.split, found.sides) == (40, "improved", "test", ("a", "b"))
    assert "Verdict: b is better than a on faq" in str(found)


def test_groups_are_resampled_as_the_runs_did_whatever_the_order_in_the_file(tmp_path: Path) -> None:
    groups = np.repeat(np.arange(8), 5)
    ids = [f"q{i}" for i in range(40)]
    order = RNG.permutation(40)
    a = write_run(tmp_path / "a", {"faq": retrieval(NDCG_A, ids)}, groups=groups.tolist())
    b = write_run(
        tmp_path / "b", {"faq": retrieval(NDCG_B[order], [ids[i] for i in order])}, groups=(groups[order] + 20).tolist()
    )
    found = diff(a, b)
    (result,) = found.results
    expected = compare_means(NDCG_A, NDCG_B, seed=SEED, groups=groups)
    assert (result.ci95, result.p_value, result.n, result.groups) == (expected.ci95, expected.p_value, 40, 8)
    assert "40 queries in 8 groups" in str(found)
    a = write_run(tmp_path / "x" / "a", {"sts": scored(GOLD, COSINE_A)}, groups=[None] * 40 + [3] * 10)
    b = write_run(tmp_path / "x" / "b", {"sts": scored(GOLD, COSINE_B)}, groups=[None] * 40 + [3] * 10)
    (result,) = diff(a, b).results
    expected = compare_spearman(GOLD, COSINE_A, COSINE_B, seed=SEED, groups=np.minimum(np.arange(50), 40))
    assert (result.ci95, result.p_value, result.n, result.groups) == (expected.ci95, expected.p_value, 50, 41)


def test_figures_of_scored_pairs_are_recomputed_from_the_gold_scores(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", {"sts": scored(GOLD, COSINE_A)}, with_gold=False)
    b = write_run(tmp_path / "b", {"sts": scored(GOLD, COSINE_B)})
    (result,) = diff(a, b).results
    expected = compare_spearman(GOLD, COSINE_A, COSINE_B, seed=SEED)
    assert (result.delta, result.ci95, result.p_value) == (expected.delta, expected.ci95, expected.p_value)
    assert result.tuned == pytest.approx(stats.spearmanr(GOLD, COSINE_B).statistic)


values = st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.63, 1.0]), min_size=12, max_size=12)


@settings(max_examples=20, deadline=None)
@given(values, values, values)
def test_the_other_way_round_everything_has_the_other_sign(
    tmp_path_factory: pytest.TempPathFactory, one: list[float], two: list[float], cosines: list[float]
) -> None:
    tmp_path = tmp_path_factory.mktemp("runs")
    gold = [i / 11 for i in range(12)]
    a = write_run(tmp_path / "a", {"faq": retrieval(one), "sts": scored(gold, [*cosines[:-1], 2.0])})
    b = write_run(tmp_path / "b", {"faq": retrieval(two), "sts": scored(gold, [*cosines[1:], 3.0])})
    forwards, backwards = diff(a, b), diff(b, a)
    opposite = {"improved": "regressed", "regressed": "improved", "no_evidence": "no_evidence"}
    for x, y in zip(forwards.results, backwards.results, strict=True):
        assert (x.base, x.tuned) == (y.tuned, y.base)
        assert y.delta == pytest.approx(-x.delta, abs=1e-12)
        assert y.ci95 == pytest.approx((-x.ci95[1], -x.ci95[0]), abs=1e-9)
        assert y.p_value == x.p_value
        if min(map(abs, x.ci95)) > 1e-9:
            assert y.verdict == opposite[x.verdict]


def test_other_items_are_left_out_with_the_reason(tmp_path: Path) -> None:
    older = {"data": {"old": "f1", "changed": "f2"}}
    a = write_run(
        tmp_path / "a",
        {
            "same": retrieval(NDCG_A),
            "other": retrieval(NDCG_A, digest="x"),
            "old": retrieval(NDCG_A, digest=None),
            "changed": retrieval(NDCG_A, digest=None),
            "ids": retrieval(NDCG_A, [f"a{i}" for i in range(40)]),
            "only_a": retrieval(NDCG_A),
        },
        environment=older,
    )
    b = write_run(
        tmp_path / "b",
        {
            "same": retrieval(NDCG_B),
            "other": retrieval(NDCG_B, digest="y"),
            "old": retrieval(NDCG_B),
            "changed": retrieval(NDCG_B),
            "ids": retrieval(NDCG_B, [f"b{i}" for i in range(40)]),
        },
        environment={"data": {"old": "f1", "changed": "f3"}},
    )
    found = diff(a, b)
    assert [result.name for result in found.results] == ["same", "old"], "an older run counts by its data fingerprint"
    assert "judged different items" in found.left_out["other"]
    assert "is not known" in found.left_out["changed"] and str(a) in found.left_out["changed"]
    assert "are not the same" in found.left_out["ids"]
    assert found.left_out["only_a"] == f"{b} did not judge it"
    text = str(found)
    assert all(f"  {name}: " in text.split("Not compared:")[1] for name in found.left_out)


def test_scores_without_gold_are_left_out(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path / name, {"sts": scored(GOLD, cosine), "faq": retrieval(NDCG_A)}, with_gold=False)
        for name, cosine in (("a", COSINE_A), ("b", COSINE_B))
    ]
    assert "did not keep the gold scores" in diff(*runs).left_out["sts"]


def test_files_of_two_runs_in_one_folder_are_noticed(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", {"faq": retrieval(NDCG_A), "same": retrieval(NDCG_A)})
    b = write_run(tmp_path / "b", {"faq": retrieval(NDCG_B), "same": retrieval(NDCG_A)})
    report = json.loads((b / "report.json").read_text())
    report["datasets"][0]["tuned"] += 1e-4
    (b / "report.json").write_text(json.dumps(report))
    found = diff(a, b)
    assert "they are not of one run" in found.left_out["faq"] and [r.name for r in found.results] == ["same"]


def test_nothing_in_common_is_an_error_with_every_reason(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", {"faq": retrieval(NDCG_A)})
    b = write_run(tmp_path / "b", {"sts": scored(GOLD, COSINE_B)})
    with pytest.raises(RunError, match=r"no data set that can be compared: faq: .*b did not judge it; sts: .*a did not judge it"):
        diff(a, b)


def test_settings_base_and_surroundings_that_differ_are_named_with_both_values(tmp_path: Path) -> None:
    contract = {"pooling": "mean", "normalized": True, "dimensions": 384}
    environments = [
        {
            "data": {},
            "model": {"name": "m", "from": origin, "revision": None, "sha256": digest * 8},
            "contract": contract | {"max_tokens": tokens} | ({} if tokens == 256 else {"added_later": 1}),
            "packages": {"torch": torch},
            "git_revision": "abc",
            "recipe": ["epochs 4 (by the rule)", recipe],
        }
        for origin, digest, tokens, torch, recipe in (
            ("package", "01234567", 256, "2.11", "batch size 32 (by the rule)"),
            ("hub", "89abcdef", 128, "2.13", "batch size 64 (as set)"),
        )
    ]
    data = "data: {datasets: [{source: pairs.csv}]}"
    a = write_run(tmp_path / "a", {"faq": retrieval(NDCG_A)}, f"{data}\nrun_name: a", environments[0])
    # what a setting is by default is the same whether it is written or not
    config = f"{data}\nrun_name: b\ntraining: {{epochs: 2, seed: 42}}"
    b = write_run(tmp_path / "b", {"faq": retrieval(NDCG_B)}, config, environments[1])
    found = diff(a, b)
    assert [(one.key, one.base, one.tuned) for one in found.config] == [("training.epochs", None, 2.0)]
    assert [one.key for one in found.base_model] == ["model.sha256", "contract.max_tokens"]
    assert [(one.key, one.base, one.tuned) for one in found.surroundings] == [("packages.torch", "2.11", "2.13")]
    assert found.recipe == (["batch size 32 (by the rule)"], ["batch size 64 (as set)"])
    lines = [" ".join(line.split()) for line in str(found).splitlines()]
    assert "training.epochs null 2.0" in lines and "packages.torch 2.11 2.13" in lines and "training 1 min 0 s 1 min 0 s" in lines


def test_settings_that_this_version_does_not_know_are_compared_as_they_stand(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", {"faq": retrieval(NDCG_A)}, "data: {datasets: [{source: x.csv}]}\ntraining: {of_old: [1, 2]}")
    b = write_run(tmp_path / "b", {"faq": retrieval(NDCG_B)}, "data: {datasets: [{source: x.csv}]}\ntraining: {of_old: [1, 3]}")
    assert [(one.key, one.base, one.tuned) for one in diff(a, b).config] == [("training.of_old.1", 2, 3)]


def test_json_holds_what_the_words_say(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", {"faq": retrieval(NDCG_A), "gone": retrieval(NDCG_A)})
    b = write_run(tmp_path / "b", {"faq": retrieval(NDCG_B)}, "data: {datasets: [{source: pairs.csv}]}\ntraining: {epochs: 1}")
    found = json.loads(json.dumps(diff(a, b).to_dict(), allow_nan=False))
    assert list(found) == [
        "verdict", "primary", "labels", "runs", "datasets", "left_out", "config", "base_model", "surroundings", "recipe", "cost",
        "notes",
    ]  # fmt: skip
    assert (found["verdict"], found["primary"], found["labels"]) == ("improved", "faq", {"base": "a", "tuned": "b"})
    assert found["left_out"] == [{"name": "gone", "reason": f"{b} did not judge it"}]
    assert found["config"] == [{"key": "training.epochs", "base": None, "tuned": 1.0}]
    assert found["cost"] == {"base": COST, "tuned": COST}
    assert found["datasets"][0]["test_sha256"] == "same items"


def test_one_run_twice_is_said_and_does_not_differ(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", {"faq": retrieval(NDCG_A)})
    found = diff(a, tmp_path / "a" / ".." / "a")
    assert (found.results[0].delta, found.results[0].verdict, found.sides) == (0.0, "no_evidence", ("a", "a"))
    assert str(found).startswith("note: both names lead to the same run")


def test_two_runs_of_one_name_are_called_by_their_folders(tmp_path: Path) -> None:
    a = write_run(tmp_path / "one" / "run", {"faq": retrieval(NDCG_A)})
    b = write_run(tmp_path / "two" / "run", {"faq": retrieval(NDCG_B)})
    assert diff(a, b).sides == (str(a), str(b))


def test_an_evaluation_of_two_models_counts_as_a_run_of_its_second_model(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", {"faq": retrieval(NDCG_A)})
    b = write_run(tmp_path / "b", {"faq": retrieval(NDCG_B)})
    for name in ("config.yaml", "environment.json"):
        (b / name).unlink()
    report = json.loads((b / "report.json").read_text()) | {"labels": {"base": "old", "tuned": "owner/new"}}
    (b / "report.json").write_text(json.dumps(report))
    found = diff(a, b)
    assert found.sides == ("a", "owner/new") and found.notes == [] and found.config == []


def test_records_that_are_missing_are_said(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name, {"faq": retrieval(NDCG_A)}) for name in "ab"]
    for name in ("config.yaml", "environment.json"):
        (runs[1] / name).unlink()
    assert [note.split(" has no ")[1].split(",")[0] for note in diff(*runs).notes] == ["config.yaml", "environment.json"]


@pytest.mark.parametrize(
    ("value", "text"),
    [("x y", "x y"), (None, "null"), (True, "true"), (2e-5, "2e-05"), ("0123456789abcdef" * 4, "0123456789ab…")],
)
def test_values_are_shown_as_yaml_writes_them(value: object, text: str) -> None:
    assert shown(value) == text


def test_nothing_is_printed_and_the_command_prints_what_the_result_says(in_tmp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(in_tmp / "checkpoints" / "a", {"faq": retrieval(NDCG_A), "<script>": retrieval(NDCG_A)})
    write_run(in_tmp / "checkpoints" / "b", {"faq": retrieval(NDCG_B), "<script>": retrieval(NDCG_B)})
    with heard_by(None):
        found = diff_runs(Path("a"), Path("b"))
    assert capsys.readouterr() == ("", "")
    main(["diff", "a", "b"])
    assert capsys.readouterr().out == f"{found}\n"
    main(["diff", "a", "b", "--json"])
    assert json.loads(capsys.readouterr().out) == found.to_dict()
    assert "<script>" in str(found) and "&lt;script&gt;" in found._repr_html_() and "<script>" not in found._repr_html_()


def test_the_table_has_a_row_for_each_data_set(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", {"faq": retrieval(NDCG_A), "sts": scored(GOLD, COSINE_A)})
    b = write_run(tmp_path / "b", {"faq": retrieval(NDCG_B), "sts": scored(GOLD, COSINE_B)})
    found = diff(a, b)
    rows = found.to_pandas().to_dict("records")
    expected = [(one.name, one.base, one.tuned, one.delta, *one.ci95, one.p_value, one.verdict) for one in found.results]
    keys = ("name", "base", "tuned", "delta", "low", "high", "p_value", "verdict")
    assert [tuple(row[key] for key in keys) for row in rows] == expected


def test_of_a_run_that_ships_the_base_the_base_is_compared(tmp_path: Path) -> None:
    a, b = (write_run(tmp_path / name, {"faq": retrieval([0.9, 0.8, 1.0, 0.7, 0.9, 0.8])}) for name in "ab")
    path = a / "report.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"selection": {"step": 4, "withheld": True}}))
    found = diff_runs(a, b)
    assert (found.results[0].base, found.results[0].tuned) == (0.0, pytest.approx(0.85))
    assert found.notes[0] == f"{a} ships the base, as the gain of what it trained is unproven; the base is compared"
    assert (diff_runs(b, a).results[0].tuned, diff_runs(a, a).results[0].delta) == (0.0, 0.0)
