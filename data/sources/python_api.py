"""The embedded data set: the documented functions of the running Python's standard library.

A query is the first sentence of a function's docstring, its document the function's signature and body without the
docstring. The source files are parsed, never imported. The rule, in full:

- functions and methods (in classes, `if` and `try` blocks, not inside of other functions) of the library's .py files,
  tests and demos left out;
- no part of the qualified name begins with an underscore;
- the first sentence has at least three words;
- the body without the docstring is more than a lone `pass` or `raise` (a stub answers no question).

Documents are written by `ast.unparse`: no comments, no decorators. Modules are dealt to splits by a hash of their
top-level name, so that test queries ask for functions of unseen modules. A sentence that several modules share is one
query, with all of its functions, on one side: test before dev before train.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import sys
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import DataError
from data.schema import SPLITS, Document, Recognised, RowId, RowKind, make_example, text_id
from data.sources.rows import ROWS_VERSION

if TYPE_CHECKING:
    from sentence_transformers import InputExample

SKIPPED_FOLDERS = {"test", "tests", "idle_test", "site-packages", "dist-packages", "turtledemo", "__pycache__"}
MINIMUM_WORDS = 3
SPLIT_SALT = "339:"
"""Chosen by the sizes of the splits alone: modules differ a hundredfold in size, so most salts miss the shares."""
DEV_FROM, TEST_FROM = 0.65, 0.75
"""Where dev and test begin on the hash of a module, a number in 0..1."""


@dataclass(frozen=True)
class Function:
    """One documented function. `line` is that of its `def`."""

    path: str
    line: int
    module: str
    name: str
    query: str
    text: str

    @property
    def id(self) -> str:
        """Dotted name."""
        return f"{self.module}.{self.name}"


def library_files(root: Path) -> list[Path]:
    """Return the .py files of the standard library under `root`, sorted, without tests, demos and installed packages."""
    files = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIPPED_FOLDERS)
        files += [Path(folder, n) for n in names if n.endswith(".py")]
    return sorted(files)


def first_sentence(docstring: str) -> str:
    """Return the first sentence of the first paragraph, on one line.

    >>> first_sentence("Return the sum. Of all,\\n\\nsee below.")
    'Return the sum.'
    """
    paragraph = " ".join(re.split(r"\n\s*\n", docstring.strip(), maxsplit=1)[0].split())
    end = re.search(r"(?<=[.!?])\s", paragraph)
    return paragraph[: end.start()] if end else paragraph


def split_of_module(module: str) -> str:
    """Return the split of a module, by a hash of its top-level name."""
    top = module.partition(".")[0]
    share = int.from_bytes(hashlib.sha256(f"{SPLIT_SALT}{top}".encode()).digest()[:8], "big") / 2**64
    return "train" if share < DEV_FROM else "dev" if share < TEST_FROM else "test"


def functions(source: str, path: str, module: str) -> Iterator[Function]:
    """Yield the functions in `source` that the rule at the top of this module takes, in the order of the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in other people's code
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            return  # a few files of the library are templates or hold deliberate errors
    yield from _walk(tree.body, (), path, module)


def _walk(body: Sequence[ast.stmt], names: tuple[str, ...], path: str, module: str) -> Iterator[Function]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = _function(node, names, path, module)
            if function is not None:
                yield function
        elif isinstance(node, ast.ClassDef):
            yield from _walk(node.body, (*names, node.name), path, module)
        elif isinstance(node, ast.If | ast.Try | ast.With):
            blocks = [getattr(node, field, []) for field in ("body", "orelse", "finalbody")]
            blocks += [handler.body for handler in getattr(node, "handlers", [])]
            for block in blocks:
                yield from _walk(block, names, path, module)


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef, names: tuple[str, ...], path: str, module: str) -> Function | None:
    docstring = ast.get_docstring(node)
    qualified = (*names, node.name)
    if not docstring or any(name.startswith("_") for name in qualified):
        return None
    rest = node.body[1:]
    if not rest or (len(rest) == 1 and isinstance(rest[0], ast.Pass | ast.Raise)):
        return None
    query = first_sentence(docstring)
    if len(query.split()) < MINIMUM_WORDS:
        return None
    line = node.lineno
    node.body = rest
    node.decorator_list = []
    return Function(path, line, module, ".".join(qualified), query, ast.unparse(node))


class PythonApiSource:
    """Docstrings' first sentences and the functions that they describe."""

    location = "python_api"

    def __init__(self, name: str = "python_api", root: Path | None = None) -> None:
        self.name = name
        self.root = root or Path(sysconfig.get_paths()["stdlib"])
        notes = (f"the standard library of Python {sys.version.split()[0]}: first sentence of a docstring -> its function",)
        self.recognised = Recognised(RowKind.PAIR, {"anchor": ["docstring"], "positive": ["function"]}, notes=notes)

    @cached_property
    def _files(self) -> list[tuple[Path, bytes]]:
        files = [(path, path.read_bytes()) for path in library_files(self.root)]
        if not files:
            raise DataError(
                "the running Python comes without the source files of its standard library",
                where=str(self.root),
                hint="run with a Python that has them, or name your own data: --data FILE",
            )
        return files

    @cached_property
    def _functions(self) -> list[Function]:
        """Every function that the rule takes; equal documents under one sentence once."""
        found: dict[tuple[str, str], Function] = {}
        for path, content in self._files:
            relative = path.relative_to(self.root)
            module = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
            source = content.decode("utf-8", errors="replace")
            for function in functions(source, relative.as_posix(), module):
                found.setdefault((text_id(function.query), function.text), function)
        return list(found.values())

    @cached_property
    def _document_ids(self) -> dict[str, str]:
        """Id by text: the dotted name of the first function with that text (numbered where a name is defined twice)."""
        ids: dict[str, str] = {}
        taken: dict[str, int] = {}
        for function in self._functions:
            if function.text not in ids:
                taken[function.id] = taken.get(function.id, 0) + 1
                again = taken[function.id]
                ids[function.text] = function.id if again == 1 else f"{function.id}#{again}"
        return ids

    @cached_property
    def _split_of_query(self) -> dict[str, str]:
        """Split by query id: the last of train, dev, test that any module with this sentence is in."""
        splits: dict[str, str] = {}
        for function in self._functions:
            query = text_id(function.query)
            splits[query] = max(split_of_module(function.module), splits.get(query, "train"), key=SPLITS.index)
        return splits

    def splits(self) -> tuple[str, ...]:
        """Return all three."""
        return SPLITS

    def examples(self, split: str) -> Iterator[InputExample]:
        """Yield the functions of one split, in the order of the files."""
        for function in self._functions:
            query = text_id(function.query)
            if self._split_of_query[query] == split:
                row = RowId(f"{function.path}:{function.line}", query, self._document_ids[function.text], function.module)
                yield make_example(row, [function.query, function.text])

    def documents(self) -> Iterator[Document]:
        """Return every function once, whatever its split."""
        for text, identity in self._document_ids.items():
            yield Document(identity, text)

    def fingerprint(self) -> str:
        """Return the SHA-256 over Python's version and the library's files."""
        digest = hashlib.sha256(f"{ROWS_VERSION} python_api {SPLIT_SALT} {sys.version}".encode())
        for path, content in self._files:
            digest.update(f"\0{path.relative_to(self.root).as_posix()}\0".encode() + hashlib.sha256(content).digest())
        return digest.hexdigest()
