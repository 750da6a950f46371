"""Files as a source: one file, a folder, or a glob; CSV, TSV, JSON, JSONL, Parquet, Excel."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from data.errors import DataError
from data.schema import SPLITS, UNSPLIT, Source
from data.sources.columns.column_roles import plain
from data.sources.compressed import GZIP, is_compressed, kind_of, stem_of
from data.sources.joins.join import joined_source, table_source
from data.sources.joins.lookups import DOCUMENT_STEMS
from data.sources.joins.text_files import files_below
from data.sources.readers import READERS, Reader, open_reader, readable
from data.sources.readers.excel import SeveralSheetsError
from data.sources.rows import SPLIT_ALIASES
from data.sources.text_tables import keys_of
from data.spec import DatasetSpec

MANY = 2
"""Files of text in a folder without tables from which these are what it is there for; one may be its description."""

MOST_BESIDE, MOST_BYTES_BESIDE = 10, 10**8
"""Tables beside such a folder that are looked at, and their bytes."""

SHARD = re.compile(r"([a-z]+)(?:[-_.]\d+.*)?")
"""A split as a file stem, alone or with the number of a shard ("train-00000-of-00002")."""


def split_of_stem(stem: str) -> str | None:
    """Return the split that a file name stands for, if any.

    >>> split_of_stem("validation"), split_of_stem("train-00000-of-00002"), split_of_stem("pairs")
    ('dev', 'train', None)
    """
    match = SHARD.fullmatch(stem.lower())
    return SPLIT_ALIASES.get(match[1]) if match else None


def file_source(path: Path, name: str, spec: DatasetSpec) -> Source:
    """Open one file without splits (a column may name them)."""
    try:
        tables, notes = [(UNSPLIT, open_reader(path, path.name, spec.sheet))], list[str]()
    except SeveralSheetsError as error:
        tables, notes = _sheets_of_splits(path, error)
    return table_source(name, str(path), tables, spec, notes, [path])


def _sheets_of_splits(path: Path, error: SeveralSheetsError) -> tuple[list[tuple[str, Reader]], list[str]]:
    """Return a table for each sheet of a workbook that is named after a split; otherwise raise the error."""
    sheets = {sheet: split for sheet in error.sheets if (split := split_of_stem(sheet.strip()))}
    splits = list(sheets.values())
    if len(splits) < 2 or len(set(splits)) < len(splits) or "train" not in splits:
        raise error
    notes = [f"the splits are the sheets {' and '.join(map(repr, sheets))}"]
    if others := [sheet for sheet in error.sheets if sheet not in sheets]:
        notes.append(f"not used, since not named after a split: {', '.join(map(repr, others[:10]))}")
    ordered = sorted(sheets, key=lambda sheet: SPLITS.index(sheets[sheet]))
    return [(sheets[sheet], open_reader(path, f"{path.name}/{sheet}", sheet)) for sheet in ordered], notes


def folder_source(path: Path, name: str, spec: DatasetSpec) -> Source:
    """Open a folder with train, dev and test files, or with files of one kind that are one data set without splits."""
    with readable(path, str(path)):
        present = sorted(p for p in path.iterdir() if not p.name.startswith((".", "~$")))
        data = [p for p in present if p.is_file() and kind_of(p) in READERS]
        if not data:
            raise _no_data(path, present)
    data = _without_documents(data)
    if joined := _one_that_joins(data, path, name, spec):
        return joined
    if not any(split_of_stem(stem_of(p)) for p in data) and len(kinds := sorted({kind_of(p) for p in data})) > 1:
        raise DataError(
            f"files of several kinds ({' '.join(kinds)}), none of them named train, dev or test",
            where=str(path),
            hint=f"name one file, or a pattern such as '{path / ('*' + kinds[0])}'",
        )
    return _many(data, path, name, spec, str(path))


def _one_that_joins(data: Sequence[Path], folder: Path, name: str, spec: DatasetSpec) -> Source | None:
    """Return the source of the only file of several that names texts of the others; None where these are of one make."""
    if len(data) < 2 or any(split_of_stem(stem_of(p)) for p in data) or _marked(data):
        return None
    readers = {p: open_reader(p, p.name) for p in data}
    if len({frozenset(reader.columns()) for reader in readers.values()}) < len(data):
        return None
    found = []
    for p, reader in readers.items():
        with suppress(DataError):  # what is wrong with one alone is no matter here
            if joined := joined_source(name, str(folder), [(UNSPLIT, reader)], spec, [f"pairs are those of {p.name}"], [p]):
                found.append(joined)
    return found[0] if len(found) == 1 else None


def _without_documents(data: list[Path]) -> list[Path]:
    """Return the files without a table of documents, which the others name by id; all where they are of one make."""
    documents = [p for p in data if plain(stem_of(p)) in DOCUMENT_STEMS]
    others = [p for p in data if p not in documents]
    if not documents or not others:
        return data
    columns = {p: open_reader(p, p.name).columns() for p in data}
    apart = [p for p in documents if keys_of(columns[p]) and all(set(columns[p]) != set(columns[other]) for other in others)]
    return [p for p in data if p not in apart]


def _no_data(path: Path, present: Sequence[Path]) -> DataError:
    found = ", ".join(p.name + "/" * p.is_dir() for p in present[:10]) or "no files"
    inside = [p for p in present if p.is_dir() and any(kind_of(q) in READERS for q in p.iterdir())]
    if not inside and len(texts := files_below(path).sizes) >= MANY:
        return _texts_alone(path, sorted(texts))
    hint = (
        f"name the folder that holds the files: {inside[0]}"
        if inside
        else f"put train, dev and test files there ({' '.join(READERS)});"
        " a BEIR folder has corpus.jsonl, queries.jsonl and qrels/"
    )
    return DataError(f"no data files in the folder (found: {found})", where=str(path), hint=hint)


def _texts_alone(path: Path, texts: Sequence[str]) -> DataError:
    """Say what can be done with a folder of files of text."""
    naming = _naming(path, set(texts))
    pairs = f"write {path / 'pairs.csv'} with the columns query and doc; a line of it: how do I …?,{texts[0]}"
    return DataError(
        f"{len(texts):,} files of text, such as {texts[0]}, but nothing there says which query belongs to which of them",
        where=str(path),
        hint=(f"give the table that names them: {naming}" if naming else pairs)
        + f" (to search them: embed-tune embed {path} --out vectors.parquet)",
    )


def _naming(folder: Path, texts: set[str]) -> Path | None:
    """Return a table beside a folder of which a column names files in the folder."""
    names = {one for path in texts for one in (path, path.rpartition("/")[2], f"{folder.resolve().name}/{path}")}
    for path in sorted(p for p in folder.resolve().parent.iterdir() if p.is_file() and kind_of(p) in READERS)[:MOST_BESIDE]:
        if path.stat().st_size > MOST_BYTES_BESIDE:
            continue
        with suppress(DataError):
            for _, values in islice(open_reader(path, path.name).rows(()), 20):
                if any(str(value).removeprefix("./") in names for value in values.values()):
                    return folder.parent / path.name
    return None


def glob_source(pattern: str, name: str, spec: DatasetSpec) -> Source:
    """Open every file that matches; one data set without splits, unless the file names are those of splits."""
    files = sorted(p for p in map(Path, glob.glob(pattern, recursive=True)) if p.is_file())  # noqa: PTH207 (patterns may be absolute)
    if not files:
        hint = f"look at the folder (patterns are taken from the working directory, {Path.cwd()}); quote the pattern in the shell"
        raise DataError("no file matches the pattern", where=pattern, hint=hint)
    base = Path(*files[0].parent.parts)
    while not all(base in p.parents for p in files):
        base = base.parent
    return _many(files, base, name, spec, pattern)


def _many(files: Sequence[Path], base: Path, name: str, spec: DatasetSpec, location: str) -> Source:
    notes = []
    by_split = {p: split for p in files if (split := split_of_stem(stem_of(p)))} or _marked(files)
    if not by_split and (named := [p.name for p in files if set(_words(stem_of(p))) & SPLIT_ALIASES.keys()]):
        notes.append(f"{', '.join(named[:10])}: not read as splits; name the files train, dev and test if they are")
    if by_split and (others := [p for p in files if p not in by_split]):
        notes.append(f"not used, since not named after a split: {', '.join(p.name for p in others[:10])}")
    chosen = [p for p in files if p in by_split] if by_split else list(files)
    _check_none_is_packed_twice(chosen, location)
    _check_one_name_a_split(by_split, location)
    chosen.sort(key=lambda p: SPLITS.index(by_split[p]) if by_split else 0)  # train first: it says what the columns are
    tables = [(by_split.get(p, UNSPLIT), open_reader(p, p.relative_to(base).as_posix(), spec.sheet)) for p in chosen]
    if not by_split and len(tables) > 1:
        notes.append(f"{len(tables)} files are read as one data set")
    return table_source(name, location, tables, spec, notes, chosen)


def _words(stem: str) -> list[str]:
    return re.split(r"[-_. ]+", stem.lower())


def _marked(files: Sequence[Path]) -> dict[Path, str]:
    """Return the splits of files whose names differ only in a split's, as sts-train.csv and sts-test.csv; otherwise none."""
    found: dict[Path, str] = {}
    rests = set()
    for path in files:
        words = _words(stem_of(path))
        splits = [word for word in words if word in SPLIT_ALIASES]
        if len(splits) != 1:
            return {}
        found[path] = SPLIT_ALIASES[splits[0]]
        rests.add((*(word for word in words if word not in SPLIT_ALIASES), kind_of(path)))
    return found if len(rests) == 1 and len(set(found.values())) == len(files) > 1 else {}


def _check_none_is_packed_twice(files: Sequence[Path], location: str) -> None:
    """Refuse pairs.csv beside pairs.csv.gz, as `gzip -k` leaves them: the same rows twice."""
    plain = {path for path in files if not is_compressed(path)}
    for path in files:
        if is_compressed(path) and (unpacked := path.with_name(path.name[: -len(GZIP)])) in plain:
            raise DataError(
                f"{unpacked.name} and {path.name} are the same file, unpacked and packed", where=location, hint="keep one of them"
            )


def _check_one_name_a_split(by_split: dict[Path, str], location: str) -> None:
    """Refuse dev.csv beside validation.csv, or train.csv beside train.jsonl: which one is meant cannot be known."""
    for split in set(by_split.values()):
        files = [p for p, s in by_split.items() if s == split]
        kinds = {(m[1] if (m := SHARD.fullmatch(stem_of(p).lower())) else stem_of(p), kind_of(p)) for p in files}
        if len(kinds) > 1:
            raise DataError(
                f"several files for {split}: {', '.join(p.name for p in files)}",
                where=location,
                hint="keep one of them in the folder",
            )
