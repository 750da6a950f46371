"""Runs made up for the tests of the report pages: what `render` gets, and run folders on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from train.deploy.use_it import Command, UseIt
from train.report.page import Extras, render
from train.runs.records import AuditRecord, EnvironmentRecord, RunReport, ScoreLine

VOID = {"meta", "link", "br", "hr", "img", "input"}

HOSTILE = [
    "</script><script>window.broken=1</script>",
    "<img src=x onerror=window.broken=1>",
    '" onmouseover="window.broken=1" x=\'',
    "</title></style></textarea><b>--><!--<script>",
    "{{7*7}} ${7*7} {% raw %}",
    "line\u2028and\u2029paragraph",
    "half a\ud800b",
    "turned \u202e round",
    "w" * 10_000,
    "nul\0inside\x07",
    "javascript:window.broken=1",
]


class Reader(HTMLParser):
    """Collects tags, attributes, text and the raw content of styles and scripts, and checks that tags are closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.raw: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.text.append("" if tag in {"b", "bdi", "code"} else " ")
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if tag in {"style", "script"}:
            self.raw.append((dict(attrs).get("type") or tag, ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in {"style", "script"}:
            kind, text = self.raw[-1]
            self.raw[-1] = kind, text + data
        else:
            self.text.append(data)

    def all_text(self) -> str:
        return " ".join("".join(self.text).split())

    def value(self, tag: str, name: str) -> str:
        return next(value or "" for t, n, value in self.attributes if (t, n) == (tag, name))


def result(name: str = "docs", delta: float = 0.089, **changes: Any) -> dict[str, Any]:
    """Return one entry of `datasets` in report.json; the interval is 0.014 to each side."""
    low, high = delta - 0.014, delta + 0.014
    verdict = "improved" if low > 0 else "regressed" if high < 0 else "no_evidence"
    metrics = {"ndcg@10": {"base": 0.532, "tuned": 0.532 + delta}, "mrr@10": {"base": 0.4, "tuned": 0.45}}
    entry = {"name": name, "kind": "pair", "split": "test", "metric": "ndcg@10", "n": 1225, "base": 0.532, "tuned": 0.532 + delta}
    more = {"delta": delta, "ci95": [low, high], "p_value": 0.0001, "verdict": verdict, "metrics": metrics}
    return entry | more | changes


def document(text: str, **changes: Any) -> dict[str, Any]:
    """Return one entry of a ranking."""
    return {"id": text[:20], "text": text, "relevant": False, "grade": None, "score": 0.5} | changes


def query(text: str, documents: list[str], kind: str = "gained", dataset: str = "docs", base: float = 0.1) -> dict[str, Any]:
    """Return a query whose ranking was turned round; the last document by the base is relevant."""
    ranking = [document(one, relevant=one == documents[-1], grade=1.0 if one == documents[-1] else None) for one in documents]
    wanted = {"id": documents[-1][:20], "text": documents[-1], "grade": 1.0, "base_rank": len(documents), "tuned_rank": 1}
    wanted["place"], place = f"{dataset}.csv:7", f"{dataset}.csv:3"
    values = {"dataset": dataset, "kind": kind, "base": base, "tuned": 1.0 - base, "delta": 1.0 - 2 * base}
    both = {"base_ranking": ranking, "tuned_ranking": ranking[::-1], "relevant": [wanted]}
    return {"query_id": text[:20], "query": text, "place": place} | values | both


def pair(one: str, other: str, kind: str = "lost", dataset: str = "pairs") -> dict[str, Any]:
    """Return a scored pair."""
    values = {"base": 0.9, "tuned": 0.1, "delta": -0.8, "gold": 0.5, "base_similarity": 0.5, "tuned_similarity": 0.9}
    return {"dataset": dataset, "kind": kind, "sentence1": one, "sentence2": other} | values


def curve(names: list[str], checkpoints: int = 3) -> list[dict[str, Any]]:
    """Return the lines of scores.jsonl: the i-th data set begins at 0.4 + i/10 and gains 0.01 (i + 1) a checkpoint."""
    lines = []
    for k in range(checkpoints + 1):
        scores = {name: 0.4 + i / 10 + 0.01 * (i + 1) * k for i, name in enumerate(names)}
        mean = sum(scores.values()) / len(scores)
        lines.append({"step": 20 * k, "dev": mean, "datasets": scores, "train_seconds": 30.0 * k})
    return lines


def rendered(
    report: dict[str, Any],
    lines: Sequence[dict[str, Any]] = (),
    examples: Sequence[dict[str, Any]] = (),
    extras: Mapping[str, Any] | None = None,
) -> str:
    """Return the page of a run, made from what its files hold."""
    return render(RunReport.model_validate(report), typed(lines), examples, extras_of(extras or {}))


def typed(lines: Sequence[dict[str, Any]]) -> list[ScoreLine]:
    """Return the lines of scores.jsonl as objects."""
    return [ScoreLine.model_validate(line) for line in lines]


def extras_of(extras: Mapping[str, Any]) -> Extras:
    """Return what else a page shows, from JSON values."""
    records = {"audit": AuditRecord, "environment": EnvironmentRecord}
    return Extras(**{key: records[key].model_validate(one) if key in records else one for key, one in extras.items()})


def page_arguments(text: str | None = None) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]:
    """Return what `render` gets for a run on two data sets; with `text` put wherever a text of somebody else can stand."""

    def say(words: str) -> str:
        return words if text is None else text

    first, second = say("docs"), say("pairs") + " two"
    report = {
        "verdict": "improved",
        "primary": first,
        "run": say("first-run"),
        "base_model": say("all-MiniLM-L6-v2"),
        "best_step": 60,
        "datasets": [result(first), result(second, 0.004, kind="scored", metric="spearman", n=244)],
        "cost": {"train_seconds": 90.0, "eval_seconds": 20.0, "total_seconds": 120.0, "train_rows_per_second": 22.5},
        "finished_at": "2026-11-22T17:35:10+00:00" if text is None else text,
    }
    if text is not None:
        report["labels"] = {"base": text, "tuned": text + "2"}
    examples = [
        query(
            say("how to restart a pod"),
            [say("Scale a deployment"), say("Délete the pod; its controller makes it again")],
            dataset=first,
        ),
        query(say("roll back a release"), [say("helm rollback"), say("a rollout of the pod history")], "lost", first, base=0.8),
        query(say("list all nodes"), [say("kubectl get nodes"), say("nothing of use")], dataset=first, base=0.3),
        pair(say("k8s deploy"), say("kubernetes deployment"), dataset=second),
    ]
    finding = {"severity": "warning", "what": say("rows of test in train"), "count": 2, "examples": [say("a.csv:1")]}
    counts = {
        "rows_train": 3005,
        "queries_train": 2865,
        "rows_dev": 456,
        "queries_dev": 456,
        "rows_test": 1303,
        "documents": 4730,
    }
    audit = {"datasets": [{"name": first, "kind": "pair", "counts": counts, "findings": [finding]}]}
    environment = {
        "python": say("3.11.7"),
        "packages": {"torch": say("2.13.0+cpu"), "embed-tune": say("0.1.0")},
        "git_revision": say("d9fc2a3"),
        "model": {"name": say("all-MiniLM-L6-v2"), "revision": say("1110a243"), "sha256": say("53aa5117")},
        "data": {first: say("b6ba0d94")},
        "recipe": [say("epochs 1 (by the rule)")],
        "other": [say("value")],
    }
    changes = {first: {"kind": "pair", "gained": 400, "lost": 100, "same": 725}}
    extras = {
        "audit": audit,
        "changes": changes,
        "data_notes": {first: [say("split off by hash")]},
        "command": say("accelerate launch train/run.py --config checkpoints/first/config.yaml"),
        "config": say("training:\n  epochs: 1\n"),
        "environment": environment,
        "use": UseIt(
            python=f'model = SentenceTransformer("{say("checkpoints/first/model")}")',
            prompts=("Prompts are part of the model:", (("queries", say("find: ")),)),
            commands=(Command("embed a file of texts", f"embed-tune embed texts.csv --model {say('checkpoints/first')}"),),
            again=("Old vectors do not fit: `embed-tune embed` them again.",),
            instead=(f"It is worse: {say('use the other')}.",),
        ),
    }
    return report, curve([first, second]), examples, extras


def write_run(
    folder: Path, name: str, *, finished: bool = True, page: str | None = "<!DOCTYPE html><title>x</title>", **changes: Any
) -> Path:
    """Write a run folder as a run leaves it.

    Args:
        folder: where it is made.
        name: of the run.
        finished: with a report.json.
        page: its report.html; None for none.
        changes: `delta` of its data set, `dataset` (its name), `rate` (learning rate), `rows`, `report` (changes of report.json).
    """
    run = folder / name
    run.mkdir(parents=True)
    dataset = changes.get("dataset", "docs")
    config = {
        "run_name": name,
        "model": {"name": changes.get("model", "all-MiniLM-L6-v2")},
        "data": {"datasets": [{"source": "docs.csv", "train": True}]},
        "training": {"learning_rate": changes.get("rate", 5e-5), "epochs": 2},
    }
    audit = {"datasets": [{"name": dataset, "counts": {"rows_train": changes.get("rows", 3005)}}]}
    (run / "config.yaml").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")  # YAML, too
    (run / "environment.json").write_text("{}", encoding="utf-8")
    (run / "audit.json").write_text(json.dumps(audit), encoding="utf-8")
    lines = curve([dataset])
    (run / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    if finished:
        entry = result(dataset, changes.get("delta", 0.089), test_sha256="a" * 64)
        report = {
            "verdict": {"improved": "improved", "regressed": "regressed"}.get(entry["verdict"], "no_evidence"),
            "primary": dataset,
            "run": name,
            "base_model": changes.get("model", "all-MiniLM-L6-v2"),
            "datasets": [entry],
            "cost": {"train_seconds": changes.get("seconds", 90.0), "total_seconds": 120.0},
            "finished_at": changes.get("finished_at", "2026-11-22T17:35:10+00:00"),
        }
        (run / "report.json").write_text(json.dumps(report | changes.get("report", {})), encoding="utf-8")
        if page is not None:
            (run / "report.html").write_text(page, encoding="utf-8")
    return run
