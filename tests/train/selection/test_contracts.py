"""The base is judged as it was published, too, where a run's settings make it read texts in another way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data.schema import RowKind
from data.spec import DatasetSpec, PromptSpec
from train import pipeline
from train.config.load import load_config
from train.config.schema import ModelConfig
from train.console import heard_by
from train.encode.contract import Role, what_differs
from train.encode.local import load_encoder, read_as_many
from train.encode.open import open_model
from train.encode.prompts import settle_prompts
from train.encode.shipped import ShippedEncoder, restore
from train.runs.finished import read_finished

PROMPT = "zebra quartz waltz " * 20
TEXTS = ["a red kettle", "a long text about kettles " * 9]
ANIMALS = ("cat", "dog", "fox", "owl", "bee", "cow", "hen", "ant", "eel", "ram", "yak", "bat")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    verbs = ("feeds", "finds", "sells", "paints", "washes")
    rows = [f"who {verb} the {animal},somebody {verb} the {animal} at noon" for verb in verbs for animal in ANIMALS]
    (tmp_path / "pairs.csv").write_text("\n".join(["question,answer", *rows]) + "\n", encoding="utf-8")
    return tmp_path / "pairs.csv"


def _run(data: Path, model: Path, *words: str) -> tuple[dict[str, Any], Path, list[str]]:
    overrides = [f"model.name={model}", "model.device=cpu", "training.precision=fp32", "training.max_steps=1", *words]
    said: list[str] = []
    with heard_by(said.append):
        config = load_config(
            None,
            data=str(data),
            overrides=[*overrides, f"output_dir={data.parent}", "run_name=run", "evaluation.resamples=200", "vector_cache=off"],
        )
        run = pipeline.start_run(config)
    return json.loads((run / "report.json").read_text(encoding="utf-8")), run, said


def test_a_prompt_that_hurts_the_base_makes_no_gain_and_goes_where_the_base_is_kept(pairs: Path, tiny_model: Path) -> None:
    report, run, said = _run(pairs, tiny_model, f"model.query_prompt={PROMPT}", "training.learning_rate=1e-9")
    (result,) = report["datasets"]
    shipped, prompted = result["contracts"]
    assert (shipped["name"], prompted["name"]) == ("as shipped", "under the run's prompts")
    assert shipped["value"] > prompted["value"] + 0.1, "the prompt hurts this base"
    assert shipped["decides"] and not prompted["decides"] and result["base"] == pytest.approx(shipped["value"])
    values = read_finished(run).values("pairs", "ndcg@10")
    assert sum(values.base) / len(values.base) == pytest.approx(shipped["value"]), "the values of each query are that base's"
    told = f"The base reaches {shipped['value']:.3f} as shipped and {prompted['value']:.3f} under the run's prompts"
    assert any(told in line.replace("\n  ", " ").replace("\n", " ") for line in said), "the terminal says both"
    assert told in (run / "report.html").read_text(encoding="utf-8").replace("&#39;", "'"), "and the page"

    # and the base that nothing beats is kept as it was published
    assert report["selection"]["share"] == 0 and report["selection"]["as_shipped"] is True
    assert report["verdict"] == "no_evidence" and report["datasets"][0]["delta"] == 0
    contract = open_model(ModelConfig(name=str(run / "model"), device="cpu")).local.contract
    assert contract.query_prompt == "", "the prompt does not go along"
    assert json.loads((run / "environment.json").read_text(encoding="utf-8"))["contract"]["query_prompt"] == ""


def test_settings_that_change_no_text_are_judged_once(pairs: Path, tiny_model: Path) -> None:
    report, _, said = _run(pairs, tiny_model, "model.max_tokens=64", "data.prompts.sentences=no pair of scores here: ")
    assert report["datasets"][0]["contracts"] == [] and "as_shipped" not in report["selection"]
    assert not any("as shipped" in line for line in said)


@pytest.mark.parametrize("setting", ["model.max_tokens", "training.max_tokens", "query_prompt", "data.prompts"])
def test_the_base_as_shipped_is_the_model_without_the_settings(tiny_model: Path, setting: str) -> None:
    name = str(tiny_model)
    plain = load_encoder(ModelConfig(name=name, device="cpu"))[0]
    config = ModelConfig(name=name, device="cpu", **{"query_prompt": {"query_prompt": PROMPT}}.get(setting, {}))
    if setting == "model.max_tokens":
        config = config.model_copy(update={"max_tokens": 8})
    encoder = load_encoder(config)[0]
    if setting == "training.max_tokens":
        encoder, _ = read_as_many(encoder, 100, config)
    if setting == "data.prompts":
        spec = DatasetSpec(source="x", prompts=PromptSpec(anchor=PROMPT, positive=PROMPT, sentences=PROMPT))
        encoder, _ = settle_prompts(encoder, {"x": spec}, {"x": RowKind.PAIR})
    shipped = ShippedEncoder(encoder)
    assert what_differs(plain.contract, encoder.contract, RowKind.PAIR)
    assert shipped.contract == plain.contract
    texts = [*TEXTS, "word " * 90]
    for role in Role:
        assert shipped.space(role) == plain.space(role), "one space, and so one cache"
        assert shipped.encode(texts, role).equal(plain.encode(texts, role))
    assert not encoder.encode(texts, Role.QUERY).equal(plain.encode(texts, Role.QUERY)), "the run's contract is as it was"
    assert restore(encoder).encode(texts, Role.QUERY).equal(plain.encode(texts, Role.QUERY))


def test_a_pooling_that_the_user_gave_is_judged_beside_the_mean(tmp_path: Path) -> None:
    from tests.support.tiny_models import bert, raw

    folder = raw(tmp_path / "raw", bert())
    mean = load_encoder(ModelConfig(name=str(folder), device="cpu"))[0]
    encoder = load_encoder(ModelConfig.model_validate({"name": str(folder), "device": "cpu", "pooling": "cls"}))[0]
    assert what_differs(mean.contract, encoder.contract, RowKind.SCORED) == ["pooling"]
    shipped = ShippedEncoder(encoder)
    assert shipped.encode(TEXTS, Role.SYMMETRIC).equal(mean.encode(TEXTS, Role.SYMMETRIC))
    assert not encoder.encode(TEXTS, Role.SYMMETRIC).equal(mean.encode(TEXTS, Role.SYMMETRIC))
