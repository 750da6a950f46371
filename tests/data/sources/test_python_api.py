"""The embedded data set: the rule, by a small library and by the running Python's."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from data.errors import DataError
from data.schema import SPLITS, RowId, text_id
from data.sources.python_api import PythonApiSource, first_sentence, functions, split_of_module

MODULE = '''
import os

def add(a, b=1, *rest: int) -> int:
    """Add two numbers together. Really.

    At length.
    """
    # a comment
    return a + b

def _private(a):
    """Do something quite hidden."""
    return a

def short(a):
    """Two words."""
    return a

def stub(a):
    """Wait for a subclass to come."""
    raise NotImplementedError

def only_docstring():
    """There is nothing else here."""

def outer():
    def inner():
        """This one is not taken."""
        return 1
    return inner

class Shape:
    """A shape."""

    @property
    def area(self):
        """Return the area
        in square metres"""
        return self.a ** 2

    class _Hidden:
        def method(self):
            """A method that nobody sees."""
            return 1

if os.name == "nt":
    async def wait(seconds):
        """Sleep for some seconds!  Then wake."""
        return seconds
else:
    try:
        def wait(seconds):
            """Sleep on other systems."""
            return -seconds
    except ImportError:
        pass
'''


def test_the_rule():
    found = list(functions(MODULE, "m.py", "m"))
    assert [(f.id, f.query) for f in found] == [
        ("m.add", "Add two numbers together."),
        ("m.Shape.area", "Return the area in square metres"),
        ("m.wait", "Sleep for some seconds!"),
        ("m.wait", "Sleep on other systems."),
    ]
    assert found[0].text == "def add(a, b=1, *rest: int) -> int:\n    return a + b"
    assert found[0].line == 4
    assert found[1].text == "def area(self):\n    return self.a ** 2"
    assert found[2].text.startswith("async def wait(seconds):")


def test_a_file_that_does_not_parse_has_no_functions():
    assert list(functions("def broken(:", "m.py", "m")) == []


@pytest.mark.parametrize(
    ("docstring", "sentence"),
    [
        ("Return e.g. this.", "Return e.g."),
        ("No full stop", "No full stop"),
        ("One\n   two.\n\nThree.", "One two."),
        ("Version 1.2 is here. Yes.", "Version 1.2 is here."),
        ("First paragraph\n\nSecond.", "First paragraph"),
    ],
)
def test_first_sentences(docstring, sentence):
    assert first_sentence(docstring) == sentence


def library(root: Path, **modules: str) -> Path:
    for name, source in modules.items():
        path = root / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), "utf-8")
    return root


def function(name: str, docstring: str, value: int) -> str:
    return f'def {name}():\n    """{docstring}"""\n    return {value}\n'


def module_of(split: str) -> str:
    return next(name for name in (f"m{i}" for i in range(1000)) if split_of_module(name) == split)


def test_equal_sentences_are_one_query_on_one_side(tmp_path):
    train, test = module_of("train"), module_of("test")
    sources = {
        train: function("f", "Return the shared number.", 1) + function("g", "Return only this here.", 3),
        test: function("f", "return the  shared number.", 2),
    }
    source = PythonApiSource(root=library(tmp_path, **sources))
    assert [e.texts[1].splitlines()[-1].strip() for e in source.examples("train")] == ["return 3"]
    shared = list(source.examples("test"))
    assert sorted(e.texts[1].splitlines()[-1].strip() for e in shared) == ["return 1", "return 2"]
    assert {RowId.parse(e.guid).query_id for e in shared} == {text_id("Return the shared number.")}
    assert {RowId.parse(e.guid).document_id for e in shared} == {f"{train}.f", f"{test}.f"}


def test_equal_documents_are_one_document(tmp_path):
    source = PythonApiSource(
        root=library(tmp_path, a=function("f", "Give back the one.", 1), b=function("f", "Return number one here.", 1))
    )
    assert [d.id for d in source.documents()] == ["a.f"]
    rows = [RowId.parse(e.guid) for split in SPLITS for e in source.examples(split)]
    assert [row.document_id for row in rows] == ["a.f", "a.f"]
    assert {row.group for row in rows} == {"a", "b"}


def test_tests_and_installed_packages_are_left_out(tmp_path):
    names = ("test/a", "pkg/tests/a", "site-packages/a", "pkg/idle_test/a", "turtledemo/a", "pkg/__init__")
    modules = {name: function("f", f"Return the {name} number.", i) for i, name in enumerate(names)}
    source = PythonApiSource(root=library(tmp_path, **modules))
    assert [d.id for d in source.documents()] == ["pkg.f"]


def test_the_fingerprint_follows_the_files(tmp_path):
    before = PythonApiSource(root=library(tmp_path, a=function("f", "Give back the one.", 1))).fingerprint()
    assert PythonApiSource(root=tmp_path).fingerprint() == before
    library(tmp_path, a=function("f", "Give back the one.", 2))
    assert PythonApiSource(root=tmp_path).fingerprint() != before


def test_a_python_without_its_source_files(tmp_path):
    with pytest.raises(DataError, match="without the source files"):
        PythonApiSource(root=tmp_path).fingerprint()


@pytest.fixture(scope="module")
def real() -> dict[str, list[tuple[RowId, list[str]]]]:
    source = PythonApiSource()
    return {split: [(RowId.parse(e.guid), e.texts) for e in source.examples(split)] for split in SPLITS}


def test_the_running_python_gives_enough_of_each_split(real):
    sizes = {split: len(rows) for split, rows in real.items()}
    total = sum(sizes.values())
    assert 3500 < total < 7000
    assert 0.5 < sizes["train"] / total < 0.8
    assert 0.04 < sizes["dev"] / total < 0.2
    assert 0.15 < sizes["test"] / total < 0.4


def test_no_sentence_is_in_two_splits(real):
    queries = {split: {row.query_id for row, _ in rows} for split, rows in real.items()}
    assert not queries["train"] & queries["test"]
    assert not queries["train"] & queries["dev"]
    assert not queries["dev"] & queries["test"]


def test_documents_do_not_hold_their_docstrings(real):
    holding = [row.row for rows in real.values() for row, (query, document) in rows if len(query) > 30 and query in document]
    assert len(holding) < 10


def test_ids_of_documents_and_texts_agree(real):
    source = PythonApiSource()
    documents = {d.id: d.text for d in source.documents()}
    assert all(documents[row.document_id] == document for rows in real.values() for row, (_, document) in rows)
    assert len(set(documents.values())) == len(documents)
