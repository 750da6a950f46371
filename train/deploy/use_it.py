"""How to use the model of a run, in code and in commands: the page shows it, and README.md beside the weights."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import NamedTuple

from train.evaluate.facts import RunFacts
from train.runs.read import RunRecords
from train.wording import nothing_better


class Command(NamedTuple):
    """What a line does, and the line."""

    does: str
    line: str


@dataclass(frozen=True)
class UseIt:
    """How to use a model.

    Attributes:
        python: code that loads it, encodes texts with its prompts and compares them.
        prompts: a sentence on the prompts of the model; then (call, prompt) pairs, which may be none.
        commands: what embed-tune does with it, one line each.
        again: what no longer fits since it was trained; empty where it is the base.
        instead: where the base is shipped, or something worse: what to know, and what to do instead.
    """

    python: str
    prompts: tuple[str, tuple[tuple[str, str], ...]]
    commands: tuple[Command, ...]
    again: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()

    @classmethod
    def of(cls, records: RunRecords, model: str, run: str | None = None) -> UseIt:
        """Return how to use the model of a run.

        Args:
            records: all that the run recorded.
            model: what code and commands call the model: its folder, or its id on the Hub.
            run: what commands call the run; None where it is not there, as beside a model that was copied.
        """
        base = ships_base(records)
        return cls(
            python="\n".join(_python(records, model)),
            prompts=_prompts(records),
            commands=tuple(_commands(records, model, run)),
            again=() if base else _again(run),
            instead=_instead(records),
        )


def ships_base(records: RunRecords) -> bool:
    """Tell whether the model that is shipped is the base itself."""
    return records.report.selection.withheld or records.report.selection.share == 0


def trained_on(records: RunRecords) -> list[str]:
    """Return the names of the data sets that were trained on; audit and config list them in the same order."""
    specs = records.config.data.datasets
    return [one.name for one, spec in zip(records.audit.datasets, specs, strict=True) if spec.train]


def _searches(records: RunRecords) -> bool:
    """Tell whether the model is one for queries and documents."""
    contract = records.contract
    kinds = {entry.kind for entry in records.audit.datasets}
    return kinds != {"scored"} or bool(contract.query_prompt or contract.document_prompt)


def _python(records: RunRecords, model: str) -> list[str]:
    trusted = ", trust_remote_code=True" if records.config.model.trust_remote_code else ""
    lines = [
        "from sentence_transformers import SentenceTransformer",
        "",
        f"model = SentenceTransformer({_quoted(model)}{trusted})",
    ]
    searches, symmetric = _searches(records), records.contract.symmetric_prompt
    if searches:
        lines += [
            'queries = model.encode_query(["How do I open an account?"])',
            'documents = model.encode_document(["Accounts are opened online, in five minutes.", "We are closed on Sundays."])',
            "print(model.similarity(queries, documents))",
        ]
    if not searches or symmetric:
        prompt = f", prompt={_quoted(symmetric)}" if symmetric else ""
        lines += [
            f'vectors = model.encode(["The shop is closed.", "The store is not open."]{prompt})',
            "print(model.similarity(vectors, vectors))",
        ]
    return lines


def _prompts(records: RunRecords) -> tuple[str, tuple[tuple[str, str], ...]]:
    contract = records.contract
    both = (
        ("queries", contract.query_prompt),
        ("documents", contract.document_prompt),
        ("both sides of a similarity", contract.symmetric_prompt),
    )
    if shown := tuple((what, prompt) for what, prompt in both if prompt):
        return "Prompts are part of the model; `encode_query` and `encode_document` put them before the texts:", shown
    if named := tuple((f"`encode(texts, prompt_name={_quoted(name)})`", text) for name, text in _named_prompts(records)):
        return "Texts of the data sets below were read after a prompt of their own; `prompt_name` asks for it:", named
    return "No prompts are needed.", ()


def _named_prompts(records: RunRecords) -> list[tuple[str, str]]:
    """Return name and text of the prompts of each data set that was trained on, as `settle_prompts` saves those that differ."""
    if records.report.selection.as_shipped:
        return []
    specs = [spec for spec in records.config.data.datasets if spec.train]
    return [
        (f"{name}-{column}", text)
        for name, spec in zip(trained_on(records), specs, strict=False)
        for column, text in spec.prompts.model_dump().items()
        if text
    ]


def _commands(records: RunRecords, model: str, run: str | None) -> list[Command]:
    name = shlex.quote(run or model)
    role = "" if _searches(records) else " --role symmetric"
    found = [
        Command("embed a file of texts", f"embed-tune embed texts.csv --model {name}{role} --out vectors.parquet"),
        Command("search in it", 'embed-tune search vectors.parquet "a question" --documents texts.csv'),
    ]
    if run is not None:
        found.append(Command("put it on the Hugging Face Hub, private", f"embed-tune push {name} OWNER/NAME"))
    return found


def _again(run: str | None) -> tuple[str, ...]:
    choose = f"embed-tune threshold {shlex.quote(run or 'RUN')}"
    return (
        "Old vectors, of the base or of any other model, do not fit: embed all texts again, and build the index anew.",
        f"Similarities move in training, and thresholds with them: choose yours again (`{choose}`).",
    )


def _instead(records: RunRecords) -> tuple[str, ...]:
    report = records.report
    facts = RunFacts.of(report.datasets, kept=report.selection.share == 0)
    if facts.ships == "tuned":
        worse = facts.shipped in ("regressed", "mixed")
        return ("This model is worse than its base on a data set it was judged on: there the base is the better choice.",) * worse
    fit = "Vectors of the base fit as before where texts get the same prompts."
    if facts.ships == "withheld":
        return (
            f"This model is the base itself, since the gain of what was trained is unproven. {fit}",
            "A larger test may prove the gain; `export.unproven=ship` ships what was trained all the same.",
        )
    return (
        f"This model is the base itself: {nothing_better(report.selection.passed_over)}. {fit}",
        "What may help: more rows, hard negatives (`embed-tune mine`), another base (`embed-tune compare`), other settings.",
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
