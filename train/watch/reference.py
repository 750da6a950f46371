"""The reference of a run: what new texts are compared with. It holds texts of the user and stays on the machine.

RUN/reference/ has `reference.json` (what it is), `texts.parquet` (held-out texts, their figures and vectors), `documents.parquet`
(what similarities are measured against) and `canaries.jsonl` (queries whose right document stands first). It is whole or absent.

Shapes: N texts, C documents, D dimensions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, ValidationError

from data.errors import reason
from data.storage import staged_folder
from train.encode.contract import Role
from train.errors import RunError
from train.runs.folder import RunFolder
from train.runs.records import Part, Record
from train.watch.canaries import Canary
from train.watch.lengths import TextFigures, Unit
from train.watch.sample import Bools, Floats, Sample

ABOUT, TEXTS, DOCUMENTS, CANARIES = "reference.json", "texts.parquet", "documents.parquet", "canaries.jsonl"


class DatasetReference(Part):
    """What is kept of one data set."""

    name: str
    kind: str
    role: str = Field(description="in which its texts were encoded")
    fingerprint: str = Field(description="of the data as they were split")
    space: str = Field(description="digest of the space of its texts' vectors")
    document_space: str | None = Field(None, description="of its documents' vectors")
    dimensions: int
    similarity: Literal["cosine", "dot"]
    max_tokens: int
    unit: Unit = Field(description="in what lengths are counted")
    counts: dict[str, int] = Field(description="texts by the split that they are from")
    documents: int = 0
    canaries: int = 0
    notes: tuple[str, ...] = ()


class ReferenceRecord(Record):
    """reference.json: what the reference of a run is."""

    made_at: str
    made_by: Literal["train", "monitor"] = Field(description="the command that made it")
    datasets: tuple[DatasetReference, ...]


@dataclass(frozen=True, eq=False)
class Reference:
    """The reference of one data set.

    Attributes:
        about: what it is.
        sample: its texts, as the checks take them.
        texts: N texts.
        splits: of each text.
        document_ids, documents: C ids and texts.
        document_vectors: [C, D] float32.
        searched: [C] whether similarities are measured against it; the others are there for canaries alone.
        canaries: queries whose right document stood first.
    """

    about: DatasetReference
    sample: Sample
    texts: tuple[str, ...]
    splits: tuple[str, ...]
    document_ids: tuple[str, ...]
    documents: tuple[str, ...]
    document_vectors: Floats
    searched: Bools
    canaries: tuple[Canary, ...] = ()

    @property
    def role(self) -> Role:
        """In which its texts are encoded."""
        return Role(self.about.role)


class NoReference(RunError):
    """A run has no reference that can be read."""


def write_reference(
    run: Path, references: Sequence[Reference], *, made_at: str, made_by: Literal["train", "monitor"]
) -> ReferenceRecord:
    """Write the reference of a run, whole or not at all; it takes the place of an older one.

    Raises:
        OSError: it cannot be written.
    """
    record = ReferenceRecord(made_at=made_at, made_by=made_by, datasets=tuple(one.about for one in references))
    with staged_folder(RunFolder(run).reference, replace=True) as staged:
        _write_tables(staged / TEXTS, [_texts_table(one) for one in references])
        _write_tables(staged / DOCUMENTS, [_documents_table(one) for one in references])
        lines = [json.dumps({"dataset": one.about.name, **canary.to_dict()}) for one in references for canary in one.canaries]
        (staged / CANARIES).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        record.write(staged / ABOUT)
    return record


def read_reference(run: Path, record: ReferenceRecord, dataset: str) -> Reference:
    """Read the reference of one data set.

    Args:
        run: the run folder.
        record: what its reference.json says.
        dataset: one that the record names.

    Raises:
        NoReference: a file is missing or damaged.
    """
    about = next(one for one in record.datasets if one.name == dataset)
    folder = RunFolder(run).reference
    try:
        texts, documents = (_rows_of(pq.read_table(folder / name), dataset) for name in (TEXTS, DOCUMENTS))
        lines = [json.loads(line) for line in (folder / CANARIES).read_text(encoding="utf-8").splitlines()]
        figures = {name: texts.column(name).to_numpy() for name in ("lengths", "cut", "unknown", "top1")}
        return Reference(
            about=about,
            sample=Sample.of(_vectors_of(texts, about.dimensions), **figures),
            texts=tuple(texts.column("text").to_pylist()),
            splits=tuple(texts.column("split").to_pylist()),
            document_ids=tuple(documents.column("id").to_pylist()),
            documents=tuple(documents.column("text").to_pylist()),
            document_vectors=_vectors_of(documents, about.dimensions),
            searched=documents.column("searched").to_numpy(),
            canaries=tuple(Canary.of(line) for line in lines if line["dataset"] == dataset),
        )
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise _broken(folder, reason(error)) from None


def read_record(run: Path) -> ReferenceRecord | None:
    """Return what reference.json of a run says; None where there is no reference.

    Raises:
        NoReference: it is damaged.
    """
    file = RunFolder(run).reference / ABOUT
    try:
        return ReferenceRecord.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise _broken(file.parent, reason(error)) from None


def _broken(folder: Path, why: str) -> NoReference:
    return NoReference(f"{folder} is damaged ({why})", hint=f"remove {folder}: `embed-tune monitor` makes it again from the data")


def figures_of(sample: Sample) -> TextFigures:
    """Return the figures of the texts of a sample."""
    return TextFigures(sample.lengths, sample.cut, sample.unknown)


def _texts_table(one: Reference) -> pa.Table:
    sample = one.sample
    columns = {"dataset": [one.about.name] * len(one.texts), "split": list(one.splits), "text": list(one.texts)}
    numbers: Mapping[str, pa.Array] = {
        "lengths": pa.array(sample.lengths, pa.int64()),
        "cut": pa.array(sample.cut, pa.bool_()),
        "unknown": pa.array(sample.unknown, pa.float64()),
        "top1": pa.array(sample.top1, pa.float64()),
    }
    strings = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    return pa.table({**strings, **numbers, "vector": _vector_column(sample.vectors)})


def _documents_table(one: Reference) -> pa.Table:
    columns = {"dataset": [one.about.name] * len(one.documents), "id": list(one.document_ids), "text": list(one.documents)}
    strings = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    return pa.table({**strings, "searched": pa.array(one.searched, pa.bool_()), "vector": _vector_column(one.document_vectors)})


def _vector_column(vectors: Floats) -> pa.Array:
    """Return [N, D] as lists: data sets of one run may differ in D."""
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1))
    return pa.ListArray.from_arrays(pa.array(np.arange(len(vectors) + 1) * vectors.shape[1], pa.int32()), flat)


def _vectors_of(table: pa.Table, dimensions: int) -> Floats:
    column = table.column("vector").combine_chunks()
    flat: np.ndarray[Any, np.dtype[np.float32]] = column.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(table), dimensions)


def _rows_of(table: pa.Table, dataset: str) -> pa.Table:
    import pyarrow.compute as pc

    return table.filter(pc.equal(table.column("dataset"), dataset)).combine_chunks()


def _write_tables(path: Path, tables: Sequence[pa.Table]) -> None:
    pq.write_table(pa.concat_tables(tables), path, compression="zstd")
