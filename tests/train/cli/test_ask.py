"""`search` without a query: a prompt at a terminal, a line a query through a pipe, and an end that nobody need look for."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import ROOT
from train.cli.app import main
from train.cli.ask import _agreed_once
from train.encode.local import Encoder
from train.errors import ModelError
from train.vectors import files

TEXTS = ["red car", "green house", "blue river", "black bird", "white cloud", "grey stone"]
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A file of vectors, and the texts beside it."""
    folder = tmp_path_factory.mktemp("ask")
    (folder / "texts.txt").write_text("\n".join(TEXTS))
    out = folder / "v.parquet"
    main(
        ["embed", str(folder / "texts.txt"), "--out", str(out), "--model", str(tiny_model), "--cache", "off", "model.device=cpu"]
    )
    return out


class Keyboard(io.StringIO):
    """A terminal at which nothing can be read but through `input`."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def typing(vectors: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Type lines at the prompt, then Ctrl-D, and return exit code, output and what went to standard error."""

    def type_(*lines: str | BaseException, words: tuple[str, ...] = ()) -> tuple[int, str, str]:
        left = iter(lines)

        def answer(_prompt: str = "") -> str:
            line = next(left, EOFError())
            if isinstance(line, BaseException):
                raise line
            return line

        monkeypatch.setattr("sys.stdin", Keyboard())
        monkeypatch.setattr("builtins.input", answer)
        capsys.readouterr()
        code = 0
        try:
            main(["search", str(vectors), *words, "--cache", "off", "model.device=cpu"])
        except SystemExit as stop:
            code = int(stop.code or 0)
        assert next(left, None) is None, "it stopped before the end"
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return type_


def test_queries_are_asked_for_with_model_and_vectors_opened_once(typing: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    open_vectors = files.open_vectors
    monkeypatch.setattr("train.workflows.search.open_vectors", lambda path: opened.append(path) or open_vectors(path))
    code, out, err = typing("red car", "  blue river ")
    assert code == 0 and len(opened) == 1
    assert [line for line in out.splitlines() if "query:" in line] == ["query: red car", "query: blue river"]
    assert out.count("1  1.0000  1") == 1 and out.count("1  1.0000  3") == 1, "each text finds itself first"
    assert "6 vectors of" in err and "An empty line ends" in err


@pytest.mark.parametrize("end", ["  ", ":q", KeyboardInterrupt()])
def test_it_ends_without_an_error(typing: Say, end: str | BaseException) -> None:
    code, out, err = typing("red car", end)
    assert code == 0 and "query: red car" in out and "stopped" not in err and "Traceback" not in err


def test_the_number_of_hits_can_be_set(typing: Say) -> None:
    _, out, _ = typing(":k 2", "red car", ":k4", "red car", words=("--json",))
    assert [len(json.loads(line)["queries"][0]["hits"]) for line in out.splitlines()] == [2, 4]


def test_texts_are_shown_and_their_file_is_read_once(typing: Say, vectors: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from train.workflows import search

    reads: list[str] = []
    read = search._texts_of
    monkeypatch.setattr(search, "_texts_of", lambda *given: reads.append("") or read(*given))
    _, out, _ = typing("red car", "grey stone", words=("--documents", str(vectors.with_name("texts.txt")), "-k", "1"))
    assert len(reads) == 1 and out.count("red car") == 2 and out.count("grey stone") == 2


def test_a_query_that_fails_does_not_end_the_session_at_a_terminal(typing: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    encode = Encoder.encode

    def fails_once(self: Encoder, texts: list[str], *words: object, **named: object) -> object:
        if texts == ["bad"]:
            raise ModelError("the model does not answer", hint="try again")
        return encode(self, texts, *words, **named)

    monkeypatch.setattr(Encoder, "encode", fails_once)
    code, out, err = typing("bad", "red car")
    assert code == 0 and "error: the model does not answer" in err and "query: red car" in out


@pytest.mark.parametrize(("piped", "queries"), [("red car\n\nblue river", ["red car", "blue river"]), (":k 1\nred\n", ["red"])])
def test_each_line_of_a_pipe_is_a_query(
    vectors: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], piped: str, queries: list[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(piped))
    capsys.readouterr()
    main(["search", str(vectors), "--json", "--cache", "off", "model.device=cpu"])
    found = [json.loads(line)["queries"] for line in capsys.readouterr().out.splitlines()]
    assert [one["query"] for each in found for one in each] == queries


def test_an_empty_pipe_is_answered_before_a_model_is_loaded(
    vectors: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n \n"))
    monkeypatch.setattr("train.workflows.search.open_search", None)
    with pytest.raises(SystemExit) as stop:
        main(["search", str(vectors), "--cache", "off"])
    assert stop.value.code == 2 and "no query is given" in capsys.readouterr().err


def test_money_is_asked_about_until_the_user_has_agreed_once() -> None:
    answers = iter([False, True])
    confirm = _agreed_once(lambda cost: next(answers))
    assert confirm is not None and [confirm("$1") for _ in range(4)] == [False, True, True, True]
    assert _agreed_once(None) is None


@pytest.mark.slow
def test_a_real_terminal_has_a_prompt_and_a_history(vectors: Path) -> None:
    master, slave = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "TERM": "xterm", "COLUMNS": "80"}
    command = [sys.executable, "-m", "train.cli.app", "search", str(vectors), "--cache", "off", "-k", "1", "model.device=cpu"]
    streams = {"stdin": slave, "stdout": slave, "stderr": slave}

    def own_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C is heard

    started = subprocess.Popen(command, **streams, env=environment, start_new_session=True, preexec_fn=own_terminal)  # noqa: PLW1509
    os.close(slave)
    seen = ""

    def read_until(*words: str) -> None:
        """Read until these have come, in this order: the line editor may draw its prompt again before there is an answer."""
        nonlocal seen
        seen, limit = "", time.monotonic() + 120
        while not re.search(".*".join(map(re.escape, words)), seen, re.DOTALL):
            there, _, _ = select.select([master], [], [], max(0, limit - time.monotonic()))
            assert there, f"{words} did not come: {seen!r}"
            try:
                seen += os.read(master, 4096).decode(errors="replace")
            except OSError:
                raise AssertionError(f"it ended: {seen!r}") from None

    try:
        read_until("query> ")
        os.write(master, b"red car\n")
        read_until("1  1.0000  1", "query> ")
        os.write(master, b"\x1b[A\n")  # arrow up: the last line again
        read_until("query: red car", "query> ")
        assert _interrupted(started, master) == 0
    finally:  # whatever failed, nothing may be left that waits for a next line
        started.kill()
        started.wait()
        os.close(master)


def _interrupted(process: subprocess.Popen, master: int) -> int | None:
    """Press Ctrl-C until the program ends, and return its exit code.

    Python's `input` hears a signal between drawing the prompt and waiting for a key only when the next key comes; a program here
    is fast enough to meet that moment.
    """
    for _ in range(10):
        os.write(master, b"\x03")
        with suppress(subprocess.TimeoutExpired):
            return process.wait(6)
    return None
