"""Tables of texts with an id each: a corpus or queries, in any kind of file; their keys are found by usual names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data.errors import DataError
from data.sources.columns.column_roles import plain, show
from data.sources.table import Table

BEIR_KEYS = {"id": "_id", "title": "title", "text": "text"}
"""The keys of the format itself, of which nothing needs to be said."""

ID_KEYS = (
    *("_id", "id", "docid", "documentid", "pid", "passageid", "did", "corpusid", "qid", "queryid", "questionid"),
    *("answerid", "articleid", "chunkid", "pageid", "productid", "key", "uuid", "docno", "identifier"),
)
TITLE_KEYS = ("title",)
DOCUMENT_KEYS = ("text", "contents", "content", "body", "document", "doc", "passage", "paragraph", "chunk", "answer", "abstract")
DESCRIBED = ("description", "name")
"""Text and title of tables of products and the like, where no column has a name of those above."""

QUERY_KEYS = ("text", "query", "question", "querytext", "questiontext", "contents", "content", "utterance", "body")
"""Usual names of keys, without case and separators; of several that are there, the first is taken."""


@dataclass(frozen=True)
class Keys:
    """Where a table keeps what: the column of the id, of the title (documents only) and of the text."""

    id: str
    text: str
    title: str | None = None

    def note(self, shown: str) -> str | None:
        """Say which keys are read, where these are not BEIR's."""
        given = [(role, key) for role, key in (("id", self.id), ("title", self.title), ("text", self.text)) if key is not None]
        if all(BEIR_KEYS[role] == key for role, key in given):
            return None
        return f"{shown}: " + ", ".join(f"{role} from {key!r}" for role, key in given)


def _first(columns: Sequence[str], names: Sequence[str], but: Sequence[str | None] = ()) -> str | None:
    """Return the column whose name comes first in `names`."""
    for name in names:
        exact = [column for column in columns if column == name]
        alike = [column for column in columns if plain(column) == name and column != "_id"]
        for column in (*exact, *alike):
            if column not in but:
                return column
    return None


def keys_of(columns: Sequence[str], queries: bool = False, identity: str | None = None) -> Keys | None:
    """Return which columns hold id and text; None where the names do not say.

    Args:
        columns: of the table.
        queries: whether these are queries rather than documents.
        identity: the column of the id, where that is known.
    """
    found = identity or _first(columns, ID_KEYS)
    if found is None:
        return None
    title = None if queries else _first(columns, TITLE_KEYS, [found])
    text = _first(columns, QUERY_KEYS if queries else DOCUMENT_KEYS, [found, title])
    rest = [column for column in columns if column and column not in (found, title) and plain(column) not in ID_KEYS]
    if text is None and not queries and (text := _first(columns, DESCRIBED[:1], [found])) is not None:
        title = title or _first(columns, DESCRIBED[1:], [found, text])
    if text is None and (len(rest) == 1 or (not rest and title is not None)):
        text, title = (rest[0], title) if rest else (str(title), None)
    return None if text is None else Keys(found, text, title)


@dataclass(frozen=True)
class TextTable:
    """A table, and which of its columns are read."""

    table: Table
    keys: Keys

    def records(self) -> Iterator[tuple[int, str, str, str]]:
        """Yield the line or row, id, title and text of each row. Raises `DataError` for a row without an id."""
        keys = self.keys
        sample = f'{{"{keys.id}": "...", "{keys.text}": "..."}}'
        read = [keys.text, *([keys.title] if keys.title else [])]
        wanted = [keys.id, *read]
        for number, values in self.table.rows(wanted):
            identity = values.get(keys.id)
            if isinstance(identity, float) and identity.is_integer():  # as pandas writes whole numbers beside an empty cell
                identity = int(identity)
            if isinstance(identity, bool) or not isinstance(identity, str | int) or identity == "":
                raise DataError(f"no {keys.id}", where=self.table.where(number), hint=f"write {sample}")
            if not any(key in values for key in read) and (others := [key for key in values if key != keys.id]):
                what = f"no {keys.text}; keys found: {show(list(values))}"
                if any(plain(key) in (*QUERY_KEYS, *DOCUMENT_KEYS) for key in others):  # otherwise a text that is left out
                    raise DataError(what, where=self.table.where(number), hint=f"write {sample}")
            parts = []
            for key in (keys.title, keys.text):
                value = None if key is None else values.get(key)
                if value is not None and not isinstance(value, str):
                    what = f"{key} is of type {type(value).__name__}, not a text"
                    raise DataError(what, where=self.table.where(number, key), hint="put it in quotes")
                parts.append((value or "").strip())
            yield number, str(identity).strip(), parts[0], parts[1]


def query_text(columns: Sequence[str]) -> str | None:
    """Return the column of the text of queries, which may have no ids."""
    keys = keys_of(columns, queries=True)
    return _first(columns, QUERY_KEYS) if keys is None else keys.text


def text_table(table: Table, queries: bool = False) -> TextTable:
    """Return a table with its keys.

    Raises:
        DataError: it has no column with a usual name for the id, or for the text.
    """
    columns = table.columns()
    keys = keys_of(columns, queries)
    if keys is not None:
        return TextTable(table, keys)
    identity = _first(columns, ID_KEYS)
    text = "query" if queries else "text"
    number, _ = next(table.rows(()), (1, {}))
    what = "no _id" if identity is None else f"no key {text!r}" + (" or 'text'" if queries else "")
    sample = f'{{"{identity or "_id"}": "{"q1" if queries else "d1"}", "text": "..."}}'
    raise DataError(f"{what}; keys found: {show(columns)}", where=table.where(number), hint=f"write each as {sample}")
