"""The model card of a finished run: what it was trained on, what the verdict is, how to use it, its limits, how to repeat it.

Everything comes from the run folder's records, which hold names, counts and figures and never a text of the data. Paths of this
machine stay out too: a data set is called by its name, a base model out of a folder by its SHA-256.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from data.spec import LEAST_DEV
from data.storage import write_text
from train.deploy.use_it import UseIt, ships_base, trained_on
from train.encode.token_limit import NO_LIMIT
from train.evaluate.facts import RunFacts
from train.evaluate.first_base import first_base_sentences
from train.evaluate.results import DatasetResult
from train.runs.figures import verdict_line
from train.runs.folder import RunFolder
from train.runs.read import HUB_ID, RunRecords
from train.runs.records import RunReport
from train.runs.thresholds import threshold_sentences
from train.wording import VERDICT_WORDS, change, joined, nothing_better, p_value

METRICS = {
    "ndcg@10": ("nDCG@10", "cosine_ndcg@10"),
    "mrr@10": ("MRR@10", "cosine_mrr@10"),
    "recall@10": ("Recall@10", "cosine_recall@10"),
    "recall@100": ("Recall@100", "cosine_recall@100"),
    "map@10": ("MAP@10", "cosine_map@10"),
    "spearman": ("Spearman", "spearman_cosine"),
    "pearson": ("Pearson", "pearson_cosine"),
}
"""Metrics as people write them, and as Sentence Transformers names them in `model-index` (so that the Hub joins them)."""

KINDS = {
    "scored": "pairs of texts with a similarity",
    "pair": "texts that belong together (query, document)",
    "tuple": "texts that belong together, with hard negatives",
}
TASKS = {"scored": ("semantic-similarity", "Semantic Similarity")}
HERE = "path/to/this/folder"
"""What a model is called in its own folder, which may lie anywhere."""
RETRIEVAL = ("information-retrieval", "Information Retrieval")


_OF_TUNED = (
    "- It has the biases of its base and of the data above. Fine-tuned weights can hold traces of their training texts.",
)
_OF_THE_BASE = (
    "- Its weights are those of its base.",
    "- It has the biases of its base.",
)


def model_card(records: RunRecords, repo_id: str | None = None, licence: str | None = None) -> str:
    """Return README.md of a model: YAML front matter and Markdown.

    Args:
        records: all that the run recorded.
        repo_id: `owner/name` of its repository on the Hub, for the lines of code that load it; None for a folder on any machine.
        licence: id of a licence as the Hub knows them (`apache-2.0`); left out when None, as nobody but the owner can choose.
    """
    name = records.folder.name if repo_id is None else repo_id.rsplit("/", 1)[-1]
    sections = [
        _head(records, name),
        _verdict(records),
        _usage(records, repo_id or HERE, None),
        _training(records),
        _limits(records),
        _repeat(records),
    ]
    return f"---\n{metadata(records, name, licence)}\n---\n\n" + "\n\n".join(sections) + "\n"


def write_card(run: Path, report: RunReport | None = None) -> None:
    """Write README.md beside the weights of a run, in place of the one that a library may have left; nothing without weights.

    Args:
        run: its folder.
        report: of the run, where report.json is not written yet.
    """
    folder = RunFolder(run)
    if folder.model.is_dir():
        write_text(folder.model / "README.md", model_card(RunRecords.of(run, report)))


def card_is_ours(run: Path) -> bool:
    """Tell whether README.md beside the weights of a run may be written anew: it is not there, or nobody has changed it."""
    card = RunFolder(run).model / "README.md"
    return not card.is_file() or card.read_text(encoding="utf-8", errors="replace") == model_card(RunRecords.of(run))


def metadata(records: RunRecords, called: str, licence: str | None = None) -> str:
    """Return the front matter: YAML by the Hub's rules, with the tuned model's figures on test as `model-index`."""
    from huggingface_hub import EvalResult, ModelCardData

    results = []
    for entry in records.report.datasets:
        task, task_name = TASKS.get(entry.kind, RETRIEVAL)
        side = "base" if records.report.selection.withheld else "tuned"  # whose weights are there
        found = {entry.metric: getattr(entry, side)} | {name: getattr(pair, side) for name, pair in entry.metrics.items()}
        for name, value in found.items():
            label, kind = METRICS.get(name, (name, name))
            if records.contract.similarity == "dot":  # retrieval is judged by the model's own
                kind = kind.replace("cosine_", "dot_")
            results.append(
                EvalResult(
                    task_type=task,
                    task_name=task_name,
                    dataset_type=records.hub_dataset(entry.name) or entry.name,
                    dataset_name=entry.name,
                    dataset_split=entry.split,
                    metric_type=kind,
                    metric_name=label,
                    metric_value=value,
                )
            )
    trained = [identity for name in trained_on(records) if (identity := records.hub_dataset(name))]
    data = ModelCardData(
        base_model=records.base_id,
        datasets=trained or None,
        eval_results=results or None,
        library_name="sentence-transformers",
        license=licence,
        model_name=called,
        pipeline_tag="sentence-similarity",
        tags=["sentence-transformers", "sentence-similarity", "feature-extraction", "embed-tune"],
        base_model_relation="finetune" if records.base_id and not ships_base(records) else None,
    )
    if not results:  # the Hub reads model_name out of model-index only
        data.pop("model_name")
    return data.to_yaml(line_break="\n")


def _base(records: RunRecords) -> str:
    model = records.model
    if records.base_id:
        revision = f" at revision `{model.revision[:12]}`" if model.revision else ""
        return f"[{records.base_id}](https://huggingface.co/{records.base_id}){revision}"
    checked = f" (weights of SHA-256 `{model.sha256[:16]}…`)" if model.sha256 else ""
    return f"a model from a local folder{checked}"


def _head(records: RunRecords, name: str) -> str:
    contract = records.contract
    origin = f"the weights of {_base(records)}" if ships_base(records) else f"fine-tuned from {_base(records)}"
    return (
        f"# {_plain(name)}\n\n"
        f"A text-embedding model for [Sentence Transformers](https://sbert.net), {origin}. It gives "
        f"vectors of {contract.dimensions} dimensions ({contract.pooling} pooling, "
        f"{'' if contract.normalized else 'not '}normalised) of texts of "
        f"{'any length' if contract.max_tokens >= NO_LIMIT else f'at most {contract.max_tokens} tokens'}."
    )


def _verdict(records: RunRecords) -> str:
    if not records.report.datasets:
        return "## Is it better than its base?\n\nNobody knows: there was no test split to judge it on."
    lines = [
        "## Is it better than its base?",
        "",
        f"**{_plain(verdict_line(records.report))}.** {_doubt(records)}Base and tuned model were judged once on the test split, "
        "which took no part in training or in the choice of the checkpoint; the interval is a paired bootstrap of tuned − base.",
        "",
        "| data set | metric | n | base | tuned | change | 95% interval | p | verdict |",
        "|---|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for entry in _judged(records):
        low, high = entry.ci95
        cells = (
            _plain(entry.name),
            METRICS.get(entry.metric, (entry.metric,))[0],
            f"{entry.n:,}",
            f"{entry.base:.3f}",
            f"{entry.tuned:.3f}",
            change(entry.delta),
            f"{change(low)} to {change(high)}",
            p_value(entry.shown_p),
            VERDICT_WORDS[entry.settled],
        )
        lines.append(f"| {' | '.join(cells)} |")
    if any(entry.cross_validation for entry in records.report.datasets):
        lines += [
            "",
            "*All parts*: each part of the rows was the test set in turn, for a model trained with the same settings on the "
            "others. "
            + (
                "They describe such training. The verdict is on this model, which is the base itself: "
                f"{nothing_better(records.report.selection.passed_over)}."
                if any(entry.kept_base for entry in records.report.datasets)
                else "They describe such training. This model is the base itself."
                if ships_base(records)
                else "The verdict is on all of them; this model is one case of it."
            ),
        ]
    if any(entry.seeds for entry in records.report.datasets):
        which = "this model is none of them, but the base" if ships_base(records) else "this model is the best of them on dev"
        lines += ["", f"*Seeds*: the same training with other seeds, on the same test; {which}."]
    lines += [line for sentence in _first_base(records) for line in ("", sentence)]
    return "\n".join(lines)


def _first_base(records: RunRecords) -> list[str]:
    """Return what all runs together gained on the first base; folders are not named, as they lie on the machine of the run."""
    found = records.report.first_base
    if found is None or not found.results:
        return []
    name = found.name if found.kind != "folder" else "a model from a local folder"
    results = tuple(one.model_copy(update={"name": name, "dataset": _plain(one.dataset)}) for one in found.results)
    shown = found.model_copy(update={"results": results, "runs": tuple(map(_plain, found.runs)), "notes": ()})
    return first_base_sentences(shown, "this model")


def _doubt(records: RunRecords) -> str:
    """Return what the line of the verdict leaves open, with a blank behind it; nothing where that is nothing."""
    shipped = records.report.shipped
    if shipped is None or shipped.headline is None:
        return ""
    facts = RunFacts.of(records.report.datasets, kept=records.report.selection.share == 0)
    worse = [_plain(one.name) for one in records.report.datasets if one.shipped == "regressed"]
    if records.report.selection.withheld:
        return "This model is the base itself, and the figures below are those of what was trained. "
    if facts.ships == "kept":
        return "This model is the base itself. "
    if worse:
        return f"This model is worse than its base on {joined(worse)}. "
    if not facts.proven:
        return "This model is not shown to be better than its base. "
    return "This model is better than its base; that such training makes better models is not shown. "


def _judged(records: RunRecords) -> list[DatasetResult]:
    """Return the lines of the table: what cross-validation found, if anything, comes before test alone."""
    return [line for entry in records.report.datasets for line in entry.lines()]


def _training(records: RunRecords) -> str:
    lines = [
        "## What it was trained on",
        "",
        "| data set | rows are | train | dev | test | used for |",
        "|---|---|---:|---:|---:|---|",
    ]
    trained = set(trained_on(records))
    for facts in records.audit.datasets:
        name = facts.name
        rows = {split: facts.counts.get(f"rows_{split}", 0) for split in ("train", "dev", "test")}
        mined = records.environment.mined.get(name)
        counts = [f"{number:,}" for number in (rows | ({} if mined is None else {"train": mined.rows})).values()]
        identity = records.hub_dataset(name)
        shown = f"[{_plain(name)}](https://huggingface.co/datasets/{identity})" if identity else _plain(name)
        use = "training and judging" if name in trained else "judging only"
        kind = KINDS["tuple" if mined is not None else facts.kind] + (" mined by the base" if mined is not None else "")
        lines.append(f"| {' | '.join((shown, kind, *counts, use))} |")
    return "\n".join([*lines, "", "Counts are rows. This card quotes no text of the data."])


def _usage(records: RunRecords, model: str, run: str | None) -> str:
    use = UseIt.of(records, model, run)
    lines = ["## How to use it", "", "```python", use.python, "```", "", use.prompts[0]]
    if use.prompts[1]:
        lines += ["", *(f"- {what}: `{json.dumps(prompt, ensure_ascii=False)}`" for what, prompt in use.prompts[1])]
    lines += _shortened(records, model)
    lines += ["", "With embed-tune:", "", "```sh"]
    lines += [line for command in use.commands for line in (f"# {command.does}", command.line)]
    lines += ["```"]
    if thresholds := threshold_sentences(RunFolder(records.folder).model):
        lines += ["", *thresholds]
    if told := [*use.instead, *use.again]:
        lines += ["", *(f"- {sentence}" for sentence in told)]
    return "\n".join(lines)


def _shortened(records: RunRecords, model: str) -> list[str]:
    """Say how vectors may be cut, and what that costs; nothing where the model was not trained for it."""
    rows = [
        f"| {_plain(one.name)} | {METRICS.get(one.metric, (one.metric,))[0]} | {cut.dimensions} "
        f"| {cut.base:.3f} | {cut.tuned:.3f} |"
        for one in records.report.datasets
        for cut in one.dimensions
    ]
    if not rows or ships_base(records):
        return []
    lengths = [str(length) for length in records.config.training.matryoshka]
    example = f"`SentenceTransformer({json.dumps(model)}, truncate_dim={lengths[-1]})`"
    return [
        "",
        f"It was trained so that its vectors may be cut (Matryoshka) to their first {', '.join(lengths)} dimensions: {example}.",
        "On test, with vectors cut:",
        "",
        "| data set | metric | dimensions | base | tuned |",
        "| --- | --- | ---: | ---: | ---: |",
        *rows,
    ]


def _limits(records: RunRecords) -> str:
    contract = records.contract
    names = ", ".join(_plain(entry.name) for entry in records.report.datasets) or "nothing"
    lines = [
        "## Limits",
        "",
        f"- It was judged on {names} alone. On other texts, tasks and languages the base may be the better choice: judge first.",
        "- A text is read whole, as a bag of words: their order has no influence on its vector."
        if contract.max_tokens >= NO_LIMIT
        else f"- What comes after token {contract.max_tokens} of a text has no influence on its vector.",
        *(_OF_THE_BASE if ships_base(records) else _OF_TUNED),
    ]
    small = [_plain(entry.name) for entry in records.report.datasets if entry.n < 100]
    if small:
        lines.append(f"- Fewer than 100 test queries or pairs stand behind the figures of {', '.join(small)}.")
    return "\n".join(lines)


def _repeat(records: RunRecords) -> str:
    environment = records.environment
    packages = ", ".join(f"{name} {found}" for name, found in environment.packages.items())
    share = records.report.selection.share
    way = "" if share == 1 else f"{share:.0%} of the way from the base to "
    checkpoint = f"{way}the checkpoint of step {records.report.best_step or 0:,}"
    selection = checkpoint if share else f"the base itself: {nothing_better(records.report.selection.passed_over)}"
    if (seed := records.report.selection.seed) is not None:
        selection += f" of the training with seed {seed}"
    if records.report.selection.withheld:
        selection = f"the base itself, as the gain of what was trained ({selection}) is unproven"
    revision = f", code revision `{environment.git_revision[:12]}`" if environment.git_revision else ""
    lines = [
        "## How to repeat it",
        "",
        f"Trained with embed-tune: Python {environment.python}, {packages}{revision}, on {environment.world_size} × "
        f"{environment.device.split(':')[0]}; the model is {selection}.",
        "",
        *(f"- {_plain(reason)}" for reason in environment.recipe),
        "",
        "The same data with these settings, as `--config` of `embed-tune train`, trains it again:",
        "",
        "```yaml",
        yaml.safe_dump(_settings(records), sort_keys=False, allow_unicode=True).rstrip(),
        "```",
        "",
        "Fingerprints of the data:",
        "",
        *(f"- {_plain(name)}: `{fingerprint}`" for name, fingerprint in environment.data.items()),
    ]
    return "\n".join(lines)


def _settings(records: RunRecords) -> dict[str, Any]:
    """Return what was set, all but what means nothing elsewhere: a base out of a folder, places of the data."""
    config = records.config.model_dump(mode="json")
    model = {key: value for key, value in config["model"].items() if key not in ("name", "device", "trust_remote_code")}
    if records.base_id:
        model = {"name": records.base_id, **model}
    sections = {"model": model, "training": config["training"]}
    if records.environment.mined:  # whether it was asked for or came of the rule
        sections["mining"] = config["mining"] | {"enabled": True}
        if not HUB_ID.fullmatch(config["mining"]["cross_encoder"] or ""):  # a folder of this machine
            del sections["mining"]["cross_encoder"]
    given = {name: {k: v for k, v in section.items() if v is not None} for name, section in sections.items()}
    return {name: section for name, section in given.items() if section} | _data_settings(records)


def _data_settings(records: RunRecords) -> dict[str, Any]:
    """Return what was set about the data, but for where it lies; nothing where all is as it is by default."""
    data = records.config.data
    datasets = [
        {"source": records.hub_dataset(one.name) or f"PATH OF {one.name}"}
        | spec.model_dump(mode="json", exclude_defaults=True, exclude={"source", "name"})
        for one, spec in zip(records.audit.datasets, data.datasets, strict=True)
    ]
    whole = data.model_dump(mode="json", exclude_defaults=True, exclude={"datasets"})
    split = {key: value for key, value in whole.pop("split", {}).items() if key != "least_dev"}
    if data.split.least_dev != LEAST_DEV:  # what a new run would settle by itself; older runs did not enlarge dev
        split["least_dev"] = data.split.least_dev or 0
    whole |= {"split": split} if split else {}
    return {"data": {"datasets": datasets, **whole}} if whole or any(len(one) > 1 for one in datasets) else {}


def _plain(text: str) -> str:
    """Return a name as it is, in Markdown: nothing in it becomes a link, a table cell, an emphasis or HTML."""
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", " ".join(text.split()))
