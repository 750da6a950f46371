"""Errors for people, and the words in them."""

from __future__ import annotations

import pickle

import pytest

from data.errors import DataError, EmbedTuneError, nearest, reason
from train.errors import ConfigError, Interrupted, VerdictError


@pytest.mark.parametrize("kind", [EmbedTuneError, DataError, ConfigError])
def test_an_error_says_what_where_and_what_to_do(kind: type[EmbedTuneError]) -> None:
    error = kind("the score is no number", where="pairs.csv, line 3", hint="write a number")
    assert (error.what, error.where, error.hint) == ("the score is no number", "pairs.csv, line 3", "write a number")
    assert error.message == "pairs.csv, line 3: the score is no number"
    assert str(error) == "pairs.csv, line 3: the score is no number\n  What to do: write a number"
    assert str(kind("broken")) == kind("broken").message == "broken"


def test_errors_of_both_packages_are_caught_as_one() -> None:
    assert all(issubclass(kind, EmbedTuneError) for kind in (DataError, ConfigError, VerdictError, Interrupted))
    assert isinstance(DataError("broken"), ValueError)  # what callers of the loaders could always catch
    codes = [kind("stopped").exit_code for kind in (DataError, ConfigError, VerdictError, Interrupted)]
    assert codes == [2, 2, 3, 130]


def test_an_error_crosses_processes_whole() -> None:
    error = DataError('the score "x" is no number', where="a.csv", hint="mend it", plain="a score is no number")
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), vars(back)) == (DataError, str(error), vars(error))


def test_nearest() -> None:
    assert nearest("querry", ["document", "query"]) == "query"
    assert nearest("querry", {"document": 1, "score": 2}) is None
    assert nearest("qy", ["query"]) is None and nearest("qy", ["query"], cutoff=0.5) == "query"


def test_the_reason_is_the_first_line_that_says_something() -> None:
    assert reason(ValueError("\n  not a zip file \nTraceback: …")) == "not a zip file"
    assert reason(KeyError()) == "KeyError" and reason(RuntimeError(" \n")) == "RuntimeError"
    assert len(reason(ValueError("x" * 999))) == 200 and reason(ValueError("abcd"), most=2) == "ab"
