"""`embed-tune evaluate` as people and CI meet it: real processes, real (tiny) models."""

from __future__ import annotations

import errno
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats
from sentence_transformers import SentenceTransformer

from tests.support.forked import ForkServer
from tests.train.conftest import FILES, RESAMPLES, as_json, evaluate, report_of
from train.cli.app import main
from train.console import heard_by
from train.errors import RunError
from train.evaluate.statistics import compare_means
from train.resolve.requests import read_request
from train.workflows.evaluate import Evaluation, evaluate_models

# one model


def test_one_model_has_the_values_of_plain_sentence_transformers(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = as_json(capfd, "evaluate", "tiny", "--data", "split", "--data", "pairs.csv", "model.device=cpu", RESAMPLES)
    assert list(found) == ["model", "primary", "datasets", "cost", "finished_at", "warnings"]
    scored, pairs = found["datasets"]
    rows = [line.rsplit(",", 2) for line in (here / "split" / "test.csv").read_text().splitlines()[1:]]
    model = SentenceTransformer("tiny", device="cpu")
    left, right = (model.encode([row[i] for row in rows]).astype(np.float64) for i in (0, 1))
    cosines = (left * right).sum(axis=1) / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)
    gold = [float(row[2]) for row in rows]
    assert (scored["name"], scored["split"], scored["n"], scored["metric"]) == ("split", "test", 20, "spearman")
    assert scored["value"] == pytest.approx(stats.spearmanr(gold, cosines.round(6)).statistic, abs=1e-3)
    assert scored["metrics"]["pearson"]["value"] == pytest.approx(stats.pearsonr(gold, cosines).statistic, abs=1e-4)
    assert (pairs["name"], pairs["split"], pairs["n"]) == ("pairs", "all", 80), "without splits and training, all rows"
    for one in (scored, pairs):
        assert one["ci95"][0] < one["value"] < one["ci95"][1] and len(one["test_sha256"]) == 64
        assert set(one["metrics"][one["metric"]]) == {"value", "ci95"}


def test_one_model_says_what_is_done_and_ends_with_a_table(server: ForkServer, work: Path) -> None:
    done = evaluate(server, work, "tiny", "--data", "pairs.csv", "--verbose")
    assert done["code"] == 0, done["output"]
    for words in ("question -> anchor", "judged on 80 queries (all rows)", "judging tiny", "32 dimensions", "tiny on all rows"):
        assert words in done["output"], done["output"]
    assert "verdict" not in done["output"].lower(), "one model alone has none"


# two models


def test_a_model_does_not_differ_from_its_copy(server: ForkServer, work: Path, tmp_path: Path) -> None:
    shutil.copytree(work / "tiny", tmp_path / "copy")
    words = ["tiny", str(tmp_path / "copy"), "--data", "scored.csv", "--data", "pairs.csv", "--output", str(tmp_path / "out")]
    done = evaluate(server, work, *words)
    assert done["code"] == 0 and "both models have the same weights file" in done["output"], done["output"]
    report = report_of(tmp_path / "out")
    assert [(one["delta"], one["ci95"], one["p_value"]) for one in report["datasets"]] == [(0.0, [0.0, 0.0], 1.0)] * 2
    assert report["verdict"] == "no_evidence"
    assert [(one["low95"], one["not_worse"]) for one in report["datasets"]] == [(0.0, True)] * 2, (
        "weights are not worse than they are"
    )


def test_the_packaged_base_does_not_differ_from_itself(server: ForkServer, work: Path) -> None:
    name = "sentence-transformers/all-MiniLM-L6-v2"
    done = evaluate(server, work, name, name, "--data", "split")
    assert done["code"] == 0 and "the same model with the same settings" in done["output"], done["output"]
    assert done["output"].count(f"judging {name} …") == 1
    assert "(+0.000, 95% interval +0.000 to +0.000, 20 pairs)" in " ".join(done["output"].split())


