"""The audit of the data of a run or of `embed-tune check`: kept, said, and with `data.strict` a reason to stop."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.audit.audit import AUDIT_VERSION, audit
from data.errors import DataError
from data.findings import Severity, finding_words
from data.prepared import PreparedDataset
from data.progress import progress
from data.spec import PromptSpec
from data.splits.leaks import LeakRules
from data.storage import write_json
from train.config.choices import Leaks
from train.config.schema import DataConfig
from train.console import say
from train.encode.prompts import prompted
from train.encode.tokens.count import EncoderTokens

SHOWN = 8
"""Findings that are named where `data.strict` ends a run."""


def leak_rules(config: DataConfig) -> LeakRules:
    """Return what the config says about rows of train that are judged."""
    return LeakRules(drop=config.leaks == Leaks.DROP, near=config.near)


def audited(
    datasets: Sequence[PreparedDataset],
    prompts: Mapping[str, PromptSpec],
    config: DataConfig,
    cache: Path,
    tokens: EncoderTokens | None,
) -> dict[str, Any]:
    """Audit all data sets (see `data.audit.audit.audit`); the audit of unchanged data is taken from the cache.

    Args:
        prompts: by data set name, under which tokens are counted.
        cache: folder of what all runs share.
        tokens: counts the tokens of the base model; None for words.
    """
    folder = cache / "audits"
    return {"datasets": [_audited(one, config, folder, tokens and prompted(tokens, prompts[one.name])) for one in datasets]}


def _audited(data: PreparedDataset, config: DataConfig, folder: Path, tokens: EncoderTokens | None) -> dict[str, Any]:
    path = folder / f"{data.name}-{_key(data, config, tokens)[:16]}.json"
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError):
        pass
    with progress(f"checking {data.name}", sum(len(table) for table in data.splits.values())) as tick:
        (found,) = audit([data], tokens, tick)["datasets"]
    if not any(finding["code"] == "language.unknown" for finding in found["findings"]):  # next time it may be known
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, found)
    return dict(found)


def _key(data: PreparedDataset, config: DataConfig, tokens: EncoderTokens | None) -> str:
    """Return a digest of everything that decides the audit."""
    reads: list[Any] = []
    if tokens is not None:
        # two tokenizers that agree on the data's own names and on this many words are one for counting
        probe = [data.location, *data.recognised.lines(), " ".join(map(chr, range(33, 1500)))]
        contract = tokens.contract
        prompts = [contract.query_prompt, contract.document_prompt, contract.symmetric_prompt]
        reads = [
            tokens.limit,
            prompts,
            type(tokens.tokenizer).__qualname__,
            len(tokens.tokenizer),
            tokens.tokenizer(probe)["input_ids"],
        ]
    parts = [
        AUDIT_VERSION,
        data.fingerprint,
        data.location,
        config.leaks,
        config.near,
        data.leaks is None,
        data.literal,
        list(data.notes),
        # which rows leak into other data sets, and which are left then, no fingerprint of this one tells
        [finding.as_json() for finding in data.leaks or ()],
        _rows_left(data),
        reads,
    ]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()


def _rows_left(data: PreparedDataset) -> str:
    """Return a digest of the texts that train has."""
    train = (data.hashes or {}).get("train")
    return "" if train is None else hashlib.sha256(train.text_pairs().tobytes()).hexdigest()


def say_warnings(found: Mapping[str, Any]) -> None:
    """Say the warnings of an audit."""
    for dataset in found["datasets"]:
        for finding in dataset["findings"]:
            if finding["severity"] != Severity.INFO:
                say(f"{dataset['name']}: {finding['severity']}: {finding_words(finding)}")


def obey_errors(found: Mapping[str, Any]) -> None:
    """Refuse data of which the result would look right and be wrong.

    Raises:
        DataError: naming the first such finding.
    """
    for dataset in found["datasets"]:
        for finding in dataset["findings"]:
            if finding["severity"] == Severity.ERROR:
                raise DataError(finding_words(finding), where=dataset["location"], hint=finding["hint"] or None)


def obey_strict(found: Mapping[str, Any]) -> None:
    """Refuse data where the audit found what puts a result in doubt.

    Raises:
        DataError: naming the findings.
    """
    bad = [
        (dataset["name"], finding)
        for dataset in found["datasets"]
        for finding in dataset["findings"]
        if finding["strict"] and finding["severity"] != Severity.INFO
    ]
    if bad:
        lines = [f"  {name}: {finding['code']}: {finding_words(finding)}" for name, finding in bad[:SHOWN]]
        more = [f"  and {len(bad) - SHOWN} more"] * (len(bad) > SHOWN)
        findings = "one finding puts" if len(bad) == 1 else f"{len(bad)} findings put"
        raise DataError(
            "\n".join([f"{findings} the result in doubt (data.strict, --strict):", *lines, *more]),
            hint="correct the data (embed-tune check says how), or continue without data.strict",
        )
