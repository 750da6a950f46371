"""What every setting is: its key, type or choices, bounds, default and meaning, read from the models themselves.

`python -m train.config.describe > docs/configuration.md` writes the page about them.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from data.spec import Choice, DatasetSpec
from train.config.compare import CompareSettings, ModelEntry

FOR_COMPARE = "Only for `embed-tune compare`: "

SECTIONS = {
    "run": "What the run is called and where files are kept. These keys stand at the top level.",
    "model": "The model that is trained or judged. `model: NAME` is short for `model: {name: NAME}`.",
    "data": "What holds for all data sets together.",
    "data.datasets": "One data set. `data: PATH` is short for `data: {source: PATH}`. Several data sets are entries of the"
    " list `data.datasets`; their keys are written there, or as `data.datasets.0.loss` on the command line, counted from 0.",
    "data.columns": "Which column of a data set plays which role.",
    "data.prompts": "Texts put before the texts of a data set, in training and in evaluation.",
    "data.split": "How dev and test are made where the data does not bring them.",
    "mining": "Hard negatives for pairs: texts that the base model ranks high for a query although they do not belong to it.",
    "training": "How to train. `training: auto` leaves everything to the recipe, which looks at the kind and the number of rows.",
    "evaluation": "How checkpoints are chosen and models are judged.",
    "tracking": "A dashboard in addition to the run folder. `tracking: wandb` is short for `tracking: {backend: wandb}`. The key"
    " comes from WANDB_API_KEY or from `wandb login`.",
    "export": "What becomes of the judged model.",
    "export.hub": "Where the finished model is pushed. The token comes from HF_TOKEN or from `hf auth login`.",
    "models": f"{FOR_COMPARE}what is compared.",
    "limits": f"{FOR_COMPARE}what a model must meet to be recommended. Without a value there is no limit; models"
    " beyond one are measured and shown all the same.",
    "measure": f"{FOR_COMPARE}how speed, size and price are measured.",
}
"""Sections in the order of the page, with what is said about each."""

PAGE = """<!-- Written by `make docs` from the models in train/config/ and data/spec.py: correct those. -->

# Configuration

Settings come from YAML files and from the command line. All commands that train or judge take the same keys:

```sh
embed-tune train --config configs/quick.yaml --data my_pairs.csv training.epochs=2
```

- `--config` may be given several times: a later file takes precedence over an earlier one, key by key. The files in `configs/`
  cover the usual cases.
- `KEY=VALUE` on the command line takes precedence over all files. Values are read as YAML: `training.matryoshka=[384, 128]`.
- A preset is a file in `configs/models/` about one model; `model.name=scibert` is enough to use it.
- An unknown key is an error that names the nearest valid one. The `config.yaml` in a run's folder holds the settings that the
  run was made with, defaults included.

`embed-tune settings` prints the tables below, `embed-tune settings WORD` the settings whose key or description holds a word. A
dash under "default" means that the setting has no value of its own; its description says what happens then.
"""

Kind = type[BaseModel]
WORDS: dict[Any, tuple[str, str]] = {
    int: ("whole number", "whole numbers"),
    float: ("number", "numbers"),
    bool: ("true or false", ""),
    str: ("text", "texts"),
    DatasetSpec: ("data set", "data sets"),
    ModelEntry: ("model", "models"),
}
"""Types in words, singular and plural."""
HUGE = 2**53
"""Bounds from which on a power of two is shown as one."""


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        key: as it is written on the command line.
        section: one of `SECTIONS`.
        type: in words, choices included.
        choices: the words that it takes; empty where it takes anything else.
        bounds: in words; empty where there are none.
        default: None where it has no value of its own.
        required: whether a value must be given.
        description: what it does, with its unit.
    """

    key: str
    section: str
    type: str
    choices: tuple[str, ...]
    bounds: str
    default: str | float | list[Any] | None
    required: bool
    description: str

    def values(self) -> str:
        """Return what it takes: type and bounds."""
        return f"{self.type} {self.bounds}".strip()

    def shown_default(self) -> str:
        """Return the default as it is written in YAML; empty where there is none."""
        if self.default is None or self.default == []:
            return ""
        return str(self.default).lower() if isinstance(self.default, bool) else str(self.default)

    def holds(self, word: str) -> bool:
        """Tell whether the key, the description or one of the choices holds a word; capital letters do not matter."""
        return any(word.casefold() in text.casefold() for text in (self.key, self.description, self.type))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self) | {"choices": list(self.choices)}


