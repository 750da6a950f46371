"""Which models `embed-tune evaluate` judges, and on what terms: the words of the command line turned into checked settings.

Nothing heavy is imported here, so that mistakes are answered at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from train.config.load import load_config
from train.config.packaged import shown
from train.config.presets import SUFFIXES, preset_file
from train.config.schema import BaseSettings, ModelConfig
from train.encode.api.catalog import KNOWN
from train.encode.api.parse import api_words
from train.encode.exported.record import NAME as EXPORTED
from train.encode.weights.locate import full_name
from train.errors import ModelError
from train.runs.find import RUNS, look_up
from train.runs.folder import RunFolder


@dataclass(frozen=True)
class Candidate:
    """One model to judge.

    Attributes:
        label: what the user called it.
        config: how to load it; `name` is the folder, Hub id or name at an API that was found.
        run: folder of the run that trained it, where that is known.
        notes: what the user should read about what the word was taken for.
    """

    label: str
    config: ModelConfig
    run: Path | None
    notes: tuple[str, ...] = ()

    def same_as(self, other: Candidate) -> bool:
        """Tell whether both are one model under one set of settings."""
        names = (Path(one.config.name).expanduser().resolve() for one in (self, other))
        return self.config == other.config.model_copy(update={"name": self.config.name}) and len(set(names)) == 1


def find_candidate(name: str, config: ModelConfig, output_dir: str | Path = RUNS) -> Candidate:
    """Return the model behind a word: a model folder, a run (its model/), a checkpoint, an export
    (also as `first/exports/onnx`), the bare name of a run; else a preset (its name in configs/models/, or the path of such a
    file); else a model behind an API; else an id on the Hub.

    Args:
        name: the word.
        config: settings of the user; they take precedence over those of a preset.
        output_dir: where bare names of runs are looked for.

    Raises:
        ConfigError: a preset's file is not well-formed.
        ModelError: a run without a finished model, or a word that looks like a model behind an API that is not known.
    """
    label = "".join(c if c.isprintable() else "?" for c in name)  # it is printed and written to JSON
    path = Path(name).expanduser()
    folder = path if _holds_model(path) else look_up(name, output_dir)
    if folder is None:
        return _by_name(name, label, config)
    notes = _hidden(name, folder)
    run = RunFolder(folder)
    if run.has_training:
        if not run.model.is_dir():
            raise ModelError(
                f"{folder} has no model/ yet: the run is not finished",
                hint=f"name one of its checkpoint-* folders, or finish it: embed-tune train --resume {folder}",
            )
        return Candidate(label, config.model_copy(update={"name": str(run.model)}), folder, notes)
    beside, above = (RunFolder(place) for place in folder.resolve().parents[:2])
    around = above if above.ships(folder) else beside
    return Candidate(label, config.model_copy(update={"name": str(folder)}), around.path if around.has_training else None, notes)


def _by_name(name: str, label: str, config: ModelConfig) -> Candidate:
    """Return a model that no folder here holds."""
    given = {key: getattr(config, key) for key in config.model_fields_set - {"name"}}
    if (file := preset_file(name)) is not None:
        preset = load_config(file, kind=BaseSettings).model
        notes = () if preset.name in (name, full_name(name)) else (f"{label} stands for {preset.name}, as {shown(file)} says",)
        return Candidate(label, preset.model_copy(update=given), None, notes)
    if config.api is None and (fields := api_words(name)) is not None:
        return Candidate(label, config.model_copy(update={**fields, **given}), None)
    return Candidate(label, config, None)


def _holds_model(folder: Path) -> bool:
    """Return whether a model lies in a folder: it is meant then, even where a run has its name."""
    return any((folder / file).is_file() for file in ("modules.json", "config.json", EXPORTED))


def _hidden(name: str, folder: Path) -> tuple[str, ...]:
    """Return what else the word could have meant, had there been no such folder."""
    if name in KNOWN:
        return (f"{folder} is taken, not {KNOWN[name].provider}'s model; that is written {KNOWN[name].provider}:{name}",)
    if not name.endswith(SUFFIXES) and (file := preset_file(name)) is not None:
        return (f"{folder} is taken, not the preset {shown(file)}: a folder here takes precedence",)
    return ()
