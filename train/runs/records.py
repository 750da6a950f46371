"""The records of a run, as typed objects."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from train.errors import RunError

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


@dataclass(frozen=True)
class Records:
    """What a finished run says about itself: the content of its JSON and YAML files."""

    report: Mapping[str, Any]
    config: Mapping[str, Any]
    environment: Mapping[str, Any]
    audit: Mapping[str, Mapping[str, Any]]

    @property
    def base_id(self) -> str | None:
        """The base model's id on the Hub; None when it was a folder."""
        model = self.environment["model"]
        return None if model["from"] == "folder" or not HUB_ID.fullmatch(model["name"]) else model["name"]

    def hub_dataset(self, name: str) -> str | None:
        """The Hub id of a data set that came from there."""
        facts = self.audit.get(name, {})
        location = facts.get("location", "")
        from_hub = any(note.startswith(f"Hub data set {location}") for note in facts.get("notes", ()))
        return location if from_hub and HUB_ID.fullmatch(location) else None


def read_records(run: Path) -> Records:
    """Read the records of a run folder.

    Raises:
        RunError: a file is missing or damaged.
    """
    files: dict[str, Any] = {}
    for name in ("report.json", "config.yaml", "environment.json", "audit.json"):
        try:
            text = (run / name).read_text(encoding="utf-8")
            files[name] = yaml.safe_load(text) if name.endswith(".yaml") else json.loads(text)
        except (OSError, ValueError, yaml.YAMLError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise RunError(
                f"{run / name} cannot be read ({reason})", hint="the run folder is damaged; train again to a new run folder"
            ) from None
    audit = {entry["name"]: entry for entry in files["audit.json"]["datasets"]}
    return Records(files["report.json"], files["config.yaml"], files["environment.json"], audit)