def all_settings() -> list[Setting]:
    """Return every setting, those of `compare` included, section by section."""
    return sorted(_settings(CompareSettings, ""), key=lambda one: list(SECTIONS).index(one.section))


def page() -> str:
    """Return docs/configuration.md: a heading and a table for each section."""
    parts = [PAGE]
    for section, settings in groupby(all_settings(), key=lambda one: one.section):
        rows = [f"| `{one.key}` | {_in_table(one)} | {one.description} |" for one in settings]
        table = "\n".join(["| key | values | default | what it does |", "|---|---|---|---|", *rows])
        parts.append(f"## {section}\n\n{SECTIONS[section]}\n\n{table}\n")
    return "\n".join(parts)


def _in_table(setting: Setting) -> str:
    """Return the two cells about values and default."""
    values = ", ".join(f"`{one}`" for one in setting.choices) or setting.values()
    default = "required" if setting.required else f"`{setting.shown_default()}`" if setting.shown_default() else "—"
    return f"{values} | {default}"


def _settings(model: Kind, prefix: str, section: str = "") -> Iterator[Setting]:
    for name, info in model.model_fields.items():
        key = f"{prefix}{name}"
        inner = next((one for one in _parts(info.annotation) if isinstance(one, type) and issubclass(one, BaseModel)), None)
        if inner is not None and not _is_list(info.annotation):
            yield from _settings(inner, f"{key}.")
            continue
        yield _setting(key, section or prefix.removesuffix(".") or (name if name in SECTIONS else "run"), info)
        if inner is DatasetSpec and prefix:  # its keys may stand directly under `data`
            yield from _settings(DatasetSpec, prefix, f"{prefix}datasets")


def _setting(key: str, section: str, info: FieldInfo) -> Setting:
    kinds = [one for one in _parts(info.annotation) if one is not type(None)]
    choices = tuple(str(word) for one in kinds for word in _choices(one))
    default = None if info.is_required() else info.get_default(call_default_factory=True)
    return Setting(
        key=key,
        section=section,
        type=_in_words(info.annotation, kinds),
        choices=choices,
        bounds=_bounds(info, number=not {int, float}.isdisjoint(kinds)),
        default=str(default) if isinstance(default, Choice) else default,
        required=info.is_required(),
        description=info.description or "",
    )


def _parts(annotation: Any) -> list[Any]:
    """Return the alternatives of a type, and of a list those of its entries."""
    if get_origin(annotation) in (Union, types.UnionType, list):
        return [part for one in get_args(annotation) for part in _parts(one)]
    return _parts(get_args(annotation)[0]) if get_origin(annotation) is Annotated else [annotation]


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list


def _choices(kind: Any) -> list[str]:
    if get_origin(kind) is Literal:
        return [*get_args(kind), "true", "false"]  # the one such setting is switched on, off, or left to a rule
    return [one.value for one in kind] if isinstance(kind, type) and issubclass(kind, Choice) else []


def _in_words(annotation: Any, kinds: list[Any]) -> str:
    if choices := [word for kind in kinds for word in _choices(kind)]:
        return f"{', '.join(choices[:-1])} or {choices[-1]}"
    if get_origin(kinds[0]) is tuple:
        return "[number, number]"
    singular, plural = WORDS[kinds[0]]
    return f"list of {plural}" if _is_list(annotation) else singular


def _bounds(info: FieldInfo, *, number: bool) -> str:
    """Return the bounds of a number, or of the length of a text or list."""
    found: list[str] = []
    for one in info.metadata:
        match one:
            case annotated_types.Ge(ge=value):
                found.append(f"at least {_number(value)}")
            case annotated_types.Gt(gt=value):
                found.append(f"above {_number(value)}")
            case annotated_types.Le(le=value):
                found.append(f"at most {_number(value)}")
            case annotated_types.Lt(lt=value):
                found.append(f"below {_number(value)}")
            case annotated_types.MaxLen(max_length=value) if not number and not _is_list(info.annotation):
                found.append(f"of at most {value} characters")
    return " and ".join(found)


def _number(value: Any) -> str:
    return f"2^{value.bit_length() - 1}" if isinstance(value, int) and value > HUGE else f"{value:,}"


if __name__ == "__main__":
    sys.stdout.write(page())
