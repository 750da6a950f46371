"""`embed-tune check`: what is in the data, before any training."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from data.audit.usable import refuse_unjudgeable, refuse_untrainable
from data.errors import DataError, EmbedTuneError
from data.findings import UNREADABLE, Finding, Severity, finding_words
from data.load import prepare
from data.prepared import PreparedDataset
from data.spec import BadRows, DatasetSpec
from data.splits.leaks_between_sets import remove_leaks_between_sets
from data.storage import refuse_full, staged_folder, write_json, write_text
from train.config.schema import JudgeSettings
from train.console import quiet_libraries, say
from train.encode.open import open_model
from train.encode.tokens.count import EncoderTokens, token_counter
from train.errors import RunError
from train.plan.audit import audited, leak_rules, obey_strict

SIGNS = {"error": "✗", "warning": "!", "info": "·"}


class CheckFailed(EmbedTuneError):
    """The data cannot be trained on as it is."""


def check_data(
    config: JudgeSettings, *, tokens: bool = True, output: Path | None = None, as_json: bool = False, debug: bool = False
) -> dict[str, Any]:
    """Audit every data set of the config and print what was found.

    Args:
        config: data sets, base model (for its tokenizer), `data.strict`.
        tokens: count tokens by the base model's tokenizer; otherwise words.
        output: new folder for audit.json and audit.txt.
        as_json: print the audit as JSON on standard output, and everything else on standard error.
        debug: show what libraries log.

    Returns:
        The audit, see `data.audit.audit`. A data set that cannot be loaded has its name, location, and the error as a finding.

    Raises:
        CheckFailed: there is an error among the findings.
        DataError: `data.strict`, and there is a warning that puts a result in doubt.
        ModelError: the base model is not there.
        EmbedTuneError: the output folder is in use.
    """
    if output is not None:
        refuse_full(output)
    quiet_libraries(debug)
    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        loaded = _seen_together([_loaded(spec, config) for spec in config.data.datasets], config)
        counter = _counter(config) if tokens and any(one.data is not None for one in loaded) else None
        found = {"datasets": [_checked(one, config, counter) for one in loaded]}
        words = "\n".join(line for dataset in found["datasets"] for line in _lines(dataset))
        if output is not None:
            _write(output, found, words)
    say(json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) if as_json else f"\n{words}")
    if output is not None and not as_json:
        say(f"audit: {output / 'audit.json'}")
    _raise_errors(found)
    if config.data.strict:
        obey_strict(found)
    return found


def _counter(config: JudgeSettings) -> EncoderTokens | None:
    """Return the tokenizer of the base model as a counter."""
    opened = open_model(config.model)
    counter = token_counter(opened.local, config.training.max_tokens)
    say(
        f"lengths by the tokenizer of {opened.origin.name}"
        if counter
        else f"{opened.origin.name} has no tokenizer that counts: lengths in words"
    )
    return counter


@dataclass(frozen=True)
class _Loaded:
    """One data set as far as it could be loaded.

    Attributes:
        spec: what the person said about it.
        data: None where it could not be loaded.
        error: why training on it would stop; without `data`, or with the rows that are left without the bad ones.
        refused: why training on it, or on all data sets together, would stop although each can be loaded.
    """

    spec: DatasetSpec
    data: PreparedDataset | None
    error: DataError | None
    refused: DataError | None = None


def _loaded(spec: DatasetSpec, config: JudgeSettings) -> _Loaded:
    """The data set; where a bad row would end a training, without its bad rows."""

    def load(bad_rows: BadRows) -> PreparedDataset:
        one = spec.model_copy(update={"bad_rows": bad_rows})
        return prepare(one, config.data.split, config.cache, say, leak_rules(config.data))

    try:
        return _Loaded(spec, load(spec.bad_rows), None)
    except DataError as error:
        try:
            return _Loaded(spec, load(BadRows.DROP) if spec.bad_rows == BadRows.FAIL else None, error)
        except DataError:  # dropping rows does not help
            return _Loaded(spec, None, error)


def _seen_together(loaded: list[_Loaded], config: JudgeSettings) -> list[_Loaded]:
    """The data sets without rows of train that another one judges, as one run would train on them."""
    sets = {one.data.name: one.data for one in loaded if one.data is not None}
    if len(sets) < sum(one.data is not None for one in loaded):
        return [replace(one, refused=_same_name(one.data, loaded)) if one.data else one for one in loaded]
    if len(sets) < 2:
        return loaded
    trained = {one.data.name for one in loaded if one.data is not None and one.spec.train}
    try:
        found = remove_leaks_between_sets(sets, trained.__contains__, leak_rules(config.data), config.cache, say)
    except DataError as error:
        return [replace(one, refused=error) if one.data and one.data.location == error.where else one for one in loaded]
    return [one if one.data is None else replace(one, data=found[one.data.name]) for one in loaded]


def _same_name(data: PreparedDataset, loaded: Sequence[_Loaded]) -> DataError | None:
    others = [one.data.location for one in loaded if one.data and one.data is not data and one.data.name == data.name]
    if not others:
        return None
    return DataError(
        f"another data set is called {data.name!r}, too: {others[0]}; they were not compared with each other",
        where=data.location,
        hint="give one of them a name of its own: data.datasets.0.name=NAME",
    )


def _refused(loaded: _Loaded) -> DataError | None:
    """Why training would stop, once all rows are read."""
    data = loaded.data
    if loaded.refused is not None or data is None:
        return loaded.refused
    try:
        if loaded.spec.train:
            refuse_untrainable(data)
        refuse_unjudgeable({data.name: data}, [data.name] if loaded.spec.train else [])
    except DataError as error:
        return error
    return None


def _checked(loaded: _Loaded, config: JudgeSettings, counter: EncoderTokens | None) -> dict[str, Any]:
    """The audit of one data set; of one that could not be loaded, why."""
    spec, error = loaded.spec, loaded.error
    if loaded.data is None:
        what, where, hint = (error.what, error.where, error.hint) if error else ("cannot be loaded", None, None)
        finding = Finding(UNREADABLE, what, 1, examples=[where] if where else [], hint=hint or "")
        return {"name": spec.name or spec.source, "location": spec.source, "counts": {}, "findings": [finding.as_json()]}
    prompts = {loaded.data.name: spec.prompts}
    found = audited([loaded.data], prompts, config.data, config.cache, counter)["datasets"][0]
    if error is not None:
        for finding in found["findings"]:
            if finding["code"] == "row.bad":
                finding["severity"] = str(Severity.ERROR)
    if (refused := _refused(loaded)) is not None:
        judged_only = "train" not in loaded.data.splits and "test" in loaded.data.splits
        severity = Severity.WARNING if judged_only else Severity.ERROR  # such rows may be meant for `evaluate`
        finding = Finding(UNREADABLE, refused.what, 1, severity=severity, hint=refused.hint or "")
        found["findings"].append(finding.as_json())
    found["findings"].sort(key=lambda finding: finding["severity"] != Severity.ERROR)
    return found


def _lines(dataset: dict[str, Any]) -> list[str]:
    """The findings on one data set in words, the worst first."""
    findings = dataset["findings"]
    rows = [
        f"{split} {dataset['counts'][f'rows_{split}']:,}"
        for split in ("train", "dev", "test")
        if f"rows_{split}" in dataset["counts"]
    ]
    lines = [f"{dataset['name']} ({dataset['location']})" + (f": {', '.join(rows)} rows" if rows else "")]
    for (severity, code, hint), alike in groupby(
        findings, lambda finding: (finding["severity"], finding["code"], finding["mend"])
    ):
        lines += [f"  {SIGNS[severity]} {severity} {code}: {finding_words(finding)}" for finding in alike]
        lines += [f"      What to do: {hint}"] * bool(hint)
    number = {severity: sum(finding["severity"] == severity for finding in findings) for severity in SIGNS}
    if not findings:
        lines.append("  nothing found")
    words = {"error": "error", "warning": "warning", "info": "note"}
    lines.append("  " + ", ".join(f"{count} {words[kind]}{'s' * (count != 1)}" for kind, count in number.items()))
    return lines


def _write(folder: Path, found: dict[str, Any], words: str) -> None:
    try:
        with staged_folder(folder.resolve()) as staged:
            write_json(staged / "audit.json", found)
            write_text(staged / "audit.txt", f"{words}\n")
            if folder.is_dir():
                folder.rmdir()
    except OSError as error:
        raise RunError(f"--output {folder} cannot be written ({error.strerror or error})", hint="name another place") from None


def _raise_errors(found: dict[str, Any]) -> None:
    errors = [
        (one["name"], finding) for one in found["datasets"] for finding in one["findings"] if finding["severity"] == "error"
    ]
    if errors:
        name, first = errors[0]
        others = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise CheckFailed(f"{name} cannot be trained on as it is{others}: {finding_words(first)}", hint=first["mend"] or None)
