"""Which files of a folder are the corpus, the queries and the judgements."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from data.errors import DataError
from data.schema import SPLITS, UNSPLIT
from data.sources.columns.column_roles import plain
from data.sources.compressed import kind_of, stem_of
from data.sources.joins.lookups import DOCUMENT_STEMS, QUERY_STEMS
from data.sources.joins.text_maps import open_table
from data.sources.judged.by_query import open_judgements
from data.sources.judged.judgements import HEADER, Judged, Judgements, readable_kind
from data.sources.readers import READERS, Row, lines, readable
from data.sources.readers.base import Reader
from data.sources.rows import SPLIT_ALIASES
from data.sources.table import Table
from data.sources.text_tables import ID_KEYS, Keys, TextTable, keys_of, text_table

JUDGED_WORDS = frozenset(
    {
        *("qrels", "qrel", "judgements", "judgments", "judged", "relevance", "relevances", "rel", "labels", "gold", "truth"),
        *("ground", "groundtruth", "links", "mapping", "matches", "relevant", "annotations", "pairs"),
    }
)
"""Words of the names of files of judgements; besides these only the name of a split."""

HUB_FOLDERS = ("default", "data")
"""Where a data set of the Hub has its judgements, beside corpus/ and queries/."""
HEAD_LINES = 200
SAMPLE = 50
SHARD = re.compile(r"-\d{5}-of-\d{5}$")
"""What the Hub adds to the names of its files."""
ONE_WORD = re.compile(r"\S{1,100}")


@dataclass(frozen=True)
class Layout:
    """The files of judged queries over a corpus.

    Attributes:
        corpus: the documents.
        queries: one file, or several.
        qrels: judgements by split, or under `UNSPLIT`.
        notes: what the user should know.
    """

    corpus: TextTable
    queries: Sequence[TextTable]
    qrels: Mapping[str, Judged]
    notes: Sequence[str] = field(default_factory=list)


class PlainTable(Reader):
    """Lines of id, tab and text without a header, as MS MARCO has its collection and queries."""

    def columns(self) -> list[str]:
        """Return the two columns."""
        return ["id", "text"]

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield the lines."""
        for number, text in lines(self.path, self.place):
            if text.strip():
                identity, tab, rest = text.rstrip("\r\n").partition("\t")
                if not tab:
                    hint = "write the id, a tab and the text in each line"
                    raise DataError("no tab in the line", where=self.where(number), hint=hint)
                yield number, {"id": identity.strip(), "text": rest.strip()}


def words_of(path: Path) -> list[str]:
    """Return the words of a file's name, in lower case."""
    return [word for word in re.split(r"[-_. ]+", SHARD.sub("", stem_of(path).lower())) if word]


def find_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the files that are called like a corpus, and like queries; of several corpora those called "corpus"."""
    with readable(folder, str(folder)):
        present = sorted(p for p in folder.iterdir() if not p.name.startswith(".") and p.is_file() and kind_of(p) in READERS)
    if not present:
        return _in_folders(folder)
    corpora = [p for p in present if plain(stem_of(p)) in DOCUMENT_STEMS or words_of(p)[-1:] == ["corpus"]]
    named = [p for p in corpora if words_of(p)[-1:] == ["corpus"]]
    queries = [p for p in present if _asks(_without_prefix(words_of(p), named or corpora))]
    return named or corpora, queries


def _in_folders(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the files of documents and of queries where each lie in a folder of their own (corpus/, queries/)."""
    found = []
    for names in (DOCUMENT_STEMS, QUERY_STEMS):
        with readable(folder, str(folder)):
            places = [p for p in sorted(folder.iterdir()) if p.is_dir() and plain(p.name) in names]
            files = [p for place in places for p in sorted(place.iterdir()) if p.is_file() and kind_of(p) in READERS]
        found.append([p for p in files if not p.name.startswith(".")])
    return found[0], found[1]


def _asks(words: list[str]) -> bool:
    """Tell whether the words of a name are those of a file of queries, perhaps of one split ("queries.train")."""
    others = [word for word in words if word not in SPLIT_ALIASES]
    return len(others) == 1 and others[0] in QUERY_STEMS


