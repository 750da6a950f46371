"""The model card of a finished run."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard

from tests.support.hub_server import metadata_errors
from train.config.schema import TrainSettings
from train.deploy.card import METRICS, model_card
from train.deploy.use_it import UseIt
from train.errors import EmbedTuneError
from train.evaluate.results import CrossValidation
from train.evaluate.seeds import SeedResult, SeedsResult
from train.report.training import on_shipped
from train.runs.figures import verdict_line
from train.runs.read import RunRecords
from train.runs.records import MinedRecord, RunReport
from train.selection.unproven import marked_withheld
from train.wording import VERDICT_WORDS


def rewrite(path: Path, change: Any) -> None:
    """Apply a change to a JSON file."""
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def with_data(records: RunRecords, **settings: Any) -> TrainSettings:
    """The settings of a run with others for its first data set."""
    tree = records.config.model_dump(mode="json")
    tree["data"]["datasets"][0] |= settings
    return TrainSettings.model_validate(tree)


def front_matter(card: str) -> dict[str, Any]:
    found = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
    assert found
    return yaml.safe_load(found[1])


def test_the_front_matter_keeps_the_rules_of_the_hub_and_its_figures_are_those_of_the_report(run: Path) -> None:
    card = model_card(RunRecords.of(run), "owner/name")
    assert metadata_errors(card) == []
    data = front_matter(card)
    assert data["library_name"] == "sentence-transformers" and "sentence-similarity" in data["tags"]
    assert "license" not in data and "base_model" not in data and "datasets" not in data
    report = json.loads((run / "report.json").read_text())
    (index,) = data["model-index"]
    assert index["name"] == "name"
    shown = {
        (result["dataset"]["name"], result["dataset"]["split"], metric["type"]): metric["value"]
        for result in index["results"]
        for metric in result["metrics"]
    }
    expected = {
        (entry["name"], entry["split"], METRICS[name][1]): pair["tuned"]
        for entry in report["datasets"]
        for name, pair in entry["metrics"].items()
    }
    assert len(expected) == 7 and shown == expected
    parsed = ModelCard(card).data.eval_results
    assert {(result.dataset_name, result.metric_value) for result in parsed} == {(k[0], v) for k, v in expected.items()}


def test_the_text_says_what_a_reader_needs(run: Path) -> None:
    card = model_card(RunRecords.of(run), "owner/name", "apache-2.0")
    assert front_matter(card)["license"] == "apache-2.0"
    report = json.loads((run / "report.json").read_text())
    for entry in report["datasets"]:
        row = next(line for line in card.splitlines() if f"{entry['base']:.3f} | {entry['tuned']:.3f}" in line)
        assert f"| {entry['n']} |" in row and VERDICT_WORDS[entry["verdict"]] in row
    for part in (
        'SentenceTransformer("owner/name")',
        "encode_query",
        '- queries: `"find: "`',
        "## Limits",
        "learning rate 0.0001",
        "max_steps: 2",
        "torch ",
    ):
        assert part in card
    counts = {entry["name"]: entry["counts"] for entry in json.loads((run / "audit.json").read_text())["datasets"]}
    row = next(line for line in card.splitlines() if line.startswith("| pairs | texts that belong"))
    assert [cell.strip() for cell in row.split("|")[3:6]] == [str(counts["pairs"][f"rows_{s}"]) for s in ("train", "dev", "test")]


def test_the_same_lies_beside_the_weights_without_texts_and_places(run: Path, tiny_model: Path, workplace: Path) -> None:
    card = (run / "model" / "README.md").read_text(encoding="utf-8")
    records = RunRecords.of(run)
    assert card == model_card(records) and f"**{verdict_line(records.report)}.**".replace("*.", ".") in card.replace("*.", ".")
    for part in (
        'model = SentenceTransformer("path/to/this/folder")',
        "embed-tune embed texts.csv --model path/to/this/folder --out vectors.parquet",
        'embed-tune search vectors.parquet "a question" --documents texts.csv',
        "Old vectors, of the base or of any other model, do not fit: embed all texts again",
        "`embed-tune threshold RUN`",
    ):
        assert part in card
    for wrong in ("zanzibar", str(tiny_model), str(workplace), str(Path.home()), "pairs.csv", "embed-tune push"):
        assert wrong not in card


def test_commands_of_a_model_for_pairs_of_one_kind_name_their_role(run: Path) -> None:
    records = RunRecords.of(run)
    audit = records.audit.model_copy(update={"datasets": records.audit.datasets[1:]})
    prompts = dict.fromkeys(("query_prompt", "document_prompt"), "")
    config = with_data(records)
    data = config.data.model_copy(update={"datasets": config.data.datasets[1:]})
    changes = {"audit": audit, "contract": records.contract.model_copy(update=prompts | {"symmetric_prompt": "same: "})}
    use = UseIt.of(replace(records, config=config.model_copy(update={"data": data}), **changes), "a model", "my run")
    assert use.commands[0].line == "embed-tune embed texts.csv --model 'my run' --role symmetric --out vectors.parquet"
    assert use.commands[2].line == "embed-tune push 'my run' OWNER/NAME"
    assert 'prompt="same: ")' in use.python and "encode_query" not in use.python
    assert use.prompts[1] == (("both sides of a similarity", "same: "),) and not use.instead and len(use.again) == 2


def test_cross_validation_comes_first_and_named_prompts_are_listed(run: Path) -> None:
    records = RunRecords.of(run)
    entry = records.report.datasets[0]
    crossed = CrossValidation(
        folds=5, n=999, groups=None, base=0.1, tuned=0.2, delta=0.1, ci95=(0.05, 0.15), p_value=0.0, verdict="improved"
    )

    def judged(kept_base: bool) -> RunReport:
        one = entry.model_copy(update={"cross_validation": crossed, "kept_base": kept_base})
        return records.report.model_copy(update={"datasets": (one,)})

    contract = records.contract.model_copy(update={"query_prompt": "", "document_prompt": ""})
    config = with_data(records, prompts={"anchor": "ask: "})
    changed = replace(records, report=judged(False), contract=contract, config=config)
    card = model_card(changed, "owner/name", None)
    whole = card.index(f"{entry.name}, all 5 parts | nDCG@10 | 999 | 0.100 | 0.200")
    assert whole < card.index(f"{entry.name}, test alone") and "The verdict is on all of them" in card
    kept = replace(changed, report=judged(True))
    assert "The verdict is on this model, which is the base itself" in model_card(kept, "owner/name", None)
    assert f'prompt_name="{entry.name}-anchor")`: `"ask: "`' in card and "No prompts are needed" not in card


@pytest.mark.parametrize("withheld", [True, False])
def test_a_base_that_is_shipped_is_called_the_base_everywhere(run: Path, withheld: bool) -> None:
    records = RunRecords.of(run)
    report, seed = records.report, SeedResult(seed=1, tuned=0.2, delta=0.1, shipped=withheld)
    seeds = SeedsResult(
        seeds=(seed, seed), n=9, base=0.1, tuned=0.2, delta=0.1, sd=0.0, ci95=(-0.1, 0.3), item_ci95=(-0.1, 0.3), p_value=0.5,
        verdict="no_evidence",
    )  # fmt: skip
    entry = report.datasets[0].model_copy(update={"seeds": seeds, "kept_base": not withheld})
    (entry,) = marked_withheld([entry]) if withheld else [entry]
    chosen = report.selection.model_copy(update={"withheld": withheld, "share": 1.0 if withheld else 0.0})
    changes = {"datasets": (entry,), "selection": chosen, "shipped": on_shipped([entry])}
    card = model_card(replace(records, report=report.model_copy(update=changes)), "owner/name", None)
    line = "The base is shipped: what was trained is" if withheld else "The base is kept: nothing was better on dev."
    assert f"**{line}" in card and "This model is the base itself" in card and "this model is none of them, but the base" in card
    assert "Its weights are those of its base." in card and "the weights of " in card.split("##")[0]
    assert "Vectors of the base fit as before" in card and "embed all texts again" not in card
    assert ("export.unproven=ship" in card) == withheld and ("embed-tune compare" in card) != withheld
    for wrong in ("the best of them on dev", "cannot be compared", "fine-tuned from", "finetune", "traces of their training"):
        assert wrong not in card


def test_what_it_takes_to_train_again_is_all_there(run: Path) -> None:
    records = RunRecords.of(run)
    name = records.audit.datasets[0].name
    config = with_data(records, prompts={"anchor": "ask: "}, score_range=[0, 3])
    config = config.model_copy(update={"data": config.data.model_copy(update={"leaks": "keep"})})
    config = config.model_copy(update={"mining": config.mining.model_copy(update={"rank_to": 50})})
    mined = records.environment.model_copy(update={"mined": {name: MinedRecord(rows=41)}})
    card = model_card(replace(records, config=config, environment=mined), "owner/name")
    again = yaml.safe_load(card.split("```yaml\n")[1].split("```")[0])
    assert again["mining"]["enabled"] is True and again["mining"]["rank_to"] == 50 and again["data"]["leaks"] == "keep"
    first = {"prompts": {"anchor": "ask: "}, "score_range": [0, 3]}
    assert again["data"]["datasets"][0] == {"source": f"PATH OF {name}", **first}
    row = next(line for line in card.splitlines() if line.startswith(f"| {name} | texts that belong"))
    assert "with hard negatives mined by the base" in row and row.split("|")[3].strip() == "41"
    plain = yaml.safe_load(model_card(records, "owner/name").split("```yaml\n")[1].split("```")[0])
    assert "mining" not in plain


def test_scores_by_dot_product_are_not_called_cosine(run: Path) -> None:
    records = RunRecords.of(run)
    contract = records.contract.model_copy(update={"similarity": "dot"})
    data = front_matter(model_card(replace(records, contract=contract), "owner/name"))
    kinds = {metric["type"] for result in data["model-index"][0]["results"] for metric in result["metrics"]}
    assert {"dot_ndcg@10", "spearman_cosine"} <= kinds and not [kind for kind in kinds if kind.startswith("cosine_")]


def test_a_name_is_neither_a_table_cell_nor_html(run: Path) -> None:
    for name in ("report.json", "audit.json"):
        rewrite(run / name, lambda content: content["datasets"][0].update(name="a|b <b> [c](d) *e*"))
    text = model_card(RunRecords.of(run), "owner/name").split("---\n", 2)[2]
    assert r"a\|b \<b\> \[c\](d) \*e\*" in text and "<b>" not in text.replace(r"\<b\>", "")
    for line in text.splitlines():
        if line.startswith("| "):
            assert len(re.split(r"(?<!\\)\|", line)) in (8, 11), line


def test_no_text_of_the_data_and_no_path_of_this_machine_is_in_it(run: Path, tiny_model: Path, workplace: Path) -> None:
    card = model_card(RunRecords.of(run), "owner/name")
    assert "zanzibar" not in card
    for path in (tiny_model, workplace, Path.home()):
        assert str(path) not in card
    assert "pairs.csv" not in card and "a model from a local folder (weights of SHA-256" in card


def test_what_came_from_the_hub_is_named_by_its_id(run: Path) -> None:
    model = {"name": "intfloat/e5-small-v2", "from": "hub cache", "revision": "0123456789abcdef", "sha256": None}
    rewrite(run / "environment.json", lambda content: content.update(model=model))

    def from_hub(content: Any) -> None:
        content["datasets"][0] |= {"location": "somebody/pairs", "notes": ["Hub data set somebody/pairs"]}

    rewrite(run / "audit.json", from_hub)
    card = model_card(RunRecords.of(run), "owner/name")
    assert metadata_errors(card) == []
    data = front_matter(card)
    assert (data["base_model"], data["base_model_relation"], data["datasets"]) == (
        "intfloat/e5-small-v2",
        "finetune",
        ["somebody/pairs"],
    )
    assert data["model-index"][0]["results"][0]["dataset"]["type"] == "somebody/pairs"
    assert "at revision `0123456789ab`" in card and "huggingface.co/datasets/somebody/pairs" in card


def test_a_run_without_judgement_and_prompts_has_a_card_too(run: Path) -> None:
    rewrite(run / "report.json", lambda content: content.update(datasets=[], verdict="no_evidence"))
    prompts = dict.fromkeys(("query_prompt", "document_prompt", "symmetric_prompt"), "")
    rewrite(run / "environment.json", lambda content: content["contract"].update(prompts))
    card = model_card(RunRecords.of(run), "owner/name")
    assert metadata_errors(card) == [] and "model-index" not in front_matter(card)
    assert "No prompts are needed." in card and "there was no test split" in card


@pytest.mark.parametrize(("name", "content"), [("audit.json", None), ("environment.json", "{"), ("config.yaml", "a: [")])
def test_damaged_records_are_named(run: Path, name: str, content: str | None) -> None:
    (run / name).unlink() if content is None else (run / name).write_text(content)
    with pytest.raises(EmbedTuneError, match=name):
        RunRecords.of(run)
