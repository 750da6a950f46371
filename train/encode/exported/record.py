"""export.json: what an exported folder holds, how it was made, and how far its vectors lie from those of the original."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.storage import file_digest, write_json
from train.config.choices import ExportKind
from train.encode.contract import EncodingContract, Role
from train.errors import ModelError

FORMAT = 1
"""Format that is written, and the newest that is read."""
NAME = "export.json"
TOKENIZER = "tokenizer.json"


class _Part(BaseModel):
    """A part of the file. What another version adds is kept."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Differences(_Part):
    """How far vectors of the export lie from those of the original, as 1 - cosine.

    Attributes:
        texts: how many were compared.
        largest: over all of them.
        mean: over all of them.
    """

    texts: int
    largest: float
    mean: float


class ExportRecord(_Part):
    """What export.json holds.

    Attributes:
        format: counts changes that older versions cannot read.
        kind: which runtime the files are for.
        made_from: the run or model, as the user named it.
        made_at: when, ISO 8601 in UTC.
        made_by: this program and its version.
        files: BLAKE2b digest of each file of the graph and of the tokenizer, by name; the first is the graph.
        contract: how texts become vectors.
        source_space: digest of the space of the original, by role.
        source_sha256: of the original's weights, where they are one file.
        settings: of the conversion: opset, quantisation and what else was tried.
        versions: of the libraries that made it.
        difference: from the original, on texts of ours.
        tolerance: largest distance (1 - cosine) from the original that is still this export.
        judged: on the run's test, beside the original; None where there was no data.
        timing: of single texts and batches, in turn with the original; None where it was not timed.
        forced: it was kept although it is not shown to be not worse.
    """

    format: int = FORMAT
    kind: ExportKind
    made_from: str
    made_at: str
    made_by: str
    files: dict[str, str]
    contract: EncodingContract
    source_space: dict[Role, str] = Field(default_factory=dict)
    source_sha256: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    difference: Differences
    tolerance: float
    judged: dict[str, Any] | None = None
    timing: dict[str, Any] | None = None
    forced: bool = False

    @property
    def graph(self) -> str:
        """Return the name of the file that the runtime opens."""
        return next(iter(self.files))

    @property
    def weights(self) -> str:
        """Return the name of the file with the weights: the graph itself, or the file beside it."""
        return next((name for name in self.files if name.endswith(".bin")), self.graph)

    def write(self, folder: Path) -> Path:
        """Write the file into a folder, whole or not at all, and return its path.

        Raises:
            OSError: it cannot be written.
        """
        path = folder / NAME
        write_json(path, self.model_dump(mode="json"))
        return path


def holds_export(folder: Path) -> bool:
    """Tell whether a folder is an export of this project."""
    return (folder / NAME).is_file()


def read_record(folder: Path) -> ExportRecord:
    """Read export.json, and refuse a folder whose files are not those that were proven.

    Raises:
        ModelError: it is broken, of a newer version, or a file is missing or was changed.
    """
    path = folder / NAME
    again = "make it again: embed-tune export RUN --to KIND"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error})", hint=again) from None
    number = found.get("format") if isinstance(found, dict) else None
    if isinstance(number, int) and number > FORMAT:
        raise ModelError(f"{path} was written by a newer version (format {number})", hint="update embed-tune, or export again")
    try:
        record = ExportRecord.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelError(f"{path} is broken ({'.'.join(map(str, first['loc']))}: {first['msg']})", hint=again) from None
    if not record.files:
        raise ModelError(f"{path} is broken (it names no files)", hint=again)
    for name, wanted in record.files.items():
        file = folder / name
        if not file.is_file():
            raise ModelError(f"{folder} is not complete: {name} is missing", hint=f"copy the whole folder, or {again}")
        if file_digest(file) != wanted:
            raise ModelError(f"{file} is not the file that was compared with the original: it was changed since", hint=again)
    return record
