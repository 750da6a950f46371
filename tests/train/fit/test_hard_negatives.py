"""`embed-tune mine`, and mined negatives in a training, as a user would call them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from transformers import BertConfig, BertForSequenceClassification

from data.load import prepare
from data.schema import RowKind
from data.spec import LEAST_DEV, DatasetSpec, MiningSpec, SplitSpec
from tests.support.forked import ForkServer
from train.cli.app import main
from train.encode.cross_encoder import CrossJudge
from train.errors import ModelError
from train.fit.hard_negatives import summary_lines

# a random model takes all texts for near duplicates of one another
SMALL = ["model.name=tiny", "model.device=cpu", "mining.near_positive=null"]
TRAIN = ["training.precision=fp32", "training.max_steps=2", "evaluation.resamples=200"]


def write_several(path: Path, rows: int = 60) -> None:
    """Pairs, every third query with two positives; the answers are distinct texts."""
    things = ["car", "house", "tree", "river", "cloud", "stone", "bird", "fish", "door", "lamp"]
    lines = ["question,answer"]
    for i in range(rows):
        lines.append(f"where is {things[i % 10]} {i}?,the {things[i % 10]} of row {i} is here")
        if i % 3 == 0:
            lines.append(f"where is {things[i % 10]} {i}?,look for a {things[i % 10]} in place {i}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A working directory with pairs, scored pairs, rows with negatives, and a model."""
    place = tmp_path_factory.mktemp("mining")
    write_several(place / "several.csv")
    lines = [f"a thing {i},the thing {i},{i % 3 / 2}" for i in range(60)]
    (place / "scored.csv").write_text("\n".join(["sentence1,sentence2,score", *lines]) + "\n", encoding="utf-8")
    lines = [f"where is {i},it is at {i},nowhere near {i}" for i in range(60)]
    (place / "tuples.csv").write_text("\n".join(["anchor,positive,negative", *lines]) + "\n", encoding="utf-8")
    shutil.copytree(tiny_model, place / "tiny")
    return place


