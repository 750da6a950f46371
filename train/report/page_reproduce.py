"""Everything that is needed to repeat a run, as the page shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from train.console import plain


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
    def of(cls, extras: Mapping[str, Any], models: Sequence[Mapping[str, Any]] = ()) -> Repeat | None:
        """The steps; None where nothing is known about them.

        Args:
            extras: those of `page.render`.
            models: the compared ones (`name`, `revision`, `sha256`); by default the environment's one.
        """
        environment = extras.get("environment") or {}
        weights = [step for model in models or [environment.get("model") or {}] for step in _weights(model)]
        steps = [*_code(environment), *_packages(environment), *weights, *_data(environment)]
        if extras.get("command"):
            kept = (
                "Save the configuration below as config.yaml where the command looks for it, and run"
                if extras.get("config")
                else "Run"
            )
            steps.append(Step(f"{kept}:", [], extras["command"], "the command"))
        config = extras.get("config") or ""
        if not steps and not config and not environment:
            return None
        written = json.dumps(environment, indent=2, ensure_ascii=False) if environment else ""
        return cls(steps, [str(line) for line in environment.get("recipe") or ()], config, written)


def _code(environment: Mapping[str, Any]) -> list[Step]:
    revision = environment.get("git_revision")
    if not revision:
        return []
    return [Step("Take the code of that time:", [], f"git checkout {revision}", "the revision")]


def _packages(environment: Mapping[str, Any]) -> list[Step]:
    found = {name: version for name, version in (environment.get("packages") or {}).items() if name != "embed-tune"}
    if not found:
        return []
    # a local label such as +cpu names a build, which package indexes do not list under that version
    pins = " ".join(f'"{name}=={str(version).split("+")[0]}"' for name, version in found.items())
    python = f" (Python {environment['python']})" if environment.get("python") else ""
    return [Step(f"Install the same versions{python}:", [], f"pip install {pins}", "the versions")]


def _weights(model: Mapping[str, Any]) -> list[Step]:
    if not model.get("name"):
        return []
    facts = [(what, str(model[key])) for what, key in (("revision", "revision"), ("SHA-256", "sha256")) if model.get(key)]
    return [Step(f"Take the same weights, {plain(str(model['name']))}:", facts)] if facts else []


def _data(environment: Mapping[str, Any]) -> list[Step]:
    facts = [(plain(str(name)), str(digest)) for name, digest in (environment.get("data") or {}).items()]
    return [Step("Have the same data; environment.json of the new run must show these fingerprints:", facts)] if facts else []