def test_two_models_get_a_verdict_and_a_folder_that_holds_it(
    here: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "out"
    words = ["tiny", "ruined", "-d", "pairs.csv", "-d", "scored.csv", "--output", str(out), "model.device=cpu", RESAMPLES]
    found = as_json(capfd, "evaluate", *words)
    assert found == report_of(out), "what is printed is what is written"
    assert (found["verdict"], found["labels"]) == ("regressed", {"base": "tiny", "tuned": "ruined"})
    pairs, scored = found["datasets"]
    assert pairs["verdict"] == "regressed" and pairs["ci95"][1] < 0 and pairs["p_value"] < 0.05
    assert {path.name for path in out.iterdir()} == FILES and not list(out.parent.glob(".*"))
    table = pq.read_table(out / "per_query.parquet").to_pydict()
    mine = [i for i, (name, metric) in enumerate(zip(table["dataset"], table["metric"], strict=True)) if metric == "ndcg@10"]
    base, tuned = (np.array(table[side])[mine] for side in ("base", "tuned"))
    again = compare_means(base, tuned, seed=42, resamples=200)
    assert (pairs["delta"], pairs["ci95"], pairs["p_value"]) == (again.delta, list(again.ci95), again.p_value)
    cosines = [i for i, metric in enumerate(table["metric"]) if metric == "cosine"]
    gold, base = np.array(table["gold"])[cosines].astype(float), np.array(table["base"])[cosines]
    assert scored["base"] == pytest.approx(stats.spearmanr(gold, base).statistic)
    assert {table["gold"][i] for i in mine} == {None}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "ruined is worse than tiny" in page and "embed-tune evaluate tiny ruined" in page


def test_the_other_way_round_is_an_improvement_and_the_queries_are_shown(server: ForkServer, work: Path) -> None:
    done = evaluate(server, work, "ruined", "tiny", "--data", "pairs.csv")
    assert "Verdict: tiny is better than ruined on pairs" in done["output"], done["output"]
    gained = done["output"].split("Gained most on pairs")[1].splitlines()[1:4]
    assert len(gained) == 3 and all(line.startswith("  0.") and "which " in line for line in gained), gained


def test_where_rows_name_their_group_groups_are_resampled(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    head, *lines = Path("pairs.csv").read_text(encoding="utf-8").splitlines()
    grouped = [f"{head},group", *(f"{line},{i // 10}" for i, line in enumerate(lines))]
    Path("grouped.csv").write_text("\n".join(grouped) + "\n", encoding="utf-8")
    words = ["evaluate", "tiny", "ruined", "model.device=cpu", RESAMPLES, "--split", "all", "-d"]
    (found,) = as_json(capfd, *words, "grouped.csv", "--output", "grouped")["datasets"]
    assert found["groups"] == -(-len(lines) // 10) and found["n"] == len(lines)
    table = pq.read_table("grouped/per_query.parquet").to_pydict()
    mine = [i for i, metric in enumerate(table["metric"]) if metric == "ndcg@10"]
    base, tuned, groups = (np.array(table[name])[mine] for name in ("base", "tuned", "group"))
    again = compare_means(base, tuned, seed=42, resamples=200, groups=groups)
    assert (found["ci95"], found["p_value"]) == (list(again.ci95), again.p_value)
    (alone,) = as_json(capfd, *words, "pairs.csv")["datasets"]
    assert (alone["groups"], alone["delta"]) == (None, found["delta"]) and alone["ci95"] != found["ci95"]
    page = Path("grouped/report.html").read_text(encoding="utf-8")
    assert f"{found['n']} queries in {found['groups']} groups" in page
    (one,) = as_json(capfd, "evaluate", "tiny", "model.device=cpu", RESAMPLES, "--split", "all", "-d", "grouped.csv")["datasets"]
    assert one["groups"] == found["groups"]


def test_settings_of_one_model_do_not_touch_the_other(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "tiny", "tiny", "-d", "pairs.csv", "model.device=cpu", RESAMPLES, "other.query_prompt=green lamp: "]
    found = as_json(capfd, *words)
    prompts = [found["models"][side]["contract"]["query_prompt"] for side in ("base", "tuned")]
    assert prompts == ["", "green lamp: "] and found["datasets"][0]["delta"] != 0


# the result as an object


def judged(*models: str, data: str = "pairs.csv", output: Path | None = None) -> Evaluation:
    """What two models or one get on a file, without a listener."""
    with heard_by(None):
        return evaluate_models(read_request([*models, "model.device=cpu", RESAMPLES], data=[data]), output=output)


def test_nothing_is_printed_and_every_score_is_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone, both = judged("tiny"), judged("tiny", "ruined")
    assert capsys.readouterr() == ("", "")
    assert alone.verdict is None and both.verdict == "regressed" and both.folder is None
    (one,) = alone.datasets
    assert one.metrics["ndcg@10"].value == pytest.approx(alone.models[0].scores["pairs"].per_query["ndcg@10"].mean())
    (row,) = alone.to_pandas().to_dict("records")
    assert row == {
        "name": "pairs", "kind": "pair", "split": "all", "metric": "ndcg@10", "n": 80, "value": one.metrics["ndcg@10"].value,
        "low": one.metrics["ndcg@10"].ci95[0], "high": one.metrics["ndcg@10"].ci95[1],
    }  # fmt: skip
    (two,) = both.compared
    (row,) = both.to_pandas().to_dict("records")
    assert (row["base"], row["tuned"], row["delta"], row["low"], row["high"]) == (two.base, two.tuned, two.delta, *two.ci95)
    assert (row["p_value"], row["verdict"]) == (two.p_value, two.verdict)
    per_query = [model.scores["pairs"].per_query["ndcg@10"] for model in both.models]
    assert (per_query[1] - per_query[0]).mean() == pytest.approx(two.delta)


@pytest.mark.parametrize("models", [("tiny",), ("tiny", "ruined")])
def test_the_command_prints_what_the_result_says(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], models: tuple[str, ...]
) -> None:
    found = judged(*models)
    monkeypatch.setattr("train.workflows.evaluate.evaluate_models", lambda *given, **options: found)
    words = ["evaluate", *models, "-d", "pairs.csv"]
    main(words)
    assert capsys.readouterr().out == f"\n{found}\n"
    main([*words, "--json"])
    assert json.loads(capsys.readouterr().out) == found.to_dict()


def test_a_text_of_the_data_is_no_html_in_a_notebook(here: Path, tmp_path: Path) -> None:
    rows = [line.replace("which", "<script>", 1) for line in Path("pairs.csv").read_text(encoding="utf-8").splitlines()]
    (tmp_path / "script.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    found = judged("tiny", "ruined", data=str(tmp_path / "script.csv"), output=tmp_path / "out")
    assert found.folder == tmp_path / "out" and str(found).endswith(f"report: {tmp_path / 'out' / 'report.html'}")
    assert report_of(tmp_path / "out") == found.to_dict()
    assert "<script>" in str(found) and "&lt;script&gt;" in found._repr_html_() and "<script>" not in found._repr_html_()


def test_one_model_alone_has_no_folder(here: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="one alone has no verdict"):
        judged("tiny", output=tmp_path / "out")


# which rows


def test_a_run_is_judged_on_its_own_test_rows_and_its_report_is_reproduced(
    here: Path, runs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    recorded = report_of(runs / "first")["datasets"]
    words = ["model.device=cpu", RESAMPLES]
    found = as_json(capfd, "evaluate", "tiny", "first", "--data", "pairs.csv", *words)
    only_runs_know = {"slices", "dev", "contracts", "seeds"}  # what train taught, dev, the base's own prompts, luck
    (again,), (before,) = found["datasets"], recorded
    differing = {key for key in before if before[key] != again[key]} - only_runs_know
    assert differing <= {"looks"}, "same rows, same vectors, same resampling"
    ledger = [json.loads(line) for line in (runs / "looks.jsonl").read_text().splitlines()]
    seen = [one["who"] for one in ledger if one["test_sha256"] == before["test_sha256"]]
    assert seen.count("first") == 1 and (before["looks"], again["looks"]) == (1, len(seen)), "it was looked at once"
    model = "checkpoints/first/model"
    by_config = as_json(capfd, "evaluate", "tiny", model, "--config", "checkpoints/first/config.yaml", *words)
    assert by_config["datasets"] == found["datasets"]


def test_rows_that_a_model_was_trained_on_are_never_judged_silently(server: ForkServer, work: Path, runs: Path) -> None:
    warning = "warning: first was trained on "
    for split, warned in (("all", True), ("train", True), ("test", False), ("dev", False)):
        done = evaluate(server, work, "first", "--data", "pairs.csv", "--split", split)
        assert done["code"] == 0 and (warning in done["output"]) == warned, done["output"]
    done = evaluate(server, work, "first", "--data", str(work / "pairs.csv"))
    assert "first was trained on" in done["output"] and warning not in done["output"], "another way to write the path"
    done = evaluate(server, work, "first", "--data", "pair*.csv")
    assert "first was trained on" in done["output"] and warning not in done["output"], "a pattern for the same file"
    # dealt with another seed, test rows of now were training rows of then
    done = evaluate(server, work, "first", "--config", "checkpoints/first/config.yaml", "data.split.seed=5")
    assert done["code"] == 0 and warning in done["output"], done["output"]


def test_a_run_that_ships_the_base_has_seen_no_rows_but_its_checkpoints_have(
    server: ForkServer, work: Path, runs: Path, tmp_path: Path
) -> None:
    run = tmp_path / "kept"
    shutil.copytree(runs / "first", run)
    report = report_of(run)
    report["selection"]["share"] = 0.0
    (run / "report.json").write_text(json.dumps(report), encoding="utf-8")
    checkpoint = run / "checkpoint-9"
    shutil.copytree(run / "model", checkpoint)
    for model, warned in ((run, False), (run / "model", False), (checkpoint, True)):
        done = evaluate(server, work, str(model), "--data", "pairs.csv", "--split", "train")
        assert done["code"] == 0 and ("will look better on them than it is" in done["output"]) == warned, done["output"]
    del report["selection"]["share"]  # as in runs of earlier versions, which shipped a checkpoint
    (run / "report.json").write_text(json.dumps(report), encoding="utf-8")
    done = evaluate(server, work, str(run), "--data", "pairs.csv", "--split", "train")
    assert done["code"] == 0 and "will look better on them than it is" in done["output"], done["output"]


def test_the_rows_of_a_run_are_known_by_their_content_from_any_folder(
    server: ForkServer, work: Path, runs: Path, tmp_path: Path
) -> None:
    """The run wrote down a path that is relative to where it was made."""
    (tmp_path / "copies").mkdir()
    shutil.copy(work / "pairs.csv", tmp_path / "copies" / "pairs.csv")
    words = [str(runs / "first"), "--data", "copies/pairs.csv"]
    done = evaluate(server, tmp_path, *words)
    assert done["code"] == 0 and "first was trained on copies/pairs.csv" in done["output"], done["output"]
    assert "16 queries (test)" in done["output"]
    (tmp_path / "copies" / "pairs.csv").write_text((work / "pairs.csv").read_text() + "one more,row\n", encoding="utf-8")
    done = evaluate(server, tmp_path, *words)
    assert "(all rows)" in done["output"], "other rows are other data"
    trained = len(np.load(runs / "first" / "train_rows.npy"))
    rows = len((tmp_path / "copies" / "pairs.csv").read_text().splitlines()) - 1
    known = f"first was trained on {trained} of the {rows} rows that are judged here"
    assert trained > 20 and known in done["output"], done["output"]
    (runs / "first" / "train_rows.npy").rename(tmp_path / "kept.npy")  # as in runs of earlier versions
    try:
        done = evaluate(server, work, "first", "--data", "pairs.csv", "--split", "train")
        assert "warning: first was trained on this data set" in done["output"]
    finally:
        (tmp_path / "kept.npy").rename(runs / "first" / "train_rows.npy")


@pytest.mark.parametrize(("split", "n"), [("train", 30), ("dev", 10), ("test", 20), (None, 20)])
def test_given_splits_are_judged_as_asked(here: Path, capfd: pytest.CaptureFixture[str], split: str | None, n: int) -> None:
    words = [] if split is None else ["--split", split]
    found = as_json(capfd, "evaluate", "tiny", "--data", "split", *words, "model.device=cpu", RESAMPLES)
    assert [(one["n"], one["split"]) for one in found["datasets"]] == [(n, split or "test")]


def test_a_folder_of_train_alone_is_judged_on_all_its_rows(here: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "alone").mkdir()
    shutil.copy(here / "pairs.csv", tmp_path / "alone" / "train.csv")
    rows = len((here / "pairs.csv").read_text().splitlines()) - 1
    for words, split in (([], "all"), (["--split", "train"], "train")):
        asked = ["evaluate", "tiny", "-d", str(tmp_path / "alone"), *words, "model.device=cpu", RESAMPLES]
        (found,) = as_json(capfd, *asked)["datasets"]
        assert found["split"] == split
        assert found["n"] == rows if split == "all" else 0 < found["n"] < rows


def test_split_test_of_data_without_splits_is_what_training_would_judge(
    here: Path, runs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = as_json(capfd, "evaluate", "tiny", "--data", "pairs.csv", "--split", "test", "model.device=cpu", RESAMPLES)
    recorded = report_of(runs / "first")["datasets"][0]
    assert [found["datasets"][0][key] for key in ("n", "test_sha256", "value")] == [
        recorded[key] for key in ("n", "test_sha256", "base")
    ]


# mistakes


def beir_without_judgements(folder: Path) -> None:
    (folder / "beir" / "qrels").mkdir(parents=True)
    (folder / "beir" / "corpus.jsonl").write_text('{"_id": "d", "text": "x"}\n')
    (folder / "beir" / "queries.jsonl").write_text('{"_id": "q", "text": "y"}\n')
    (folder / "beir" / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n")


def scores_of_one_kind(folder: Path) -> None:
    (folder / "same.csv").write_text("sentence1,sentence2,score\n" + "".join(f"a {i},b {i},1\n" for i in range(9)))


def something_there(folder: Path) -> None:
    (folder / "full").mkdir()
    (folder / "full" / "file").touch()


def nothing(folder: Path) -> None:
    pass


MISTAKES: dict[str, tuple[Callable[[Path], None], list[str], str]] = {
    "unknown model": (nothing, ["nobody/nothing", "-d", "PAIRS"], "nobody/nothing is not on this machine"),
    "unknown second model": (nothing, ["TINY", "nobody/nothing", "-d", "PAIRS"], "nobody/nothing is not on this machine"),
    "misspelt folder": (nothing, ["./tinny", "-d", "PAIRS"], r"tinny: no such model folder"),
    "no model in a folder": (something_there, ["full", "-d", "PAIRS"], "neither modules.json nor config.json"),
    "no judgements": (beir_without_judgements, ["TINY", "-d", "beir"], "beir"),
    "scores of one kind": (scores_of_one_kind, ["TINY", "-d", "same.csv"], r"same\.csv.* all 9 scores are 1"),
    "no data": (nothing, ["TINY"], "no data set is named"),
    "data twice": (nothing, ["TINY", "-d", "PAIRS", "-d", "PAIRS"], r"two data sets are called 'pairs'"),
    "all of given splits": (nothing, ["TINY", "-d", "SPLIT", "--split", "all"], r"splits of its own \(train, dev, test\)"),
    "output that is full": (something_there, ["TINY", "RUINED", "-d", "PAIRS", "-o", "full"], "full: something is there already"),
    "output of one model": (nothing, ["TINY", "-d", "PAIRS", "-o", "new"], "--output needs two models"),
    "fail-on of one model": (nothing, ["TINY", "-d", "PAIRS", "--fail-on", "regressed"], "--fail-on needs two models"),
    "output inside a file": (nothing, ["TINY", "RUINED", "-d", "PAIRS", "-o", "PAIRS/new"], r"new cannot be written"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_end_in_a_sentence(server: ForkServer, work: Path, tmp_path: Path, name: str) -> None:
    prepare, words, message = MISTAKES[name]
    prepare(tmp_path)
    places = {"PAIRS": work / "pairs.csv", "SPLIT": work / "split", "TINY": work / "tiny", "RUINED": work / "ruined"}
    for key, place in places.items():
        words = [word.replace(key, str(place)) for word in words]
    before = {path for path in tmp_path.rglob("*") if "checkpoints" not in path.parts}
    done = evaluate(server, tmp_path, *words)
    assert done["code"] == 2 and "Traceback" not in done["output"], done["output"]
    assert re.search(message, done["output"]), done["output"]
    after = {path for path in tmp_path.rglob("*") if "checkpoints" not in path.parts}
    assert after == before, "something was half-written"
    assert "judging" not in done["output"] or name == "output inside a file", "only work shows whether a place can be written"


def test_a_model_whose_vectors_are_no_numbers_is_named(server: ForkServer, work: Path, tmp_path: Path) -> None:
    import torch

    broken = SentenceTransformer(str(work / "tiny"), device="cpu")
    with torch.no_grad():
        broken[0].auto_model.embeddings.word_embeddings.weight.fill_(float("nan"))
    broken.save_pretrained(str(tmp_path / "nan"), create_model_card=False)
    done = evaluate(server, work, str(tmp_path / "nan"), "--data", "pairs.csv")
    assert done["code"] == 2 and "nan gives vectors that are not finite (NaN or infinity)" in done["output"], done["output"]


def test_a_disk_that_fills_up_leaves_no_half_of_an_output(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from train.workflows import evaluate

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(evaluate.RunReport, "write", full)
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", "tiny", "ruined", "-d", "split", "-o", str(tmp_path / "out"), "model.device=cpu", RESAMPLES])
    assert stop.value.code == 2 and "out cannot be written (No space left on device)" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_empty_output_folder_is_used(server: ForkServer, work: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    done = evaluate(server, work, "tiny", "ruined", "--data", "scored.csv", "--output", str(tmp_path / "out"))
    assert done["code"] == 0 and {path.name for path in (tmp_path / "out").iterdir()} == FILES, done["output"]