def _without_prefix(words: list[str], corpora: Sequence[Path]) -> list[str]:
    """Return the words without those that the name of the corpus begins with, too ("scifact_queries")."""
    prefix = words_of(corpora[0])[:-1] if len(corpora) == 1 else []
    return words[len(prefix) :] if prefix and words[: len(prefix)] == prefix else words


def find_layout(folder: Path) -> Layout | None:
    """Return the files of a folder with judged queries; None where it has no corpus and queries beside each other.

    Raises:
        DataError: it has these, but no judgements, or it is not clear what they are.
    """
    corpora, queries = find_files(folder)
    if not corpora or not queries:
        return None
    if len(corpora) > 1:
        raise DataError(
            f"{len(corpora)} files could be the corpus: {', '.join(p.name for p in corpora)}",
            where=str(folder),
            hint="name one corpus.jsonl (or .csv, .tsv, .parquet), or move the others away",
        )
    notes: list[str] = []
    qrels = _qrels(folder, [*corpora, *queries], notes)
    if not qrels:
        return None
    corpus = open_texts(corpora[0], queries=False)
    asked = [open_texts(path, queries=True) for path in queries]
    for one in (corpus, *asked):
        notes += one.table.notes
        if not isinstance(one.table, PlainTable) and (note := one.keys.note(one.table.shown)):
            notes.append(note)
    judged, told = _judged(folder, qrels, notes)
    return Layout(corpus, asked, judged, [*notes, *told])


def _judged(folder: Path, qrels: Mapping[str, Path], notes: list[str]) -> tuple[dict[str, Judged], list[str]]:
    """Open the judgements of each split, and return what they say; those of one file may name their splits in a column."""
    judged: dict[str, Judged] = {}
    told: list[str] = []
    for split, file in qrels.items():
        shown = file.relative_to(folder).as_posix()
        one = open_judgements(file, shown)
        told += one.notes
        parts = one.splits() if isinstance(one, Judgements) else {}
        if parts and split == UNSPLIT:
            notes[:] = [note for note in notes if note != f"{shown}: judgements without splits"]
            told.append(f"{shown}: splits as a column says ({', '.join(parts)})")
            judged |= parts
        elif set(parts) - {split}:
            what = f"the file is called after {split}, and a column says {' and '.join(parts)}"
            raise DataError(what, where=str(file), hint="name it qrels.tsv, without a split, or remove the column")
        else:
            judged[split] = one
    return judged, told


def open_texts(path: Path, queries: bool) -> TextTable:
    """Open a file of documents or queries. Raises `DataError` where it is empty, or its keys are not clear."""
    if kind_of(path) != ".parquet" and not any(text.strip() for _, text in lines(path, str(path))):
        what = "there are no queries" if queries else "the corpus is empty"
        raise DataError(what, where=str(path), hint='add lines {"_id": "...", "text": "..."}')
    if kind_of(path) == ".tsv" and _is_plain(path):
        table: Table = PlainTable(path, path.name)
        table.notes.append(f"{path.name}: no header; read as id and text")
        return TextTable(table, Keys("id", "text"))
    table = open_table(path, path.name)
    columns = table.columns()
    keys = keys_of(columns, queries)
    return text_table(table, queries) if keys is None else TextTable(table, keys)


def _is_plain(path: Path) -> bool:
    """Tell whether a file has no header: two cells in all lines, the first an id, and no name of a column in the first line."""
    head = [text.rstrip("\r\n").split("\t") for _, text in islice(lines(path, str(path)), HEAD_LINES) if text.strip()]
    if not head or any(plain(cell) in ID_KEYS for cell in head[0]):
        return False
    return all(len(cells) == 2 and ONE_WORD.fullmatch(cells[0].strip()) for cells in head)


