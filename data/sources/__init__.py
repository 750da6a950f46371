"""Sources of rows: files, BEIR folders, Hub data sets and the embedded `python_api`."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from data.errors import DataError, nearest
from data.schema import Source
from data.sources.compressed import kind_of, stem_of
from data.sources.foreign import SUFFIXES
from data.sources.options import refuse_options
from data.sources.readers import READERS, readable
from data.spec import DatasetSpec

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
"""What a data set id of the Hub looks like: "owner/name"."""
BARE_HUB_IDS = frozenset({"paws", "quora", "snli", "squad", "squad_v2"})
"""Old ids without an owner. A list, since any mistyped file name would otherwise be looked for on the Hub."""
NEVER_HUB = frozenset({*READERS, *SUFFIXES})
"""Suffixes of files; a source that ends in one is a path."""
WINDOWS = re.compile(r"[A-Za-z]:[\\/]")
"""How an absolute path begins on Windows."""


QUICKLY_READ = 20_000_000
"""Bytes of a file whose columns are recognised in less than a second."""

SAMPLES = "data/samples/"
"""How the shipped configs name what lies in `samples/` of this package."""


def open_source(spec: DatasetSpec) -> Source:
    """Open the source that `spec.source` names: `python_api`, an existing path or glob, else a Hub id; or a sample of it.

    Raises:
        DataError: it is none of these, or it cannot be understood.
    """
    whole = _open_whole(spec)
    if spec.sample is None:
        return whole
    from data.sources.sampled import SampledSource

    return SampledSource(whole, spec.sample, spec.sample_seed)


def _open_whole(spec: DatasetSpec) -> Source:
    text = spec.source.strip()
    name = safe_name(spec.name or default_name(text))
    if text == "python_api":
        from data.sources.python_api import PythonApiSource

        refuse_options(spec, "python_api", ("columns", "score_range", "sheet", "hub_config", "hub_revision"))
        return PythonApiSource(name)
    path = Path(text).expanduser()
    with readable(path, text):
        exists = path.exists()
        if not exists and text.startswith(SAMPLES) and (shipped := _sample(text.removeprefix(SAMPLES))).is_file():
            path, exists = shipped, True  # the shipped configs work from any working directory
    if exists:
        return _path_source(path, name, spec)
    if any(sign in text for sign in "*?["):
        from data.sources.files import glob_source

        refuse_options(spec, "files", ("hub_config", "hub_revision"))
        return glob_source(str(path), name, spec)
    if looks_like_path(text):
        raise _missing(path, text)
    from data.sources.hub import hub_source

    refuse_options(spec, "a data set of the Hub", ("sheet",))
    return hub_source(text, name, spec)


def names_source(word: str) -> bool:
    """Tell whether a word can only mean a data set: it is there, or is written like a path, a glob or an id of the Hub."""
    path = Path(word.strip()).expanduser()
    if word.strip() == "python_api" or word in BARE_HUB_IDS or any(sign in word for sign in "*?[/\\"):
        return True
    with readable(path, word):
        return path.exists() or kind_of(path) in NEVER_HUB


def refuse_lost(spec: DatasetSpec) -> None:
    """Raise what opening a source would raise, as far as a look at it is quick: no library that takes seconds is imported.

    Data sets of the Hub are not looked for, and of folders and large files only that they are there.

    Raises:
        DataError: there is no such file, or its columns cannot be understood.
    """
    text = spec.source.strip()
    path = Path(text).expanduser()
    with readable(path, text):
        large = path.exists() and (not path.is_file() or path.stat().st_size > QUICKLY_READ)
    on_hub = not path.exists() and not any(sign in text for sign in "*?[") and not looks_like_path(text)
    if text == "python_api" or not (large or on_hub):
        open_source(spec)


def _sample(name: str) -> Path:
    """Return where a sample lies that came with the program; it need not exist."""
    return Path(str(resources.files("data"))) / "samples" / name


def _path_source(path: Path, name: str, spec: DatasetSpec) -> Source:
    from data.sources.files import file_source, folder_source
    from data.sources.judged.open import judged_file, judged_source
    from data.sources.saved import is_saved, saved_source

    refuse_options(spec, "files", ("hub_config", "hub_revision"))
    if path.is_file():
        return judged_file(path, name, spec) or file_source(path, name, spec)
    with readable(path, str(path)):
        saved = is_saved(path)
    if saved:
        refuse_options(spec, "a data set that is no workbook", ("sheet",))
        return saved_source(path, name, spec)
    judged = judged_source(path, name, spec)
    return folder_source(path, name, spec) if judged is None else judged


def default_name(source: str) -> str:
    """Return a name from the last part of a path, glob or Hub id.

    >>> default_name("data/my pairs.csv.gz"), default_name("owner/name"), default_name("logs/*.jsonl")
    ('my pairs', 'name', 'logs')
    """
    parts = [part for part in Path(source).expanduser().parts if not any(sign in part for sign in "*?[")]
    last = parts[-1] if parts else "data"
    if last in (".", "..", "/"):
        last = Path(source).expanduser().resolve().name
    path = Path(last)
    return stem_of(path) if kind_of(path) in READERS else last


def safe_name(name: str) -> str:
    """Return `name` with letters, digits, "_" and "-" only: it becomes a key of scores, a module of the loss, a file's name."""
    return re.sub(r"[^\w-]+", "_", name).strip("_") or "data"


def looks_like_path(text: str) -> bool:
    """Tell whether a source that does not exist was meant as a path (rather than as a Hub id)."""
    if text in BARE_HUB_IDS:
        return False
    path = Path(text)
    return HUB_ID.fullmatch(text) is None or path.suffix.lower() in NEVER_HUB or Path(path.parts[0]).is_dir()


def _missing(path: Path, given: str) -> DataError:
    """Return the error for a path that is not there, with the nearest name that is."""
    if WINDOWS.match(given) or "\\" in given:
        drive, _, rest = given.replace("\\", "/").rpartition(":")
        under = f"; under WSL this may be /mnt/{drive.lower()}{rest}" if drive else f", such as {rest}"
        hint = f"write paths with / on this machine{under}"
        return DataError("this is a Windows path, and there is no such file here", where=given, hint=hint)
    folder = path.parent
    while not folder.is_dir():
        folder = folder.parent
    whole = folder == path.parent
    what = "no such file or folder, and not a Hub id (owner/name) either" if whole else f"no such folder: {path.parent}"
    wanted = path.name if whole else path.relative_to(folder).parts[0]
    hint = "correct the path" + ("" if path.is_absolute() else f" (it is taken from the working directory, {Path.cwd()})")
    if near := nearest(wanted, (p.name for p in folder.iterdir())):
        hint = f"did you mean {str(folder / near)!r}?"
    elif Path(path.name).exists():
        hint = f"did you mean {path.name!r}?"
    return DataError(what, where=str(path), hint=hint)
