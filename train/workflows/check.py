"""`embed-tune check`: what is in the data, before any training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.audit.usable import refuse_unjudgeable, refuse_untrainable
from data.errors import DataError, EmbedTuneError
from data.findings import UNREADABLE, Done, Finding, Severity, finding_words
from data.load import prepare
from data.prepared import PreparedDataset
from data.spec import BadRows, DatasetSpec, with_least_dev
from data.splits.leaks_between_sets import remove_leaks_between_sets
from data.storage import refuse_full, staged_folder, write_text
from train.config.schema import JudgeSettings
from train.console import notebook_view, quiet_libraries, say
from train.encode.open import open_model
from train.encode.tokens.count import EncoderTokens, token_counter
from train.errors import RunError
from train.plan.audit import audited, leak_rules, obey_strict
from train.runs.folder import RunFolder
from train.runs.records import FORMAT, AuditRecord

if TYPE_CHECKING:
    import pandas as pd

SIGNS = {"error": "✗", "warning": "!", "info": "·"}

WORDS = {"error": "error", "warning": "warning", "info": "note"}
"""What findings of each severity are called."""


class CheckFailed(EmbedTuneError):
    """The data cannot be trained on as it is."""


@dataclass(frozen=True)
class AuditReport:
    """What was found in every data set.

    Attributes:
        audit: as audit.json has it, see `data.audit.audit`. A data set that cannot be loaded has its name, location, and the
            error as a finding.
        strict: whether warnings that put a result in doubt are failures (`data.strict`).
        folder: where audit.json and audit.txt were written, if they were.
    """

    audit: Mapping[str, Any]
    strict: bool = False
    folder: Path | None = None

    @property
    def datasets(self) -> list[dict[str, Any]]:
        """Return the audit of each data set, with its `name`, `location`, `counts` and `findings`."""
        return list(self.audit["datasets"])

    @property
    def ok(self) -> bool:
        """Return whether a training with these settings would accept the data."""
        try:
            self.raise_failures()
        except EmbedTuneError:
            return False
        return True

    def raise_failures(self) -> None:
        """Refuse data that a training with these settings would refuse.

        Raises:
            CheckFailed: there is an error among the findings.
            DataError: `strict`, and there is a warning that puts a result in doubt.
        """
        errors = [
            (one["name"], finding)
            for one in self.datasets
            for finding in one["findings"]
            if finding["severity"] == Severity.ERROR
        ]
        if errors:
            name, first = errors[0]
            others = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            raise CheckFailed(f"{name} cannot be trained on as it is{others}: {finding_words(first)}", hint=first["mend"] or None)
        if self.strict:
            obey_strict(self.audit)

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` prints and audit.json holds."""
        return dict(self.audit)

    def to_pandas(self) -> pd.DataFrame:
        """Return the findings as a table, one row a finding, the worst of each data set first."""
        import pandas as pd

        columns = ["severity", "code", "split", "what", "count", "share", "done", "hint"]
        rows = [[one["name"], *(finding.get(key) for key in columns)] for one in self.datasets for finding in one["findings"]]
        return pd.DataFrame(rows, columns=["dataset", *columns])

    def __str__(self) -> str:
        words = _words(self.audit)
        return words if self.folder is None else f"{words}\naudit: {self.folder / 'audit.json'}"

    def _repr_html_(self) -> str:
        return notebook_view(str(self))


def check_data(config: JudgeSettings, *, tokens: bool = True, output: Path | None = None, debug: bool = False) -> AuditReport:
    """Audit every data set of the settings. What it finds is in the result; `AuditReport.raise_failures` makes errors of it.

    Args:
        config: data sets, base model (for its tokenizer), `data.strict`.
        tokens: count tokens by the base model's tokenizer; otherwise words.
        output: new folder for audit.json and audit.txt.
        debug: show what libraries log.

    Raises:
        ModelError: the base model is not there.
        EmbedTuneError: the output folder is in use.
        RunError: it cannot be written.
    """
    if output is not None:
        refuse_full(output)
    quiet_libraries(debug)
    loaded = _seen_together([_loaded(spec, config) for spec in config.data.datasets], config)
    counter = _counter(config) if tokens and any(one.data is not None for one in loaded) else None
    found = {"format": FORMAT, "datasets": [_checked(one, config, counter) for one in loaded]}
    if output is not None:
        _write(output, found)
    return AuditReport(found, config.data.strict, output)