def _qrels(folder: Path, others: Sequence[Path], notes: list[str]) -> dict[str, Path]:
    """Return the judgements by split: those of qrels/, or else those beside the corpus."""
    places = {p.name.lower(): p for p in sorted(folder.iterdir()) if p.is_dir()}
    inside = next((places[name] for name in ("qrels", *(HUB_FOLDERS if "corpus" in places else ())) if name in places), None)
    if inside is not None:
        with readable(inside, str(inside)):
            files = sorted(p for p in inside.iterdir() if p.is_file() and readable_kind(p) and not p.name.startswith("."))
        beir = [p for p in files if p.suffix == ".tsv"]
        if any(p.stem.lower() in SPLIT_ALIASES for p in beir):
            return by_split(folder, beir, notes, exactly=True)
        if not files:
            raise DataError("no judgements", where=str(inside), hint="add train.tsv, dev.tsv or test.tsv there")
        return by_split(folder, files, notes)
    with readable(folder, str(folder)):
        files = sorted(p for p in folder.iterdir() if p.is_file() and readable_kind(p) and p not in others)
    corpora = [p for p in others if words_of(p)[-1:] == ["corpus"]]
    words = {p: _without_prefix(words_of(p), corpora) for p in files if not p.name.startswith(".")}
    files = [p for p, found in words.items() if found and all(w in JUDGED_WORDS or w in SPLIT_ALIASES for w in found)]
    return by_split(folder, [p for p in files if _names_ids(p)], notes, corpora=corpora)


def _names_ids(path: Path) -> bool:
    """Tell whether a file beside the corpus holds ids: `train.csv` may as well hold pairs of texts."""
    try:
        first = islice(open_judgements(path, path.name).rows(), SAMPLE)
        return all(ONE_WORD.fullmatch(query) and ONE_WORD.fullmatch(document) for _, query, document, _ in first)
    except DataError:
        if set(words_of(path)) & {"qrels", "qrel", "judgements", "judgments"}:
            raise
        return False


def split_of(path: Path, corpora: Sequence[Path] = ()) -> str | None:
    """Return the split that the name of a file of queries or judgements says; None where it says none."""
    words = _without_prefix(words_of(path), corpora)
    splits = {SPLIT_ALIASES[word] for word in words if word in SPLIT_ALIASES}
    known = all(word in SPLIT_ALIASES or word in JUDGED_WORDS or word in QUERY_STEMS for word in words)
    return splits.pop() if known and len(splits) == 1 else None


def by_split(
    folder: Path, files: Sequence[Path], notes: list[str], exactly: bool = False, corpora: Sequence[Path] = ()
) -> dict[str, Path]:
    """Return files of judgements by the split that their names say; one alone without a split under `UNSPLIT`.

    `exactly`: they are called as BEIR calls them, and others are passed over.

    Raises:
        DataError: two files for one split, or none that is called after one.
    """
    found: dict[str, Path] = {}
    without = []
    for file in files:
        split = SPLIT_ALIASES.get(file.stem.lower()) if exactly else split_of(file, corpora)
        if split is None:
            without.append(file)
        elif split in found:
            what = f"two files for {split}: {found[split].name} and {file.name}"
            raise DataError(what, where=str(file.parent), hint="keep one of them")
        else:
            found[split] = file
    if not found and len(without) == 1:
        notes.append(f"{without[0].relative_to(folder).as_posix()}: judgements without splits")
        return {UNSPLIT: without[0]}
    if not found and without:
        first = without[0]
        raise DataError(
            f"{len(without)} files of judgements, none named train, dev or test: {', '.join(p.name for p in without[:5])}",
            where=str(folder),
            hint=f"name each after its split, for instance: mv {first} {first.with_name('qrels.train' + first.suffix)}",
        )
    for file in without:
        if not exactly and "train" not in found and set(_without_prefix(words_of(file), corpora)) <= JUDGED_WORDS:
            raise DataError(
                f"{file.name} beside {', '.join(p.name for p in found.values())}: for which split is it?",
                where=str(folder),
                hint=f"name it after its split, for instance: mv {file} {file.with_name('qrels.train' + file.suffix)}",
            )
        notes.append(f"{file.relative_to(folder).as_posix()} is not used (not named train, dev or test)")
    return {split: found[split] for split in SPLITS if split in found}


def no_judgements(folder: Path, corpus: TextTable, queries: Table) -> DataError:
    """Say what a folder with documents and queries lacks, with an example of its own ids."""
    keys = keys_of(queries.columns(), queries=True)
    document = next((identity for _, identity, _, _ in corpus.records()), "d1")
    asked = () if keys is None else TextTable(queries, keys).records()
    query = next((identity for _, identity, _, _ in asked), "q1")
    return DataError(
        f"{corpus.table.shown} and {queries.shown}, but no judgements: which document belongs to which query?",
        where=str(folder),
        hint=f"write {folder / 'qrels.tsv'} with the columns {HEADER}; a line of it: {query}\\t{document}\\t1"
        " (or give the queries a column with the id of their document)",
    )
