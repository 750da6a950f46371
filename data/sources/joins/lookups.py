"""Where names of documents may be looked up: tables beside the data, and files below its folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from data.errors import DataError
from data.schema import Document, text_id
from data.sources.cells import clean_text
from data.sources.columns.column_roles import plain, recognise
from data.sources.compressed import kind_of, stem_of
from data.sources.joins.looks import are_file_names, are_ids, bare, cell
from data.sources.joins.text_files import TextFiles, check_size
from data.sources.joins.text_maps import open_table
from data.sources.readers import READERS, Reader, readable
from data.sources.text_tables import DESCRIBED, DOCUMENT_KEYS, ID_KEYS, QUERY_KEYS, TITLE_KEYS, TextTable, keys_of
from data.spec import ColumnSpec

DOCUMENT_STEMS = frozenset(
    {
        *("corpus", "document", "documents", "doc", "docs", "passage", "passages", "collection", "article", "articles"),
        *("text", "texts", "page", "pages", "chunk", "chunks", "paragraphs", "kb", "knowledgebase", "answers", "contexts"),
    }
)
QUERY_STEMS = frozenset({"query", "queries", "question", "questions", "topic", "topics", "request", "requests"})
"""Names of files of documents, and of queries, without case, separators and suffix."""

MOST_TABLES = 30
MOST_JSON_BYTES = 256 * 2**20
"""A JSON array is read whole; a larger one is not looked at unasked."""
SAMPLE_ROWS = 200
HEAD_ROWS = 20_000
"""Rows of a table of any other name in which some of the names must be."""
FEW = 0.1
"""Share of the names that may be missing for a column to be one of names all the same; these are bad rows."""


SHOWN = 40
"""Characters of a text in an example."""
ENOUGH = 5
"""Names by which a table or files of any name are told from chance."""
NAMING = frozenset({"slug", "file", "filename", "path", "filepath", "url", "sku", "code", "ref", "reference", "name", "title"})
"""Columns by which texts may be named in words; of a glossary the words are texts themselves."""
TEXTS = frozenset({*DOCUMENT_KEYS, *QUERY_KEYS, *TITLE_KEYS, *DESCRIBED})
"""Columns that hold texts, by which no text is named."""

LITERAL = "if these are the texts themselves, say so: data.literal=true"


def all_but_a_few(found: int, total: int) -> bool:
    """Tell whether so many of the names were found that a column holds such names."""
    return found >= 2 and total - found <= max(total * FEW, min(1, total - 2))


@dataclass
class Lookup:
    """The texts of names.

    Attributes:
        kind: what the names are ("ids of documents.csv").
        texts: by name; "" where there is a name without a text.
        digest: of all that was read.
        wanted: how many names were looked for.
        table: of the texts, where they stand in one.
        guessed: neither the table's name nor the column says that these are ids of its texts.
    """

    kind: str
    texts: Mapping[str, str]
    digest: bytes
    wanted: int
    place: str
    table: TextTable | None = None
    notes: list[str] = field(default_factory=list)
    guessed: bool = False

    def example(self) -> str:
        """Return a name and the beginning of its text."""
        name = next(name for name, text in self.texts.items() if text)
        text = self.texts[name]
        return f"{name[:60]!r} → {text if len(text) <= SHOWN else text[: SHOWN - 1] + '…'!r}"

    def documents(self) -> Iterator[Document]:
        """Yield every text of the table once, with the id that rows have for it."""
        if self.table is None:
            return
        seen: set[int] = set()
        for number, _, title, text in self.table.records():
            if joined := f"{title} {text}".strip():
                identity = text_id(clean_text(joined, self.table.table.where(number)))
                if (key := int(identity, 16)) not in seen:
                    seen.add(key)
                    yield Document(identity, joined)


@dataclass(frozen=True)
class Sibling:
    """A table beside the data that may hold the texts, with the columns by which its texts can be named."""

    reader: Reader
    columns: tuple[str, ...]
    expected: bool
    """Whether it is called what such tables are called."""


def sibling_tables(folder: Path, own: Collection[Path], queries: bool) -> list[Sibling]:
    """Return the tables in a folder that may hold texts with ids, those with a usual name first."""
    usual, other = (QUERY_STEMS, DOCUMENT_STEMS) if queries else (DOCUMENT_STEMS, QUERY_STEMS)
    with readable(folder, str(folder)):
        files = [Path(entry.path) for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)]
    files = [path for path in files if kind_of(path) in READERS and path not in own and not path.name.startswith(".")]
    named = {path: plain(stem_of(path)) for path in files}
    found = []
    for path in sorted(files, key=lambda path: (named[path] not in usual, path.name))[:MOST_TABLES]:
        if named[path] in other or (kind_of(path) == ".json" and path.stat().st_size > MOST_JSON_BYTES):
            continue
        try:
            reader = open_table(path, path.name)
            columns = tuple(column for column in reader.columns() if column)
        except DataError:
            continue  # whatever lies there is not the user's data set
        if named[path] not in usual and _holds_pairs(columns):
            continue
        if columns:
            found.append(Sibling(reader, columns, named[path] in usual))
    return found


def _holds_pairs(columns: tuple[str, ...]) -> bool:
    try:
        recognise(columns, ColumnSpec(), "")
    except DataError:
        return False
    return True


def find_in_tables(names: Collection[str], siblings: Collection[Sibling], queries: bool) -> tuple[Lookup | None, str]:
    """Return the texts of names out of the table that has most of them.

    Returns:
        The lookup, None where no table has them; and what the next best has, for a message.

    Raises:
        DataError: a table has the names, but which column holds the text cannot be told, or a name stands there twice.
    """
    lookup, part = _find(names, siblings, queries, str)
    near = {bare(name) for name in names}
    if lookup is None and len(near) == len(names) and (are_ids(near) or are_file_names(near)):
        lookup, _ = _find(names, [one for one in siblings if one.expected], queries, bare)
    return lookup, part


def _find(
    names: Collection[str], siblings: Collection[Sibling], queries: bool, spell: Callable[[str], str]
) -> tuple[Lookup | None, str]:
    """See `find_in_tables`; names are the same if they are so as `spell` writes them."""
    part = ""
    for sibling in siblings:
        column, found = _best_column(names, sibling, spell)
        if column is None or not found or not _is_sure(names, sibling, column, found):
            continue
        if not all_but_a_few(found, len(names)):
            if sibling.expected and 2 * found >= len(names):
                part = f"{found:,} of {len(names):,} are in {sibling.reader.shown}"
            continue
        keys = keys_of(sibling.reader.columns(), queries, column)
        if keys is not None and not (sibling.expected and plain(keys.text) in TEXTS) and not _holds_texts(sibling, keys.text):
            continue  # a price list, say
        if keys is not None:
            return _from_table(names, TextTable(sibling.reader, keys), spell, guessed=not sibling.expected), ""
        if sibling.expected and (plain(column) in ID_KEYS or are_ids(names)):
            raise DataError(
                f"column {column!r} has these ids, but which column holds the texts is not clear",
                where=sibling.reader.place,
                hint=f"call the column of the texts `text`; {LITERAL}",
            )
    return None, part


def _holds_texts(sibling: Sibling, column: str) -> bool:
    """Tell whether most of the first cells of a column are of several words, and different."""
    head = [values.get(column) for _, values in islice(sibling.reader.rows([column]), SAMPLE_ROWS)]
    found = [value for value in head if isinstance(value, str) and len(value.split()) > 1]
    return 2 * len(found) > len(head) and 2 * len(set(found)) > len(found)


def _is_sure(names: Collection[str], sibling: Sibling, column: str, found: int) -> bool:
    """Tell whether what was found is no chance. In a table of any other name all must be there, and look like ids."""
    digits = are_ids(names) or any(sign.isdigit() for name in names for sign in name)
    if sibling.expected:
        return digits or plain(column) in ID_KEYS or (plain(column) in NAMING and found == len(names) >= ENOUGH)
    return found == len(names) >= ENOUGH and digits and not all(name.isdigit() for name in names)


def _best_column(names: Collection[str], sibling: Sibling, spell: Callable[[str], str]) -> tuple[str | None, int]:
    """Return the column of a table that has most of the names, and how many; one with a name twice only if it is called so."""
    columns = [column for column in sibling.columns if plain(column) not in TEXTS or are_ids(names)]
    wanted, found = {spell(name) for name in names}, {column: set[str]() for column in columns}
    repeated: set[str] = set()
    try:
        for place, (_, values) in enumerate(sibling.reader.rows(columns)):
            if place == HEAD_ROWS and not sibling.expected and not any(found.values()):
                break  # a large file that has nothing to do with these rows
            for column in columns:
                written = cell(values.get(column))
                if written is not None and (name := spell(written)) in wanted:
                    if name in found[column]:
                        repeated.add(column)
                    found[column].add(name)
    except DataError:
        return None, 0
    called = sibling.expected and spell is str  # rows about one thing are no text of it: a shop's reviews, say
    possible = [column for column in columns if column not in repeated or (called and plain(column) in ID_KEYS)]
    best = max(possible, key=lambda column: (len(found[column]), plain(column) in ID_KEYS), default=None)
    return best, 0 if best is None else len(found[best])


def _from_table(names: Collection[str], table: TextTable, spell: Callable[[str], str], *, guessed: bool) -> Lookup:
    wanted, texts = {spell(name): name for name in names}, dict[str, str]()
    reader, respelt = table.table, ""
    for number, written, title, text in table.records():
        if (name := wanted.get(spell(written))) is not None:
            if name in texts:
                hint = "give each its own id, or remove the repeated row"
                raise DataError(f"the id {name[:60]!r} occurs twice", where=reader.where(number, table.keys.id), hint=hint)
            texts[name] = f"{title} {text}".strip()
            respelt = respelt or (f"{name[:60]!r} is {written[:60]!r} there" if name != written else "")
    keys = table.keys
    parts = " and ".join(repr(key) for key in (keys.title, keys.text) if key)
    notes = [f"{reader.shown}: the texts are {parts}, by {keys.id!r}{f' ({respelt})' if respelt else ''}"]
    digest = hashlib.sha256(reader.digest() + repr(keys).encode()).digest()
    return Lookup(f"ids of {reader.shown}", texts, digest, len(names), reader.place, table, notes, guessed)


def find_in_files(names: Collection[str], files: TextFiles) -> tuple[Lookup | None, str]:
    """Return the texts of names that are those of files; or None, and what was found of them.

    Raises:
        DataError: a name is that of several files, or a file cannot be read.
    """
    stems = are_ids(names) or len(names) >= ENOUGH
    found = {name: path for name in sorted(names) if (path := _path_of(name, files, stems)) is not None}
    near = {name: path for name in sorted(set(names) - found.keys()) if (path := files.nearest(_below(name, files))) is not None}
    found |= near
    by_stem = sum("." not in name for name in found)
    if by_stem and not are_ids(names) and len(found) < len(names):
        return None, ""  # some words have files of their name by chance
    if not all_but_a_few(len(found), len(names)):
        return None, f"{len(found):,} of {len(names):,} are there" if found else ""
    check_size((files.sizes[path] for path in set(found.values())), str(files.folder))
    digest, texts = hashlib.sha256(), dict[str, str]()
    for path in sorted(set(found.values())):
        texts[path] = files.text(path)
        digest.update(f"\0{path}\0".encode("utf-8", "surrogatepass") + files.digest(path))
    folder = os.path.commonpath([os.path.dirname(path) or "." for path in found.values()])  # noqa: PTH120 (of text, not of a place)
    below = f"below {folder}/" if folder not in ("", ".") else f"in {files.folder.name or files.folder}/"
    kind = f"names of files {below}"
    by_name = {name: texts[path] for name, path in found.items()}
    notes = [f"{name[:60]!r} is {path!r} there" for name, path in list(near.items())[:1]]
    return Lookup(kind, by_name, digest.digest(), len(names), str(files.folder), notes=notes), ""


def _below(name: str, files: TextFiles) -> str:
    """Return a name as a path below the folder would be written."""
    return name.replace("\\", "/").removeprefix("./").lstrip("/").removeprefix(f"{files.folder.resolve().name}/")


def _path_of(name: str, files: TextFiles, stems: bool) -> str | None:
    """Return the path of the file that a cell names, below the folder; None where there is none. `stems`: also without suffix."""
    written = name.replace("\\", "/").removeprefix("./").lstrip("/")
    for path in (written, written.removeprefix(f"{files.folder.resolve().name}/")):
        if path in files.sizes:
            return path
    several = files.named(written, stems)
    if len(several) > 1:
        raise DataError(
            f"{name!r} names {len(several)} files: {', '.join(several[:5])}",
            where=str(files.folder),
            hint="write the paths of the files instead of their names",
        )
    return several[0] if several else None
