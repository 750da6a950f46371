"""Files that are complete or absent: written under another name, then renamed.

The other name belongs to one writer alone, so processes that write the same file at once, on one machine or several, do not meet:
the last rename stands. What a killed process leaves under such a name is hidden, and read by nobody.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from data.errors import EmbedTuneError

ASIDE = ".tmp"
"""How the names end that files and folders have while they are written."""
NAME_AT_MOST = 128
"""Characters of a file's own name in the name that it is written under; file systems take 255 bytes."""
AT_FDCWD, RENAME_EXCHANGE = -100, 2
"""Of Linux' renameat2(2): paths are those of this process; two names are exchanged."""
DIGEST_BYTES = 16
"""Bytes of a digest: 128 bits, so that two contents of a disk never meet by chance."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a name to write a file under, in the same folder; rename it to `path` when the `with` block ends well, else remove it.

    Raises:
        OSError: it cannot be renamed, or whatever the block raises; it names `path`, where it named no other file.
    """
    temporary = _aside(path)
    try:
        yield temporary
        _share([temporary])
        temporary.replace(path)
    except OSError as error:
        if error.filename in (None, str(temporary)):  # a write that fails names no file of its own
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def staged_folder(folder: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give a new folder to fill; rename it to `folder` when the `with` block ends well, else remove it.

    Args:
        folder: which is there whole afterwards, or not at all.
        replace: remove an older folder of that name first; without it, such a folder is an error.

    Raises:
        OSError: it cannot be made, or `folder` exists and is not empty.
    """
    staged = _aside(folder)
    try:
        staged.mkdir(parents=True)
        yield staged
        _share(staged.rglob("*"))
        if replace:
            shutil.rmtree(folder, ignore_errors=True)
        staged.rename(folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """Give a new folder to fill, which takes the place of `folder` when the `with` block ends well, else is removed.

    The older folder stays whole until the new one is, and where the system can exchange two names (Linux) there is no moment
    without either: a kill leaves the old one or the new one.

    Raises:
        OSError: it cannot be made, or whatever the block raises.
    """
    staged = _aside(folder)
    try:
        staged.mkdir(parents=True)
        yield staged
        _share(staged.rglob("*"))
        for path in [*(p for p in staged.rglob("*") if p.is_file()), staged]:
            flush(path)
        if folder.is_dir():
            _exchange(staged, folder)
        else:
            staged.rename(folder)
        flush(folder.parent)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _exchange(one: Path, other: Path) -> None:
    """Let two folders beside each other change names: at once where the system can, else by way of a third name.

    Raises:
        OSError: they cannot be renamed.
    """
    with suppress(AttributeError, OSError):  # no such function (macOS, an old C library), or a file system without it
        library = ctypes.CDLL(None, use_errno=True)
        if library.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0:
            return
    third = _aside(other)
    other.rename(third)
    try:
        one.rename(other)
    except OSError:
        third.rename(other)
        raise
    third.rename(one)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    """Write indented JSON, whole or not at all.

    Raises:
        OSError: it cannot be written.
        ValueError: `value` holds a number that JSON cannot express (NaN).
    """
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def publish_folder(staged: Path, final: Path) -> None:
    """Turn a folder that another program filled into `final`: flush its files to the disk, then rename it.

    An older folder of that name leaves under another one first, beside `staged`: a kill at any moment leaves a whole folder under
    the name, or none.

    Raises:
        OSError: it cannot be written.
    """
    _share(staged.rglob("*"))
    for path in [p for p in staged.rglob("*") if p.is_file()] + [staged]:
        flush(path)
    older = _aside(staged) if final.exists() else None
    if older is not None:
        final.rename(older)
    staged.rename(final)
    if older is not None:
        shutil.rmtree(older)
    flush(final.parent)


def remove_folder(path: Path, aside: Path) -> None:
    """Delete a folder that must never be seen half deleted: it leaves into the folder `aside` first, which is made if need be.

    Raises:
        OSError: it cannot be deleted.
    """
    aside.mkdir(exist_ok=True)
    doomed = _aside(aside / path.name)
    path.rename(doomed)
    shutil.rmtree(doomed)


def remove_path(path: Path) -> None:
    """Remove a file, or a folder with all in it.

    Raises:
        OSError: it cannot be removed.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_leftovers(folder: Path, name: str = "") -> None:
    """Remove what killed writers left in a folder. Only where no other process can be writing now.

    Args:
        folder: the only one that is searched, without those inside it.
        name: only what was to become the file of this name, or one whose name continues with a dot.
    """
    beginning = f".{name[:NAME_AT_MOST]}."[: None if name else 1]
    for path in folder.glob(f".*{ASIDE}"):
        if not path.name.startswith(beginning):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Make sure that a file or folder is on the disk, so that the rename that follows cannot get there before its content.

    Raises:
        OSError: it cannot be written.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def refuse_full(folder: Path, option: str = "--output") -> None:
    """Refuse, before any work, to put results into a folder in which something lies already.

    Args:
        folder: which may be absent, or empty.
        option: with which the user named it.

    Raises:
        EmbedTuneError: something lies in it, or it is a file.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise EmbedTuneError("something is there already", where=f"{option} {folder}", hint="name a folder that is new or empty")


def digest(content: str | bytes | memoryview) -> str:
    """Return a digest of texts or bytes, 32 hexadecimal digits: equal for equal contents on every machine (BLAKE2b)."""
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return hashlib.blake2b(raw, digest_size=DIGEST_BYTES).hexdigest()


def file_digest(path: Path) -> str:
    """Return the digest of a file's content, as `digest` would.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=DIGEST_BYTES)).hexdigest()


def _share(paths: Iterable[Path]) -> None:
    """Give files that nobody but the owner may read the permissions of any new file, by the umask.

    Libraries that write through a temporary file of their own, as safetensors does, leave its 0600 behind.
    """
    private = [path for path in paths if path.is_file() and not path.is_symlink() and not path.stat().st_mode & 0o077]
    if not private:
        return
    probe = _aside(private[0])  # asking for the umask means to change it for a moment, for all threads
    probe.touch()
    mode = probe.stat().st_mode & 0o777
    probe.unlink()
    for path in private:
        path.chmod(mode | path.stat().st_mode & 0o777)


def _aside(path: Path) -> Path:
    """Return a name beside `path` that no other writer takes."""
    return path.with_name(f".{path.name[:NAME_AT_MOST]}.{uuid4().hex}{ASIDE}")
