"""Saving a model so that the library can load it again, code of its own included."""

from __future__ import annotations

import inspect
import json
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

COPIED = "transformers_modules."
"""Where transformers puts code that came with a model; such code is saved with it."""
LIBRARIES = ("sentence_transformers", "transformers", "torch", "builtins")


def save_model(model: SentenceTransformer, folder: Path) -> None:
    """Save to a folder, without a model card: the stock one quotes training texts.

    Sentence Transformers saves the code of a module beside that module's settings, and looks for it at the top of the folder when
    it loads the model; so it is put there, too.
    """
    model.save_pretrained(str(folder), create_model_card=False)
    for module in model.children():
        place = type(module).__module__
        if place.startswith(COPIED):
            for file in _files(sys.modules[place]):
                if not (folder / file.name).exists():
                    shutil.copy(file, folder / file.name)
    for routes in folder.glob("*/router_config.json"):
        _name_own_code(routes, folder)


def code_left_behind(model: SentenceTransformer) -> dict[str, Path]:
    """Return the classes of modules whose code is in a file that is saved with no model and belongs to no installed package."""
    installed = {Path(place).resolve() for place in sysconfig.get_paths().values()}
    found = {}
    for module in model.modules():
        kind = type(module)
        if kind.__module__.startswith((COPIED, *LIBRARIES)):
            continue
        try:
            file = Path(inspect.getfile(kind)).resolve()
        except (OSError, TypeError):
            continue
        part = hasattr(module, "get_config_dict") or module in list(model.children())
        if part and not any(file.is_relative_to(place) for place in installed):
            found[kind.__name__] = file
    return found


def _files(module: Any) -> list[Path]:
    from transformers.dynamic_module_utils import get_relative_import_files

    own = str(module.__file__)
    return [Path(own), *map(Path, get_relative_import_files(own))]


def _name_own_code(routes: Path, folder: Path) -> None:
    """Put the code of modules inside a router where it is looked for, under the name by which it is found there."""
    content = json.loads(routes.read_text(encoding="utf-8"))
    for key, kind in content.get("types", {}).items():
        if not kind.startswith(COPIED):
            continue
        place, _, name = kind.rpartition(".")
        for file in _files(sys.modules[place]):
            if not (folder / file.name).exists():
                shutil.copy(file, folder / file.name)
        content["types"][key] = f"{place.rpartition('.')[2]}.{name}"
    routes.write_text(json.dumps(content, indent=4), encoding="utf-8")
