"""Each library raises the errors that are recognised by its words; others that sound like them are not taken for them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from data import foreign_errors
from data.foreign_errors import Words
from train.errors import is_out_of_memory


def raised(work: Callable[[], object]) -> BaseException:
    """Return the error that some work ends with."""
    with pytest.raises(BaseException) as caught:
        work()
    return caught.value


def read_csv(text: str) -> object:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def unpack(content: bytes) -> object:
    with gzip.open(io.BytesIO(content)) as file:
        return file.read()


def ask_for_a_column() -> object:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE vectors (a)")
    return connection.execute("SELECT id FROM vectors")


RAISED: dict[str, tuple[Words, Callable[[], object]]] = {
    "CPU memory": (foreign_errors.NO_MEMORY[0], lambda: torch.empty(1 << 62, dtype=torch.uint8)),
    "full disk": (foreign_errors.SHORT_WRITE, lambda: torch.save(torch.ones(100_000), "/dev/full")),
    "column": (foreign_errors.NO_SUCH_COLUMN, ask_for_a_column),
    "gzip": (foreign_errors.NO_GZIP, lambda: unpack(b"plain text")),
    "open quote": (foreign_errors.CSV_QUOTE_OPEN, lambda: read_csv('a,"b')),
    "after a quote": (foreign_errors.CSV_AFTER_QUOTE, lambda: read_csv('"a"b,c')),
    "values one after another": (foreign_errors.EXTRA_DATA, lambda: json.loads("{} {}")),
    "carriage return": (foreign_errors.CSV_CARRIAGE_RETURN, lambda: list(csv.reader(["a\rb"], strict=True))),
}
OTHERS: dict[str, tuple[Words, Callable[[], object]]] = {
    "gzip": (foreign_errors.NO_GZIP, lambda: unpack(gzip.compress(b"a" * 99)[:-8] + b"12345678")),
    "column": (foreign_errors.NO_SUCH_COLUMN, lambda: sqlite3.connect(":memory:").execute("SELECT id FROM vectors")),
    "full disk": (foreign_errors.SHORT_WRITE, lambda: torch.save(torch.ones(1), "/nowhere/at/all")),
    "CPU memory": (foreign_errors.NO_MEMORY[0], lambda: torch.ones(2) + torch.ones(3)),
}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("name", RAISED)
def test_the_library_says_these_words(name: str) -> None:
    words, work = RAISED[name]
    assert words.said_by(raised(work))


@pytest.mark.parametrize("name", OTHERS)
def test_other_errors_of_the_class_do_not(name: str) -> None:
    words, work = OTHERS[name]
    assert not words.said_by(raised(work))


def test_the_class_is_asked_before_the_words() -> None:
    words = foreign_errors.NO_MEMORY[0]
    assert words.said_by(RuntimeError("can't allocate memory")) and not words.said_by(ValueError("can't allocate memory"))


def test_how_much_memory_was_asked_for() -> None:
    match = foreign_errors.MEMORY_ASKED_FOR.search(str(raised(lambda: torch.empty(1 << 62, dtype=torch.uint8))))
    assert match is not None and (match[1], match[2]) == (str(1 << 62), "bytes")


def test_memory_that_ran_out_is_known_by_class_errno_or_words() -> None:
    for error in (
        raised(lambda: bytearray(1 << 62)),
        raised(lambda: torch.empty(1 << 62, dtype=torch.uint8)),
        torch.OutOfMemoryError("whatever it says"),
        OSError(12, "in any language"),
    ):
        assert is_out_of_memory(error), error
    for error in (ValueError("out of memory"), RuntimeError("the query 'out of memory' has no document"), OSError(28, "full")):
        assert not is_out_of_memory(error), error


def test_memory_is_asked_about_without_loading_torch() -> None:
    code = "import sys; from train.errors import is_out_of_memory; print(is_out_of_memory(MemoryError()), 'torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["True", "False"]
