"""What a new run records about itself, and what may change when it is continued."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.errors import DataError
from data.storage import write_text
from train import distributed
from train.config.load import dump_config
from train.errors import ModelError, RunError
from train.machine import environment
from train.plan.plan import Plan
from train.plan.preflight import see_run_folder
from train.plan.trained_from import from_run, has_changed
from train.runs.folder import RunFolder, create_run
from train.runs.read import BrokenRecord, read_environment
from train.runs.records import AuditRecord, EnvironmentRecord
from train.runs.training_rows import write_known_rows

DECIDES_VECTORS = {"query_prompt", "document_prompt", "symmetric_prompt", "max_tokens"}
"""What of the encoding contract a config can change."""


MAY_CHANGE = {"patience", "keep_all_checkpoints", "interpolation", "seeds"}
"""Settings of training that change no step of it."""


def begin_run(plan: Plan, audit: Mapping[str, Any]) -> Path:
    """Make the folder of a new run, with the plan's record in it, or not at all. Returns the folder.

    Args:
        plan: what will be done.
        audit: what is in its data.

    Raises:
        RunError: the folder exists, cannot be made, or is not seen by all processes.
    """
    place, name = Path(plan.config.output_dir), str(plan.config.run_name)
    distributed.on_main(lambda: create_run(place, name, record=lambda folder: record_plan(plan, audit, folder)))
    see_run_folder(place / name)
    return place / name


def record_plan(plan: Plan, audit: Mapping[str, Any], run: Path) -> None:
    """Write what explains and repeats the run, before it begins."""
    files = RunFolder(run)
    write_text(files.config, dump_config(plan.config))
    AuditRecord.model_validate(audit).write(files.audit)
    write_known_rows(run, [plan.datasets[name] for name in plan.sets])
    recorded = EnvironmentRecord.model_validate(
        environment(
            {
                "device": str(plan.encoder.model.device),
                "model": {
                    "name": plan.origin.name,
                    "from": plan.origin.kind,
                    "revision": plan.origin.revision,
                    "sha256": plan.origin.sha256,
                },
                "contract": plan.encoder.contract.as_dict(),
                "data": {name: prepared.fingerprint for name, prepared in plan.datasets.items()},
                "sources": {name: prepared.source_fingerprint for name, prepared in plan.datasets.items()},
                **({"mined": {name: dict(one.summary) for name, one in plan.mined.items()}} if plan.mined else {}),
                "recipe": list(plan.recipe.reasons),
                "settled": _settled(plan),
                **from_run(plan.config.model.name),
            }
        )
    )
    recorded.write(files.environment)


def _settled(plan: Plan) -> dict[str, Any]:
    """Return what decides the weights that come out, besides data and base.

    The steps of a run must all be made, and their weights be chosen, with the same.
    """
    config, recipe = plan.config, plan.recipe
    sections = {
        "training": config.training.model_dump(mode="json", exclude=MAY_CHANGE),
        "mining": config.mining.model_dump(mode="json"),
        "data": config.data.model_dump(mode="json", include={"leaks", "near"}),
        "evaluation": config.evaluation.model_dump(mode="json", include={"dev_queries", "pool_top"}),
        "model": {key: value for key, value in plan.encoder.contract.as_dict().items() if key in DECIDES_VECTORS},
    }
    for name, spec in zip(plan.datasets, config.data.datasets, strict=True):
        sections[name] = spec.model_dump(mode="json", include={"loss", "weight", "prompts"})
    written = {f"{section}.{key}": value for section, found in sections.items() for key, value in found.items()}
    return written | {
        "batch sizes": dict(recipe.batch_sizes),
        "steps": recipe.max_steps,
        "evaluated after": [*recipe.evaluation_steps],
    }


def refuse_changes(plan: Plan, run: Path) -> None:
    """Refuse other data, another base or other settings than the run began with: its scores would compare unlike things.

    Raises:
        DataError, ModelError, RunError: naming what has changed.
    """
    recorded, files = read_environment(run), RunFolder(run)
    if recorded.model is None:
        raise BrokenRecord(files.environment, "is broken (model is missing)")
    other = (recorded.model.revision, recorded.model.sha256) != (plan.origin.revision, plan.origin.sha256)
    if other or has_changed(recorded.from_run, plan.config.model.name):
        raise ModelError(
            f"the weights of {plan.origin.name} are not the ones with which {run} began",
            hint="put them back (model.revision names one on the Hub), or start a new run",
        )
    for name, prepared in plan.datasets.items():
        if recorded.data.get(name) != prepared.fingerprint:
            raise DataError(
                f"{name} is not what it was when the run began",
                where=prepared.location,
                hint="put the data back, or start a new run",
            )
    before = recorded.settled  # runs of earlier versions have none
    for what, now in _settled(plan).items():
        if what in before and before[what] != now:
            raise RunError(
                f"{what} was {before[what]} when {run} began, and is {now}",
                hint=f"put {files.config} back and launch it as then (processes, precision), or start a new run",
            )
