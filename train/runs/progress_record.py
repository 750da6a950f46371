"""progress.json: how far a run is, for whoever looks at it from outside."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field

from train.runs.folder import RunFolder
from train.runs.read import BrokenRecord, read_mapping
from train.runs.records import Part, Record

LATELY = 300.0
"""Seconds after its last figure during which a run is taken to go on."""


class PhaseRecord(Part):
    """A phase of a run."""

    name: str
    units: float
    done: float
    seconds: float


class ProgressRecord(Record):
    """progress.json: how far a run is. It goes when the run is finished."""

    phase: str = Field(description="what is being done, in words")
    done: float = Field(0.0, ge=0, le=1, description="share of the whole run")
    name: str = Field("", description="of the phase, as `phases` has it")
    left_seconds: float | None = Field(None, description="that the whole run will still take; None: not known yet")
    note: str = ""
    began_at: str = Field("", description="when the run began, its first session")
    updated_at: str = Field("", description="time of these figures")
    phases: tuple[PhaseRecord, ...] = ()
    stopped: bool = Field(False, description="whether the run ended before it was finished")
    reason: str = Field("", description="why it was stopped")


def is_running(record: ProgressRecord, at: datetime | None = None) -> bool:
    """Tell whether the run of a record goes on, as far as anybody can tell from the files: it said so lately.

    Args:
        record: from its folder.
        at: the time, with its zone; None: now.
    """
    try:
        updated = datetime.fromisoformat(record.updated_at)
        return not record.stopped and ((at or datetime.now(UTC)) - updated).total_seconds() < LATELY
    except (ValueError, TypeError):
        return False


def read_progress(run: Path) -> ProgressRecord | None:
    """Read progress.json; None where there is none, or none that can be read: it decides nothing."""
    path = RunFolder(run).progress
    try:
        return ProgressRecord.model_validate(read_mapping(path)) if path.is_file() else None
    except (BrokenRecord, ValueError, OSError):
        return None
