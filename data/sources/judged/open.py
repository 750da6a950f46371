"""Folders with documents and queries as a source: judged, or joined where the queries name their documents."""

from __future__ import annotations

from pathlib import Path

from data.errors import DataError
from data.schema import UNSPLIT, Source
from data.sources.beir import BeirSource
from data.sources.columns.column_roles import recognise
from data.sources.compressed import kind_of
from data.sources.joins.join import joined_source
from data.sources.judged.folder import JUDGED_WORDS, find_files, find_layout, no_judgements, open_texts, split_of, words_of
from data.sources.judged.judgements import Judgements
from data.sources.judged.one_json import json_layout, json_layouts
from data.sources.options import refuse_options
from data.sources.readers import READERS, open_reader
from data.sources.rows import SPLIT_ALIASES
from data.sources.table import Table
from data.spec import DatasetSpec


def judged_file(path: Path, name: str, spec: DatasetSpec) -> Source | None:
    """Open a JSON file that holds queries, corpus and judgements; None for any other file."""
    _refuse_judgements(path)
    layout = json_layout(path)
    if layout is None:
        return None
    refuse_options(spec, "judged queries", ("columns", "score_range", "sheet"))
    return BeirSource(path, name, spec, layout)


def _refuse_judgements(path: Path) -> None:
    """Refuse a file of judgements that lies in a folder with their queries and corpus: that is to be given."""
    inside = path.parent.name.lower() == "qrels"
    folder = path.parent.parent if inside else path.parent
    if not inside and not (set(words_of(path)) & {*JUDGED_WORDS, *SPLIT_ALIASES}):
        return
    try:
        layout = find_layout(folder)
    except DataError:
        return  # whatever is wrong there, the user gave this file
    one = next((one for one in layout.qrels.values() if path.resolve() == one.path.resolve()), None) if layout else None
    if layout is not None and one is not None and (inside or not isinstance(one, Judgements) or one.graded):
        texts = f"{layout.corpus.table.shown} and {layout.queries[0].table.shown}"
        raise DataError(
            f"these are judgements, which name the texts of {texts}", where=str(path), hint=f"give the folder: {folder}"
        )


def judged_source(path: Path, name: str, spec: DatasetSpec) -> Source | None:
    """Open a folder that has a file of documents and one of queries; None where it has not, or other files hold pairs.

    Raises:
        DataError: nothing says which document belongs to which query.
    """
    layout = find_layout(path) or json_layouts(path)
    if layout is not None:
        refuse_options(spec, "a BEIR folder", ("columns", "score_range", "sheet"))
        return BeirSource(path, name, spec, layout)
    corpora, queries = find_files(path)
    others = [p for p in path.iterdir() if kind_of(p) in READERS and p not in (*corpora, *queries) and not p.name.startswith(".")]
    if len(corpora) != 1 or not queries or others:
        return None
    tables: list[tuple[str, Table]] = [(split_of(p) or UNSPLIT, open_reader(p, p.name)) for p in queries]
    first = tables[0][1]
    try:
        recognise(first.columns(), spec.columns, first.place)
    except DataError:
        if spec.columns.anchor or spec.columns.positive:
            raise
    else:
        return None
    joined = joined_source(name, str(path), tables, spec, [], queries)
    if joined is None:
        raise no_judgements(path, open_texts(corpora[0], queries=False), first)
    return joined