def cross_encoder(folder: Path, labels: int) -> Path:
    """A cross-encoder with random weights."""
    config = BertConfig(
        vocab_size=30522, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, num_labels=labels
    )
    path = folder / f"cross{labels}"
    BertForSequenceClassification(config).save_pretrained(path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(folder / "tiny" / name, path / name)
    return path


def mine_json(capfd: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    main(["mine", *words, *SMALL, "--json"])
    found: list[dict[str, Any]] = json.loads(capfd.readouterr().out)
    return found


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


def test_mined_rows_keep_their_splits_and_say_where_they_come_from(
    here: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mined.jsonl"
    (found,) = mine_json(capfd, "several.csv", "--out", str(out), "mining.negatives=2")
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    before = prepare(DatasetSpec(source="several.csv"), SplitSpec(least_dev=LEAST_DEV), tmp_path / "one")
    after = prepare(DatasetSpec(source=str(out)), SplitSpec(least_dev=LEAST_DEV), tmp_path / "two")
    assert after.kind is RowKind.TUPLE
    for split, table in before.splits.items():
        assert list(after.splits[split]["anchor"]) == list(table["anchor"])
        own = {*table["positive"]}
        mined = [row for row in rows if row["split"] == split]
        assert found["mined"][split]["rows"] == len(mined) == len(table)
        # what is judged is not used in training, not even as a negative
        assert split != "train" or {row[f"negative_{i}"] for row in mined for i in (1, 2)} <= own
        for row in mined:
            theirs = {
                positive for anchor, positive in zip(table["anchor"], table["positive"], strict=True) if anchor == row["anchor"]
            }
            assert theirs.isdisjoint((row["negative_1"], row["negative_2"]))
            assert len(row["negative_scores"]) == len(row["negative_ranks"]) == 2
    about = yaml.safe_load((tmp_path / "mined.jsonl.about.yaml").read_text("utf-8"))
    assert about["data"]["fingerprint"] == before.fingerprint
    assert about["settings"]["negatives"] == 2 and about["model"]["sha256"] and about["mined"] == found["mined"]


def test_no_judged_row_is_lost_and_one_split_may_have_groups_alone(
    here: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The test of one query and document finds no negative in itself; train alone says to which group its rows belong."""
    data = tmp_path / "some"
    data.mkdir()
    rows = [f"what is thing {i}?,thing {i} is this,{i % 4}" for i in range(40)]
    (data / "train.csv").write_text("\n".join(["question,answer,group", *rows]) + "\n", encoding="utf-8")
    for split in ("dev", "test"):
        (data / f"{split}.csv").write_text(f"question,answer\nwhere is {split}?,{split} is here\n", encoding="utf-8")
    out = tmp_path / "mined.parquet"
    (found,) = mine_json(capfd, str(data), "--out", str(out))
    assert {split: found["mined"][split]["rows"] for split in ("dev", "test")} == {"dev": 1, "test": 1}
    after = prepare(DatasetSpec(source=str(out)), SplitSpec(least_dev=LEAST_DEV), tmp_path / "cache")
    assert after.splits["test"]["anchor"] == ["where is test?"] and set(after.splits["train"]["group"]) == {"0", "1", "2", "3"}


def test_the_audit_is_told_in_words_and_numbers(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (found,) = mine_json(capfd, "several.csv", "--audit", "mining.rank_from=1", "mining.negatives=3")
    audit = found["audit"]
    table = prepare(DatasetSpec(source="several.csv"), SplitSpec(least_dev=LEAST_DEV), here / "again").splits["train"]
    anchors = list(table["anchor"])
    several = {anchor for anchor in anchors if anchors.count(anchor) > 1}
    assert audit["queries"] == audit["hidden"] == audit["rows"] == len(several)
    assert audit["plain"]["negatives"] == 3 * len(several)
    main(["mine", "several.csv", "--audit", *SMALL])
    words = capfd.readouterr().out
    assert f"{len(several)} queries have several positives; {len(several)} positives are hidden" in words
    assert "with the filter" in words


def test_without_several_positives_there_is_nothing_to_audit(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lines = [f"where is number {i}?,here is {i}" for i in range(40)]
    (here / "single.csv").write_text("\n".join(["question,answer", *lines]) + "\n", encoding="utf-8")
    (found,) = mine_json(capfd, "single.csv", "--audit")
    assert (found["audit"]["queries"], found["audit"]["hidden"]) == (0, 0)


def test_positives_that_max_rows_cuts_off_are_no_negatives(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A document that is relevant to the query is none of its negatives, whether its row is trained on or not."""
    beir = here / "judged"
    (beir / "qrels").mkdir(parents=True)
    documents = [f"the {thing} number {i}" for thing in ("car", "house", "tree") for i in range(20)]
    lines = [json.dumps({"_id": f"d{i}", "text": text}) for i, text in enumerate(documents)]
    (beir / "corpus.jsonl").write_text("\n".join(lines), encoding="utf-8")
    lines = [json.dumps({"_id": f"q{i}", "text": f"where is thing {i}"}) for i in range(30)]
    (beir / "queries.jsonl").write_text("\n".join(lines), encoding="utf-8")
    relevant = {f"q{i}": {f"d{20 * (i % 3) + j}" for j in range(20)} for i in range(30)}
    rows = [f"{query}\t{document}\t1" for query, found in relevant.items() for document in sorted(found)]
    (beir / "qrels" / "train.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *rows]) + "\n", encoding="utf-8")
    mine_json(
        capfd, "judged", "--out", "cut.jsonl", "data.max_rows=30", "mining.rank_from=1", "mining.max_share_of_positive=null"
    )
    numbers = {text: f"d{i}" for i, text in enumerate(documents)}
    queries = {f"where is thing {i}": f"q{i}" for i in range(30)}
    mined = [json.loads(line) for line in (here / "cut.jsonl").read_text().splitlines()]
    train = [row for row in mined if row["split"] == "train"]
    assert len(train) == 30
    assert not [row for row in train if numbers[row["negative_1"]] in relevant[queries[row["anchor"]]]]


def test_positives_whose_rows_are_taken_out_as_leaks_are_no_negatives(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What test asks may not be trained on, but it is no reason to push the two texts apart."""
    (here / "leaky").mkdir()
    pairs = [(f"how do I find thing {i}", f"thing {i} is on shelf {i * 7 % 90}") for i in range(40)]
    more = [(question, f"shelf {i * 7 % 90} has thing {i}") for i, (question, _) in enumerate(pairs)]
    more += [(f"who keeps thing {i}", answer) for i, (_, answer) in enumerate(pairs)]  # the answers are still documents of train
    asked = [(answer, question) for question, answer in pairs[:20]]  # the same pairs the other way round
    for split, rows in (("train", pairs + more), ("test", asked), ("dev", [("where is it", "there"), ("who is it", "me")])):
        lines = [f"{question},{answer}" for question, answer in rows]
        (here / "leaky" / f"{split}.csv").write_text("\n".join(["question,answer", *lines]) + "\n", encoding="utf-8")
    open_limits = ["mining.rank_from=1", "mining.max_share_of_positive=null", "mining.near_positive=null"]
    mine_json(capfd, "leaky", "--out", "leaky.jsonl", "mining.negatives=8", *open_limits)
    mined = [json.loads(line) for line in (here / "leaky.jsonl").read_text().splitlines()]
    train = [row for row in mined if row["split"] == "train"]
    assert len(train) == 100  # 20 are taken out
    known = set(pairs + more)
    assert not [row for row in train if any((row["anchor"], row[f"negative_{i}"]) in known for i in range(1, 9))]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["several.csv"], "nothing to do"),
        (["--audit"], "no data set is named"),
        (["several.csv", "scored.csv", "--out", "x.jsonl"], "several data sets for one file"),
        (["several.csv", "--out", "x.csv"], r"x.csv: mined rows are written as .jsonl or .parquet"),
        (["several.csv", "--out", "several.parquet/x.jsonl"], "there is no such folder"),
        (["scored.csv", "--out", "x.jsonl"], "scored pairs take no negatives"),
        (["tuples.csv", "--out", "x.jsonl"], "its rows bring their own negatives"),
        (["several.csv", "--audit", "mining.negativs=3"], "did you mean mining.negatives"),
        (["several.csv", "--audit", "mining.rank_to=10", "mining.negatives=2"], "rank_to must leave room"),
    ],
)
def test_mistakes_are_said(here: Path, words: list[str], message: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["mine", *words, *SMALL])
    assert stop.value.code == 2
    assert message in capfd.readouterr().err
    assert not (here / "x.jsonl").exists()


def test_the_model_of_a_run_can_search(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (here / "arun").mkdir()
    for name in ("config.yaml", "environment.json"):
        (here / "arun" / name).write_text("{}\n", encoding="utf-8")
    shutil.copytree(here / "tiny", here / "arun" / "model")
    main(["mine", "several.csv", "--audit", "--model", "arun", *SMALL[1:]])
    assert f"base model: {Path('arun/model')}: weights from a local folder" in capfd.readouterr().out


def train(server: ForkServer, folder: Path, name: str, *words: str) -> str:
    done = server.run(["train", "--data", "several.csv", "--verbose", f"run_name={name}", *SMALL, *TRAIN, *words], folder)
    assert done["code"] == 0, done["output"]
    return str(done["output"])


def test_training_mines_once_and_says_what(server: ForkServer, folder: Path) -> None:
    mining = ("mining.enabled=true", "mining.negatives=2")
    first = train(server, folder, "first", *mining)
    assert "several: mining hard negatives with the base" in first
    assert "several: 2 hard negatives a row for" in first
    recorded = json.loads((folder / "checkpoints/first/environment.json").read_text("utf-8"))["mined"]["several"]
    assert recorded["negatives"] == 2 and recorded["rows"] > 40
    again = train(server, folder, "again", *mining)
    assert "mining hard negatives" not in again and "several: 2 hard negatives a row for" in again
    other = train(server, folder, "other", *mining, "mining.rank_from=5", "--dry-run")
    assert "several: mining hard negatives with the base" in other
    reports = [json.loads((folder / "checkpoints" / name / "report.json").read_text("utf-8")) for name in ("first", "again")]
    assert reports[0]["datasets"][0]["tuned"] == reports[1]["datasets"][0]["tuned"]


def test_the_limits_that_refuse_every_document_of_a_row_are_named() -> None:
    found = {"rows": 1, "rows_without": 5, "rows_refused": 3, "median_rank": None, "candidates": 0}
    found |= dict.fromkeys(("cross_scored", "drawn", "repeated"), 0)
    lines = summary_lines(found, MiningSpec(enabled=True, margin=0.1, max_share_of_positive=None))
    assert lines[1:] == [
        "  3 rows are left out: all documents that were tried for them are refused by mining.near_positive, mining.margin",
        "  2 rows are left out: no other document was found that does not belong to their query",
    ]


def test_rows_to_which_every_document_belongs_end_in_a_sentence(server: ForkServer, folder: Path) -> None:
    """Train has one document alone, so nothing is left to mine."""
    (folder / "onedoc").mkdir()
    for split, answers in (("train", ["the same"]), ("dev", ["this", "that"]), ("test", ["here", "there"])):
        rows = [f"what is {split} {i}?,{answers[i % len(answers)]}" for i in range(20)]
        (folder / "onedoc" / f"{split}.csv").write_text("\n".join(["question,answer", *rows]) + "\n", encoding="utf-8")
    done = server.run(["train", "--data", "onedoc", "--dry-run", *SMALL, *TRAIN, "mining.enabled=true"], folder)
    assert done["code"] == 2, done["output"]
    assert "hard negatives could be mined for no row of train in onedoc" in done["output"]


def test_limits_that_refuse_every_document_of_every_row_are_what_is_to_be_loosened(server: ForkServer, folder: Path) -> None:
    rows = [f"what is thing {i}?,it is number {i}" for i in range(60)]
    (folder / "things.csv").write_text("\n".join(["question,answer", *rows]) + "\n", encoding="utf-8")
    words = ["train", "--data", "things.csv", "--dry-run", *SMALL, *TRAIN, "mining.enabled=true", "mining.near_positive=0.0001"]
    done = server.run(words, folder)
    assert done["code"] == 2 and "hard negatives could be mined for no row of train in things" in done["output"], done["output"]
    hint = " ".join(done["output"].split()).split("What to do: ")[-1]
    assert hint.startswith("loosen the limits that refuse the documents (mining.near_positive, mining.max_share_of_positive)"), (
        hint
    )


def test_without_mining_nothing_is_mined(server: ForkServer, folder: Path) -> None:
    assert "hard negative" not in train(server, folder, "plain", "--dry-run")


def write_corpus(folder: Path, documents: int, queries: int) -> None:
    """A BEIR folder whose first documents each answer a query of train, and forty more of them one of dev or test."""
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": f"d{i}", "text": f"word{i} and word{i * 7 % documents} stand in text {i}"} for i in range(documents)]
    asked = [{"_id": f"q{i}", "text": f"where does word{i} stand?"} for i in range(queries + 40)]
    for name, rows in (("corpus", corpus), ("queries", asked)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    parts = {"train": range(queries), "dev": range(queries, queries + 20), "test": range(queries + 20, queries + 40)}
    for name, numbers in parts.items():
        lines = ["query-id\tcorpus-id\tscore", *(f"q{i}\td{i}\t1" for i in numbers)]
        (folder / "qrels" / f"{name}.tsv").write_text("\n".join(lines), encoding="utf-8")


@pytest.mark.parametrize(
    ("documents", "words", "said", "not_said"),
    [
        (1_100, [], "a hard negative a row, mined with the base (by the rule", "left out"),
        (1_100, ["mining.near_positive=0.0001"], "no hard negatives are mined: 520 rows have none", "mined with the base"),
        (1_100, ["mining.enabled=false"], "batches of similar rows", "hard negative"),
        (900, [], "batches of similar rows", "hard negative"),
    ],
)
def test_few_pairs_beside_a_corpus_of_more_documents_get_negatives_unasked(
    server: ForkServer, folder: Path, documents: int, words: list[str], said: str, not_said: str
) -> None:
    place = folder / f"corpus{documents}"
    if not place.exists():
        write_corpus(place, documents, 520)
    done = server.run(["train", "--data", place.name, "--dry-run", "--verbose", *SMALL, *TRAIN, *words], folder)
    assert done["code"] == 0, done["output"]
    assert said in done["output"] and not_said not in done["output"], done["output"]


def test_rows_that_take_no_negatives_are_left_as_they_are(server: ForkServer, folder: Path) -> None:
    words = ["train", "--data", "scored.csv", "--dry-run", "--verbose", "mining.enabled=true", *SMALL, *TRAIN]
    done = server.run(words, folder)
    assert done["code"] == 0, done["output"]
    assert "scored: no hard negatives are mined: scored pairs take no negatives" in done["output"]


def test_a_cross_encoder_looks_at_negatives(here: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    cross = cross_encoder(here, labels=1)
    scores = CrossJudge(str(cross), "cpu")([("where is it?", "here"), ("what?", "a long answer to another question")])
    assert scores.shape == (2,) and ((scores > 0) & (scores < 1)).all()
    # every probability of a random model lies near a half
    strict, lenient = (
        mine_json(
            capfd,
            "several.csv",
            "--out",
            str(tmp_path / f"{most}.jsonl"),
            f"mining.cross_encoder={cross}",
            f"mining.max_cross_score={most}",
        )[0]
        for most in (0.01, 0.99)
    )
    refused = strict["mined"]["train"]
    assert refused["refused_cross"] == refused["cross_scored"] > 0 and refused["median_rank"] is None
    assert lenient["mined"]["train"]["refused_cross"] == 0
    assert lenient["mined"]["train"]["cross_scored"] > 0
    assert lenient["cross_encoder"]["sha256"]


def test_a_classifier_is_no_cross_encoder(here: Path) -> None:
    with pytest.raises(ModelError, match="gives 3 labels, not one score"):
        CrossJudge(str(cross_encoder(here, labels=3)), "cpu")([("a", "b")])


@pytest.mark.shared
@pytest.mark.slow
def test_the_filter_keeps_hidden_positives_out(shared_datasets: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Where half of the positives are hidden a quarter of the first ranks are false; by the defaults not one in fifty is."""
    main(["mine", str(shared_datasets / "nl2bash"), "--audit", "--json", f"output_dir={tmp_path}"])
    (found,) = json.loads(capfd.readouterr().out)
    assert found["audit"]["plain"]["false_negative_share"] > 0.2
    assert found["audit"]["filter"]["false_negative_share"] < 0.02
