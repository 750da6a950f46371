"""Read what a run recorded about itself. Whatever is wrong with a file is said with its name and its key."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import JsonValue, ValidationError

from data.errors import reason
from train.config.load import load_config
from train.config.schema import TrainSettings
from train.errors import RunError
from train.runs.folder import RunFolder
from train.runs.records import (
    FORMAT,
    AuditedDataset,
    AuditRecord,
    ContractRecord,
    EnvironmentRecord,
    ModelRecord,
    Record,
    RunReport,
    ScoreLine,
)

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


class BrokenRecord(RunError):
    """A file of a run that is missing, damaged, or of a newer version.

    Attributes:
        path: of the file.
        why: what is wrong, as it follows the file's name.
    """

    def __init__(self, path: Path, why: str, *, hint: str | None = None) -> None:
        self.path, self.why = path, why
        super().__init__(f"{path} {why}", hint=hint or _remedy(path.parent))


R = TypeVar("R", bound=Record)


def read_report(folder: Path) -> RunReport:
    """Read report.json of a finished run.

    Raises:
        BrokenRecord: it is missing, damaged, or of a newer version.
    """
    return _read(RunFolder(folder).report, RunReport)


def read_environment(folder: Path) -> EnvironmentRecord:
    """Read environment.json of a run.

    Raises:
        BrokenRecord: it is missing, damaged, or of a newer version.
    """
    return _read(RunFolder(folder).environment, EnvironmentRecord)


def read_audit(folder: Path) -> AuditRecord:
    """Read audit.json of a run.

    Raises:
        BrokenRecord: it is missing, damaged, or of a newer version.
    """
    return _read(RunFolder(folder).audit, AuditRecord)


def read_record(path: Path, kind: type[R]) -> R:
    """Read a record that lies outside of the usual files of a run.

    Raises:
        BrokenRecord: it is missing, damaged, or of a newer version.
    """
    return _read(path, kind)


@dataclass(frozen=True)
class RunRecords:
    """All that a finished run recorded.

    Attributes:
        folder: of the run.
        report, environment, audit: what the files of these names hold.
        config: the resolved settings.
        model, contract: of the base, out of `environment`.
    """

    folder: Path
    report: RunReport
    environment: EnvironmentRecord
    audit: AuditRecord
    config: TrainSettings
    model: ModelRecord
    contract: ContractRecord

    @classmethod
    def of(cls, folder: Path, report: RunReport | None = None) -> RunRecords:
        """Read the records of a finished run, or of one whose report is not written yet and is given.

        Raises:
            BrokenRecord: a file is missing, damaged, or of a newer version.
            ConfigError: the settings are.
        """
        environment, file = read_environment(folder), RunFolder(folder).environment
        if environment.model is None or environment.contract is None:
            lacking = "model" if environment.model is None else "contract"
            raise BrokenRecord(file, f"is broken ({lacking} is missing)")
        return cls(
            folder=folder,
            report=read_report(folder) if report is None else report,
            environment=environment,
            audit=read_audit(folder),
            config=load_config(RunFolder(folder).config),
            model=environment.model,
            contract=environment.contract,
        )

    @property
    def base_id(self) -> str | None:
        """The base model's id on the Hub; None when it was a folder."""
        return None if self.model.kind == "folder" or not HUB_ID.fullmatch(self.model.name) else self.model.name

    def hub_dataset(self, name: str) -> str | None:
        """Return the Hub id of a data set that came from there."""
        found = self.audit.by_name().get(name, AuditedDataset(name=name))
        from_hub = any(note.startswith(f"Hub data set {found.location}") for note in found.notes)
        return found.location if from_hub and HUB_ID.fullmatch(found.location) else None


def parse_line(path: Path, number: int, text: str) -> ScoreLine:
    """Read a line of scores.jsonl.

    Args:
        path: of the file, for messages.
        number: of the line, for messages.
        text: of the line.

    Raises:
        BrokenRecord: it is damaged.
    """
    try:
        return ScoreLine.model_validate(_parsed(text))
    except ValidationError as error:
        why = _problem(error)
    except (ValueError, RecursionError) as error:
        why = reason(error)
    hint = _remedy(path.parent)
    raise BrokenRecord(path.with_name(f"{path.name}, line {number}"), f"is broken ({why})", hint=hint)


def _read(path: Path, kind: type[R]) -> R:
    found = read_mapping(path)
    number = found.get("format", 1)
    if type(number) is not int:  # JSON's true is an int to Python, and pydantic takes "2" and 2.0 for 2
        raise BrokenRecord(path, f"is broken (format: {json.dumps(number)[:40]} is not a whole number)")
    if number > FORMAT:
        raise _newer(path, number)
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        raise BrokenRecord(path, f"is broken ({_problem(error)})") from None


def read_mapping(path: Path) -> dict[str, JsonValue]:
    """Read a JSON file that holds a mapping.

    Raises:
        BrokenRecord: it is missing, or holds something else.
    """
    try:
        found = _parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BrokenRecord(path, "is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise BrokenRecord(path, f"cannot be read ({getattr(error, 'strerror', None) or reason(error)})") from None
    if not isinstance(found, dict):
        raise BrokenRecord(path, "is broken (it does not hold a mapping)")
    return found


def _parsed(text: str) -> JsonValue:
    """Parse JSON strictly: numbers beyond all bounds, and words that are no numbers, are refused."""
    found: JsonValue = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is not a number")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


def _problem(error: ValidationError) -> str:
    """Return the first problem with its key: "datasets.0.ci95 is missing"."""
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"])) or "the content"
    return f"{key} is missing" if first["type"] == "missing" else f"{key}: {first['msg'][:1].lower()}{first['msg'][1:]}"


def _newer(path: Path, number: int) -> BrokenRecord:
    """Return the error for a file of a newer version, which is named where environment.json tells it."""
    try:
        beside = read_mapping(RunFolder(path.parent).environment).get("packages")
    except BrokenRecord:
        beside = None
    version = beside.get("embed-tune") if isinstance(beside, Mapping) else None
    needed = f"embed-tune {version}" if version else "the version that wrote it"
    return BrokenRecord(
        path,
        f"was written by a newer version: it has format {number}, and this version reads formats up to {FORMAT}",
        hint=f"read it with {needed} or a later one",
    )


def _remedy(folder: Path) -> str:
    config = RunFolder(folder).config
    if config.is_file():
        return f"put a copy of the file back; or start again with the same settings: --config {config} run_name=NAME"
    return "put a copy of the file back; or judge the models again: embed-tune evaluate"