def _counter(config: JudgeSettings) -> EncoderTokens | None:
    """Return the tokenizer of the base model as a counter."""
    from train.encode.local import read_as_many

    opened = open_model(config.model)
    encoder, _ = read_as_many(opened.local, config.training.max_tokens, config.model)
    counter = token_counter(encoder, config.training.max_tokens)
    say(
        f"lengths by the tokenizer of {opened.origin.name}"
        if counter
        else f"{opened.origin.name} has no tokenizer for counting: lengths are in words"
    )
    return counter


@dataclass(frozen=True)
class _Loaded:
    """One data set as far as it could be loaded.

    Attributes:
        spec: what the user said about it.
        data: None where it could not be loaded.
        error: why training on it would stop; without `data`, or with the rows that are left without the bad ones.
        refused: why training on it, or on all data sets together, would stop although each can be loaded.
    """

    spec: DatasetSpec
    data: PreparedDataset | None
    error: DataError | None
    refused: DataError | None = None


def _loaded(spec: DatasetSpec, config: JudgeSettings) -> _Loaded:
    """Load a data set; where a bad row would end a training, without its bad rows."""

    def load(bad_rows: BadRows, heard: Callable[[str], None]) -> PreparedDataset:
        one = spec.model_copy(update={"bad_rows": bad_rows})
        return prepare(one, with_least_dev(config.data.split), config.cache, heard, leak_rules(config.data))

    try:
        return _Loaded(spec, load(spec.bad_rows, say), None)
    except DataError as error:
        try:
            # what was recognised has been said, and nothing is left out when a training stops
            data = load(BadRows.DROP, lambda line: None) if spec.bad_rows == BadRows.FAIL else None
            return _Loaded(spec, data, error)
        except DataError:  # dropping rows does not help
            return _Loaded(spec, None, error)


def _seen_together(loaded: list[_Loaded], config: JudgeSettings) -> list[_Loaded]:
    """Drop rows of train that another data set judges, as one run would train on them."""
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
    """Return why training would stop, once all rows are read."""
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
    """Audit one data set; of one that could not be loaded, say why."""
    spec, error = loaded.spec, loaded.error
    if loaded.data is None:
        what, where, hint = (error.what, error.where, error.hint) if error else ("cannot be loaded", None, None)
        finding = Finding(UNREADABLE, what, 1, examples=[where] if where else [], hint=hint or "")
        return {"name": spec.name or spec.source, "location": spec.source, "counts": {}, "findings": [finding.as_json()]}
    prompts = {loaded.data.name: spec.prompts}
    found: dict[str, Any] = audited([loaded.data], prompts, config.data, config.cache, counter)["datasets"][0]
    if error is not None:
        _say_refused(found, error)
    if (refused := _refused(loaded)) is not None:
        judged_only = "train" not in loaded.data.splits and "test" in loaded.data.splits
        severity = Severity.WARNING if judged_only else Severity.ERROR  # such rows may be meant for `evaluate`
        finding = Finding(UNREADABLE, refused.what, 1, severity=severity, hint=refused.hint or "")
        found["findings"].append(finding.as_json())
    found["findings"].sort(key=lambda finding: finding["severity"] != Severity.ERROR)
    return found


def _say_refused(found: dict[str, Any], error: DataError) -> None:
    """Say of the rows without which an audit was made that they stop a training."""
    found["notes"] = [note for note in found["notes"] if not note.startswith("bad rows")]
    bad = [finding for finding in found["findings"] if finding["code"] == "row.bad"]
    for finding in bad:
        finding |= {"severity": str(Severity.ERROR), "done": str(Done.KEPT), "mend": error.hint or "", "hint": error.hint or ""}
        finding["what"] = f"training stops: {error.what}"
    if not bad:
        found["findings"].append(Finding(UNREADABLE, error.what, 1, hint=error.hint or "").as_json())


def _words(audit: Mapping[str, Any]) -> str:
    """Put an audit into words."""
    return "\n".join(line for dataset in audit["datasets"] for line in _lines(dataset))


def _lines(dataset: Mapping[str, Any]) -> list[str]:
    """Put the findings on one data set into words, the worst first."""
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
    lines.append("  " + ", ".join(f"{count} {WORDS[kind]}{'s' * (count != 1)}" for kind, count in number.items()))
    return lines


def _write(folder: Path, found: Mapping[str, Any]) -> None:
    try:
        with staged_folder(folder.resolve()) as staged:
            AuditRecord.model_validate(found).write(RunFolder(staged).audit)
            write_text(staged / "audit.txt", f"{_words(found)}\n")
            if folder.is_dir():
                folder.rmdir()
    except OSError as error:
        raise RunError(f"--output {folder} cannot be written ({error.strerror or error})", hint="name another place") from None
