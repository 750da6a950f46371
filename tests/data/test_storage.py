"""Files that are complete or absent, also where several processes write them, a disk is full, or a writer is killed."""

from __future__ import annotations

import errno
import hashlib
import json
import multiprocessing
import os
from pathlib import Path

import pytest

from data.errors import EmbedTuneError
from data.storage import (
    atomic_path,
    digest,
    publish_folder,
    refuse_full,
    remove_folder,
    remove_leftovers,
    replaced_folder,
    staged_folder,
    write_json,
    write_text,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        assert not path.exists() and temporary.parent == tmp_path
        temporary.write_text("whole")
    assert path.read_text() == "whole" and names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o027, 0o640)])
def test_files_get_the_permissions_of_the_umask_whatever_a_library_leaves(tmp_path: Path, umask: int, mode: int) -> None:
    import torch
    from safetensors.torch import save_file

    def fill(place: Path) -> None:
        save_file({"a": torch.zeros(2)}, str(place))
        assert place.stat().st_mode & 0o777 == 0o600, "safetensors leaves other permissions now: is _share still needed?"

    before = os.umask(umask)
    try:
        with atomic_path(tmp_path / "one") as temporary:
            fill(temporary)
        with staged_folder(tmp_path / "model") as staged:
            (staged / "0_Module").mkdir()
            fill(staged / "0_Module" / "weights")
            (staged / "run").write_text("", encoding="utf-8")
            (staged / "run").chmod(0o700)
        (tmp_path / "aside").mkdir()
        fill(tmp_path / "aside" / "weights")
        publish_folder(tmp_path / "aside", tmp_path / "checkpoint")
    finally:
        os.umask(before)
    found = {path.relative_to(tmp_path).as_posix(): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"one": mode, "model/0_Module/weights": mode, "checkpoint/weights": mode, "model/run": mode | 0o700}


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a.txt"
    path.write_text("older")
    with pytest.raises(type(error)), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "older" and names(tmp_path) == ["a.txt"]


def test_an_error_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(OSError) as no_folder:
        write_text(tmp_path / "none" / "a.txt", "x")
    assert no_folder.value.filename == str(tmp_path / "none" / "a.txt")
    with pytest.raises(OSError) as full, atomic_path(tmp_path / "a.txt"):
        raise OSError(errno.ENOSPC, "full")
    assert full.value.filename == str(tmp_path / "a.txt")
    with pytest.raises(OSError) as other, atomic_path(tmp_path / "a.txt"):
        (tmp_path / "source.csv").open()
    assert other.value.filename == str(tmp_path / "source.csv")


def test_json_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": "é"})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert (tmp_path / "a.json").read_text("utf-8") == '{\n  "x": "é"\n}\n'
    assert names(tmp_path) == ["a.json"]


def write_often(path: Path, letter: str) -> None:
    for _ in range(200):
        write_json(path, letter * 20_000)


def test_processes_that_write_the_same_file_do_not_meet(tmp_path: Path) -> None:
    path, seen = tmp_path / "a.json", set()
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_often, args=(path, letter)) for letter in "ab"]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        if path.exists():
            seen.add(json.loads(path.read_text()))
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert seen <= {"a" * 20_000, "b" * 20_000} and names(tmp_path) == ["a.json"]


def test_a_file_with_a_long_name(tmp_path: Path) -> None:
    write_text(tmp_path / ("n" * 250), "x")
    assert names(tmp_path) == ["n" * 250]


def test_a_folder_appears_when_it_is_filled(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "results"
    with staged_folder(folder) as staged:
        write_text(staged / "a", "1")
        assert not folder.exists()
    with pytest.raises(OSError), staged_folder(folder) as staged:
        write_text(staged / "a", "2")
    with pytest.raises(ValueError, match="broken"), staged_folder(folder, replace=True):
        raise ValueError("broken")
    assert (folder / "a").read_text() == "1"
    with staged_folder(folder, replace=True) as staged:
        write_text(staged / "b", "2")
    assert names(folder) == ["b"] and names(folder.parent) == ["results"]


def test_a_folder_that_others_filled_is_published_and_removed(tmp_path: Path) -> None:
    final = tmp_path / "checkpoint"
    for content in ("older", "newer"):
        staged = tmp_path / ".saving" / "checkpoint"
        staged.mkdir(parents=True)
        (staged / "weights").write_text(content)
        publish_folder(staged, final)
        assert (final / "weights").read_text() == content and names(staged.parent) == []
    remove_folder(final, tmp_path / "aside")
    assert names(tmp_path) == [".saving", "aside"] and names(tmp_path / "aside") == []


def test_leftovers_of_killed_writers(tmp_path: Path) -> None:
    def killed(path: Path) -> None:
        pid = os.fork()
        if pid == 0:
            with atomic_path(path) as temporary:
                temporary.write_text("half")
                os._exit(9)
        os.waitpid(pid, 0)

    for name in ("v.npy", "v.npy.json", "other.npy"):
        killed(tmp_path / name)
    (tmp_path / ".mine.txt").touch()
    (tmp_path / "mine.tmp").touch()
    assert len(names(tmp_path)) == 5 and not (tmp_path / "v.npy").exists()
    remove_leftovers(tmp_path, "v.npy")
    assert [name[:7] for name in names(tmp_path)] == [".mine.t", ".other.", "mine.tm"]
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [".mine.txt", "mine.tmp"]


def test_results_go_to_a_folder_that_is_new_or_empty(tmp_path: Path) -> None:
    refuse_full(tmp_path / "new")
    refuse_full(tmp_path)
    (tmp_path / "file").touch()
    for place in (tmp_path, tmp_path / "file"):
        with pytest.raises(EmbedTuneError) as found:
            refuse_full(place)
        assert (found.value.where, found.value.hint) == (f"--output {place}", "name a folder that is new or empty")


def test_a_digest_follows_from_the_content_alone() -> None:
    raw = b"\xc3\xa9\xed\xa0\x80"
    assert digest("é\ud800") == digest(raw) == hashlib.blake2b(raw, digest_size=16).hexdigest()
    assert len(digest("")) == 32 and digest("") != digest("a")


@pytest.mark.parametrize("exchanged", [True, False], ids=["at once", "by way of a third name"])
def test_a_replaced_folder_is_the_old_one_until_it_is_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchanged: bool
) -> None:
    if not exchanged:
        monkeypatch.setattr("data.storage.ctypes.CDLL", lambda *args, **kwargs: object())
    folder = tmp_path / "parts" / "export"
    for text in ("old", "new"):
        with replaced_folder(folder) as staged:
            (staged / "file").write_text(text, encoding="utf-8")
        assert (folder / "file").read_text(encoding="utf-8") == text
    with pytest.raises(ValueError, match="broken"), replaced_folder(folder) as staged:
        (staged / "file").write_text("half", encoding="utf-8")
        raise ValueError("broken")
    assert (folder / "file").read_text(encoding="utf-8") == "new"
    assert [path.name for path in folder.parent.iterdir()] == ["export"]
