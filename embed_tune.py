"""Fine-tune text-embedding models and prove that it helped: the face of the packages `train` and `data`.

Importing this loads nothing that takes time; what a function needs is imported when it is asked for.

The names `train` and `data` are common. `main`, the command, finds its own packages before anything of the user's that has such a
name, in its process and in those that it starts. A process that imports this module is the user's, whose names take precedence:
where they hide ours, the import fails and says which file does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data.errors import DataError, EmbedTuneError
    from train.api.fine_tuning import fine_tune, resume
    from train.api.judging import check, compare, evaluate, mine
    from train.api.models import Model, load_model
    from train.api.runs import Run, open_run
    from train.api.shipping import export, monitor, verify
    from train.api.vectors import embed, search
    from train.errors import ConfigError, HubError, Interrupted, ModelError, RunError

__all__ = [
    "ConfigError",
    "DataError",
    "EmbedTuneError",
    "HubError",
    "Interrupted",
    "Model",
    "ModelError",
    "Run",
    "RunError",
    "check",
    "compare",
    "embed",
    "evaluate",
    "export",
    "fine_tune",
    "load_model",
    "mine",
    "monitor",
    "open_run",
    "resume",
    "search",
    "verify",
]

_HOMES = {
    "data.errors": ("DataError", "EmbedTuneError"),
    "train.errors": ("ConfigError", "HubError", "Interrupted", "ModelError", "RunError"),
    "train.api.fine_tuning": ("fine_tune", "resume"),
    "train.api.judging": ("check", "compare", "evaluate", "mine"),
    "train.api.models": ("Model", "load_model"),
    "train.api.runs": ("Run", "open_run"),
    "train.api.shipping": ("export", "monitor", "verify"),
    "train.api.vectors": ("embed", "search"),
}
"""Where the names above are defined; a module is imported when one of its names is first asked for."""

__version__ = "0.1.0"

PACKAGES = ("train", "data")
HOME = Path(__file__).resolve().parent
"""Where this module and its packages lie: a clone, or the folder of installed packages."""


def main(arguments: Sequence[str] | None = None, program: str = "embed-tune") -> None:
    """Run the command line, in any folder.

    Args:
        arguments: the words after the command's name; by default those of this process.
        program: what help and messages call the command.
    """
    _come_first()
    from train.cli.app import main as command_line

    command_line(arguments, program)


def _come_first() -> None:
    """Let this process and those that it starts find our packages, whatever else is called `train` or `data`.

    Folders that hold such a name are searched after ours, not left out: what else they hold may be needed. Ours is not simply put
    first, where what is installed beside it would hide modules of the standard library.
    """
    others = [entry for entry in sys.path if _holds_our_names(entry)]
    rest = [entry for entry in sys.path if entry not in others]
    at = next((number for number, entry in enumerate(rest) if _is_home(entry)), len(rest))
    sys.path[:] = [*rest[:at], str(HOME), *others, *rest[at + 1 :]]
    # multiprocessing hands this path on, but its server imports before it gets it; other programs never get it
    os.environ["PYTHONSAFEPATH"] = "1"
    kept = [entry for entry in os.environ.pop("PYTHONPATH", "").split(os.pathsep) if entry and not _holds_our_names(entry)]
    if kept:
        os.environ["PYTHONPATH"] = os.pathsep.join(kept)


def _is_home(entry: str) -> bool:
    return Path(entry or os.curdir).resolve() == HOME


def _holds_our_names(entry: str) -> bool:
    """Say whether an entry of the search path other than ours holds a `train` or a `data`, be it only a folder."""
    return not _is_home(entry) and any(PathFinder.find_spec(name, [entry]) is not None for name in PACKAGES)


def _require_own_packages() -> None:
    """Refuse to go on where the user's process finds something else by the names of our packages.

    Our folder is searched last, so that a folder `data` without an `__init__.py` hides nothing. What the user's code imports by
    these names stays theirs: our modules are never put in its place.

    Raises:
        ImportError: which file hides what, and what to do.
    """
    if not any(map(_is_home, sys.path)):
        sys.path.append(str(HOME))
    hiding = {name: place for name in PACKAGES if (place := _place_of(name)).parent != HOME / name}
    if hiding:
        files = " and ".join(map(str, hiding.values()))
        whose = "the package" if len(hiding) == 1 else "the packages"
        verb, what = ("hides", "it") if len(hiding) == 1 else ("hide", "them")
        names = " and ".join(f"`{name}`" for name in hiding)
        raise ImportError(f"{files} {verb} {whose} {names} of embed-tune: rename {what}, or run from another folder")


def _place_of(name: str) -> Path:
    """Return what an import of one of our packages finds, or has found: a file, or a folder without `__init__.py`."""
    module = sys.modules.get(name)
    spec = find_spec(name) if module is None else None
    file = spec.origin if spec else getattr(module, "__file__", None)
    folders = spec.submodule_search_locations if spec else getattr(module, "__path__", None)
    for place in [file] if file else list(folders or ()):
        return Path(place).resolve()
    raise ImportError(f"embed-tune is not completely installed: {HOME} holds no package `{name}`; install it again")


def __getattr__(name: str) -> object:
    home = next((module for module, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _require_own_packages()
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if __name__ == "__main__":
    main()
elif not Path((sys.argv or [""])[0]).name.startswith("embed-tune"):  # the command looks after itself
    _require_own_packages()
