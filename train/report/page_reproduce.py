"""Everything that is needed to repeat a run, as the page shows it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from train.console import plain
from train.runs.records import EnvironmentRecord, ModelRecord


class Step(NamedTuple):
    """One thing to do: a sentence, (name, digest) pairs to compare with, and what to type."""

    text: str
    facts: list[tuple[str, str]]
    code: str = ""
    label: str = ""


@dataclass(frozen=True)
class Repeat:
    """Steps in their order, and the files behind them (empty where they are not known).

    Attributes:
        steps: what to do.
        recipe: what was settled by rule, a sentence each.
        config: YAML.
        environment: indented JSON.
    """

    steps: list[Step]
    recipe: list[str]
    config: str
    environment: str

    @classmethod
    def of(
        cls, environment: EnvironmentRecord | None, config: str = "", command: str = "", models: Sequence[ModelRecord] = ()
    ) -> Repeat | None:
        """Return the steps; None where nothing is known about them.

        Args:
            environment: on what it was run.
            config: settings, as YAML.
            command: what to type.
            models: the compared ones; by default the environment's one.
        """
        found = environment or EnvironmentRecord()
        bases = [found.model] if found.model is not None else []
        weights = [step for model in models or bases for step in _weights(model)]
        steps = [*_code(found), *_packages(found), *weights, *_data(found)]
        if command:
            kept = "Save the configuration below as config.yaml where the command looks for it, and run" if config else "Run"
            steps.append(Step(f"{kept}:", [], command, "the command"))
        if not steps and not config and environment is None:
            return None
        written = "" if environment is None else json.dumps(environment.to_dict(), indent=2, ensure_ascii=False)
        return cls(steps, list(found.recipe), config, written)


def _code(environment: EnvironmentRecord) -> list[Step]:
    revision = environment.git_revision
    return [Step("Check out the code that was used:", [], f"git checkout {revision}", "the revision")] if revision else []


def _packages(environment: EnvironmentRecord) -> list[Step]:
    found = {name: version for name, version in environment.packages.items() if name != "embed-tune"}
    if not found:
        return []
    # a local label such as +cpu names a build, which package indexes do not list under that version
    pins = " ".join(f'"{name}=={version.split("+")[0]}"' for name, version in found.items())
    python = f" (Python {environment.python})" if environment.python else ""
    return [Step(f"Install the same versions{python}:", [], f"pip install {pins}", "the versions")]


def _weights(model: ModelRecord) -> list[Step]:
    facts = [(what, value) for what, value in (("revision", model.revision), ("SHA-256", model.sha256)) if value]
    return [Step(f"Use the same weights, {plain(model.name)}:", facts)] if facts else []


def _data(environment: EnvironmentRecord) -> list[Step]:
    facts = [(plain(name), digest) for name, digest in environment.data.items()]
    return [Step("Use the same data; environment.json of the new run must show these fingerprints:", facts)] if facts else []
