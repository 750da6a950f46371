"""A run over several data sets: shares, prompts and shortened vectors are said, used, judged and saved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer

from data.prepared import PreparedDataset
from data.spec import SplitSpec
from tests.support.forked import ForkServer
from train.deploy.card import model_card
from train.evaluate.evaluator import score_model
from train.evaluate.tasks import build_task
from train.runs.read import RunRecords

THINGS = "ants bees cats dogs eels frogs goats hens ibex jays".split()  # noqa: SIM905  (a list of ten strings reads worse)


@pytest.fixture(scope="module")
def run(server: ForkServer, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A finished run over pairs, ten to a positive, and scored pairs, and what it said."""
    folder = tmp_path_factory.mktemp("mixture")
    pairs = [f"what do {THINGS[i % 10]} do at {i},{THINGS[i % 10]} do this" for i in range(100)]
    scored = [f"the {THINGS[i % 10]} {i},a {THINGS[i * 7 % 10]} {i},{i * 13 % 50 / 50}" for i in range(100)]
    (folder / "faq.csv").write_text("\n".join(["question,answer", *pairs]), encoding="utf-8")
    (folder / "sts.csv").write_text("\n".join(["sentence1,sentence2,score", *scored]), encoding="utf-8")
    (folder / "c.yaml").write_text(
        f"model: {{name: {tiny_model}, device: cpu}}\n"
        "data: {datasets: [{source: faq.csv, prompts: {anchor: 'ask: '}}, {source: sts.csv, weight: 3}], split: {dev: 0.1}}\n"
        "training: {matryoshka: [32, 8], max_steps: 4, batch_size: 16, precision: fp32, interpolation: 'off'}\n"
        "evaluation: {resamples: 200}\n",
        encoding="utf-8",
    )
    done = server.run(["train", "--config", "c.yaml", "run_name=run", "--verbose"], folder)
    assert done["code"] == 0, done["output"]
    return folder / "checkpoints" / "run", done["output"]


def test_what_each_data_set_gets_is_said(run: tuple[Path, str]) -> None:
    # of 5 batches each: 3 · 5 of 20 parts, 7.5 of 10
    assert "sts: 7 batches an epoch, 70% of all: 1.4 passes over its rows" in run[1]
    assert "faq: 3 batches an epoch, 30% of all: 0.6 passes over its rows" in run[1]
    assert (
        "faq: batches of rows drawn at random (by the rule); 70 of 70 rows have a text that belongs to other rows, too" in run[1]
    )
    assert "prompt_name" not in run[1]  # scored pairs have no queries, so there is nothing on which the two disagree


def test_several_data_sets_on_the_command_line(server: ForkServer, run: tuple[Path, str], tiny_model: Path) -> None:
    words = [
        "train",
        "--data",
        "faq.csv",
        "-d",
        "sts.csv",
        "--dry-run",
        "--verbose",
        f"model.name={tiny_model}",
        "model.device=cpu",
    ]
    done = server.run(words, run[0].parent.parent)
    assert done["code"] == 0, done["output"]
    assert "faq: MultipleNegativesRanking loss" in done["output"] and "sts: CosineSimilarity loss" in done["output"]


def test_a_data_set_may_be_called_train(server: ForkServer, run: tuple[Path, str], tiny_model: Path) -> None:
    folder = run[0].parent.parent
    (folder / "train.csv").write_text((folder / "faq.csv").read_text(), encoding="utf-8")
    words = [
        "train",
        "--data",
        "train.csv",
        "--data",
        "sts.csv",
        "run_name=named",
        f"model.name={tiny_model}",
        "model.device=cpu",
    ]
    done = server.run([*words, "training.max_steps=2", "evaluation.resamples=100", "training.precision=fp32"], folder)
    assert done["code"] == 0, done["output"]


def test_the_model_is_judged_again_under_the_prompts_of_its_training(server: ForkServer, run: tuple[Path, str]) -> None:
    folder, _ = run
    base = json.loads((folder / "environment.json").read_text())["model"]["name"]
    words = [
        "evaluate",
        base,
        "run",
        "--data",
        "faq.csv",
        "--data",
        "sts.csv",
        "--output",
        "again",
        "model.device=cpu",
        "--verbose",
    ]
    done = server.run(words, folder.parent.parent)
    assert done["code"] == 0, done["output"]
    assert "faq: run reads it with the prompts of its training (anchor 'ask: ')" in done["output"]
    again, report = (json.loads((one / "report.json").read_text()) for one in (folder.parent.parent / "again", folder))
    for first, second in zip(again["datasets"], report["datasets"], strict=True):
        shipped = {one["name"]: one["value"] for one in second["contracts"]}.get("as shipped", second["base"])
        assert (first["base"], first["tuned"]) == pytest.approx((shipped, second["tuned"])), "the base by its own contract"


def test_shortened_vectors_are_judged_under_the_prompts_of_the_data_set(run: tuple[Path, str]) -> None:
    folder, _ = run
    report = json.loads((folder / "report.json").read_text())
    faq, sts = report["datasets"]
    assert [one["dimensions"] for one in faq["dimensions"]] == [one["dimensions"] for one in sts["dimensions"]] == [8]
    assert "faq, nDCG@10, 8 dimensions" in run[1]
    prepared = _prepared(folder.parent.parent)
    for dimensions, expected in ((None, faq["tuned"]), (8, faq["dimensions"][0]["tuned"])):
        model = SentenceTransformer(str(folder / "model"), device="cpu", truncate_dim=dimensions)
        assert score_model(build_task(prepared, "test"), Asking(model)).values["ndcg@10"] == pytest.approx(expected, abs=1e-4)


def test_the_model_card_says_how_vectors_are_cut(run: tuple[Path, str]) -> None:
    card = model_card(RunRecords.of(run[0]), "owner/name")
    report = json.loads((run[0] / "report.json").read_text())
    cut = report["datasets"][0]["dimensions"][0]
    assert 'SentenceTransformer("owner/name", truncate_dim=8)' in card
    assert f"| faq | nDCG@10 | 8 | {cut['base']:.3f} | {cut['tuned']:.3f} |" in card


class Asking:
    """The saved model as its users ask it."""

    similarity = "cosine"

    def __init__(self, model: SentenceTransformer) -> None:
        self.model = model

    def encode(self, texts: list[str], role: str) -> torch.Tensor:
        """[N, D]."""
        encode = self.model.encode_query if role == "query" else self.model.encode_document
        return encode(texts, convert_to_tensor=True, show_progress_bar=False)  # type: ignore[return-value]


def _prepared(folder: Path) -> PreparedDataset:
    from data.load import prepare
    from data.spec import DatasetSpec
    from train.config.schema import DataConfig
    from train.plan.audit import leak_rules

    spec = DatasetSpec(source=str(folder / "faq.csv"))
    return prepare(spec, SplitSpec(), folder / "cache", leaks=leak_rules(DataConfig(datasets=[spec])))
