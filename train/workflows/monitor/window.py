"""The texts of a window: read, each once, no more than are needed; encoded, unless the file holds their vectors already.

Shapes: N texts, D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from data.audit.languages import languages_of
from data.audit.references import kind_of_references, may_refer
from data.errors import DataError
from data.schema import normalise_text, text_id
from data.sources.cells import counted_rows
from data.sources.texts import open_texts
from train.encode.contract import Role
from train.errors import ModelError
from train.resolve.vectors import SUFFIXES, TextChoice
from train.vectors.files import VectorFile, open_vectors, read_info, refuse_not_finite
from train.watch.lengths import measure_texts
from train.watch.reference import Reference
from train.watch.sample import Floats, Sample
from train.workflows.monitor.opened import Watched

MOST = 2_000
"""Texts of a window that are looked at; of more, so many are drawn by a digest of their text."""
FEWEST = 2
"""Texts below which nothing can be said."""
LOOKED_AT, SURELY, NEARLY_ALL = 200, 10, 0.9
"""Texts that are looked at for ids and names of files; how many of them must be such, and what share."""
LONGER = 4.0
"""Times the usual length from which on texts may be documents rather than queries, or the reverse."""
SAME_TEXTS = 0.1
"""Share of a window from which on it is said that texts are those of the reference, or are documents of the run."""
MOSTLY = 0.5
"""Share from which on texts are of one language."""


@dataclass(frozen=True, eq=False)
class Window:
    """The texts of a window.

    Attributes:
        name: of its file, for people and for the names of results.
        place: its path.
        rows: texts in the file.
        distinct: different ones.
        ids, texts: those that are looked at; texts empty where a file of vectors holds none.
        vectors: [N, D], where the file holds them; None where they are to be made.
        notes: what should be known of it.
    """

    name: str
    place: str
    rows: int
    distinct: int
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    vectors: Floats | None = None
    notes: tuple[str, ...] = ()


def read_window(choice: TextChoice, watched: Watched) -> Window:
    """Read a window.

    Raises:
        DataError: it cannot be read, is empty or holds one text only, or what it holds are ids or names of files.
        ModelError: it holds vectors of another model.
    """
    path = Path(choice.place)
    stored = _vectors_in(path)
    return _of_vectors(stored, watched.reference) if stored is not None else _of_texts(choice)


def _of_texts(choice: TextChoice) -> Window:
    texts = open_texts(choice.place, choice.columns, choice.id_column, "skip")
    rows = list(texts)
    name = "standard input" if choice.place == "-" else Path(choice.place).resolve().name
    notes = [note for note in texts.notes if note]
    if texts.skipped:
        notes.append(f"{counted_rows(texts.skipped)} without a text {'is' if texts.skipped == 1 else 'are'} left out")
    distinct = {normalise_text(row.text): row for row in reversed(rows)}
    chosen = list(reversed(distinct.values()))
    _refuse_few(choice.place, len(rows), len(chosen))
    _refuse_stand_ins(choice.place, [row.text for row in chosen[:LOOKED_AT]])
    if len(chosen) > MOST:
        notes.append(f"{MOST:,} of its {len(chosen):,} different texts were looked at, drawn by a digest of each")
        chosen = sorted(chosen, key=lambda row: text_id(row.text))[:MOST]
    ids, found = tuple(row.id for row in chosen), tuple(row.text for row in chosen)
    return Window(name, choice.place, len(rows), len(distinct), ids, found, notes=tuple(notes))


def _of_vectors(stored: VectorFile, reference: Reference) -> Window:
    info, about = stored.info, reference.about
    if info.space != about.space:
        told = f"the run's {about.dimensions}" if info.dimensions != about.dimensions else f"those of texts as a {about.role}"
        raise ModelError(
            f"{stored.place} holds vectors of another model, of another role or of other settings ({info.label}, {info.role}, "
            f"{info.dimensions} dimensions), not {told}",
            hint=f"embed the texts with the run's model and --role {about.role}, or give the texts themselves",
        )
    if info.precision not in ("float32", "float16"):
        raise ModelError(
            f"{stored.place} holds {info.precision} vectors, whose rounding would look like a change of the texts",
            hint="give the texts themselves, or vectors that were made with --precision float32",
        )
    refuse_not_finite(stored)
    vectors, ids = stored.floats(), stored.ids.to_pylist()
    texts: list[str] = [] if stored.texts is None else stored.texts.to_pylist()
    rows = np.arange(len(ids))
    notes = [] if texts else ["the file holds no texts (embed --with-text keeps them): lengths are not looked at"]
    if texts:
        first = {normalise_text(text): row for row, text in reversed(list(enumerate(texts)))}
        rows = np.array(sorted(first.values()), dtype=np.int64)
    _refuse_few(stored.place, len(ids), len(rows))
    distinct = len(rows)
    if distinct > MOST:
        notes.append(f"{MOST:,} of its {distinct:,} different texts were looked at, drawn by a digest of each")
        rows = np.array(sorted(rows.tolist(), key=lambda row: text_id(texts[row] if texts else ids[row]))[:MOST])
    return Window(
        name=Path(stored.place).name,
        place=stored.place,
        rows=len(ids),
        distinct=distinct,
        ids=tuple(ids[row] for row in rows),
        texts=tuple(texts[row] for row in rows) if texts else (),
        vectors=vectors[rows],
        notes=tuple(notes),
    )


def encoded(window: Window, watched: Watched) -> tuple[Sample, Sample]:
    """Return what the checks compare: the reference, and the window. Similarities to documents are not in the window yet.

    Raises:
        ModelError: the model gives something other than finite vectors.
    """
    reference, role = watched.reference, watched.reference.role
    vectors = window.vectors
    if vectors is None:
        vectors = watched.encoder.encode(window.texts, role).numpy()
    if not window.texts:
        return Sample.of(reference.sample.vectors, top1=reference.sample.top1), Sample.of(vectors)
    figures = measure_texts(watched.tokenizer, watched.encoder.contract, window.texts, role)
    return reference.sample, Sample.of(vectors, figures.lengths, figures.cut, figures.unknown)


def mistaken(window: Window, reference: Reference) -> tuple[str, ...]:
    """Return what the window seems to be instead of new texts: documents of the run for queries, or the reference's own texts."""
    here = [normalise_text(text) for text in window.texts]
    if not here:
        return ()
    known = {normalise_text(text) for text in reference.texts}
    found = []
    if reference.role is Role.QUERY:
        documents = {normalise_text(text) for text in reference.documents}
        count = sum(text in documents for text in here)
        # queries that are documents, too, such as questions that are asked twice, are ordinary where those of the reference are
        if count >= SAME_TEXTS * len(here) and count / len(here) > 2 * len(known & documents) / max(1, len(known)):
            found.append(f"{count:,} of {len(here):,} texts are documents of the run: did you mean --role document?")
    count = sum(text in known for text in here)
    if count >= SAME_TEXTS * len(here):
        told = "the level says nothing of production" if count >= MOSTLY * len(here) else "only the others are news"
        found.append(f"{count:,} of {len(here):,} texts are those of the reference, the run's own held-out texts: {told}")
    return tuple(found)


def suspicions(window: Window, sample: Sample, reference: Reference) -> tuple[str, ...]:
    """Return what may be a mistake in how the window was given: documents for queries, or texts of another language."""
    found = []
    usual = float(np.median(reference.sample.lengths))
    here = float(np.median(sample.lengths))
    unit = reference.about.unit
    if window.texts and usual and here >= LONGER * usual:
        meant = "are these documents? Watch documents with --role document" if reference.role is Role.QUERY else "is that right?"
        found.append(f"half of the texts have {here:,.0f} {unit} or more, and in the reference {usual:,.0f}: {meant}")
    elif window.texts and here and usual >= LONGER * here:
        meant = "are these queries?" if reference.role is Role.DOCUMENT else "is that right?"
        found.append(f"half of the texts have {here:,.0f} {unit} or fewer, and in the reference {usual:,.0f}: {meant}")
    now, before = languages_of(window.texts), languages_of(reference.texts)
    if now and before:
        language, share = next(iter(now.items()))
        if share >= MOSTLY and before.get(language, 0.0) < share / 4:
            found.append(f"most texts are in another language ({language}) than those of the reference ({next(iter(before))})")
    return tuple(found)


def _refuse_few(place: str, rows: int, distinct: int) -> None:
    """Refuse a window in which nothing can be compared.

    Raises:
        DataError: it holds fewer than two different texts.
    """
    if not rows:
        raise DataError("the window holds no texts", where=place, hint="give a file with the texts of a day or a week")
    if distinct < FEWEST:
        what = "one text only" if rows == 1 else f"one text only, {rows:,} times"
        raise DataError(f"the window holds {what}", where=place, hint="collect more: 100 texts say something, 200 say it surely")


def _refuse_stand_ins(place: str, texts: list[str]) -> None:
    """Refuse texts that are names of files or ids.

    Raises:
        DataError: nearly all of them are.
    """
    references = {text for text in texts if may_refer(text)}
    numbers = [text for text in texts if text.strip().isdigit()]
    most = max(SURELY, NEARLY_ALL * len(texts))
    kind = kind_of_references(references, documents=False) if len(references) >= most else None
    if kind is not None or len(numbers) >= most:
        what = kind.words if kind is not None else "a number"
        raise DataError(
            f"nearly every text is {what}", where=place, hint="name the column that holds the texts with --column NAME"
        )


def _vectors_in(path: Path) -> VectorFile | None:
    """Return the vectors in a file that `embed` wrote; None of any other file."""
    if path.suffix not in SUFFIXES or not path.is_file():
        return None
    try:
        read_info(path)
    except (OSError, ValueError, pa.ArrowException):
        if path.suffix == ".npy":
            return open_vectors(path)  # which says what is wrong with it
        return None
    return open_vectors(path)


def with_similarities(sample: Sample, top1: Floats) -> Sample:
    """Return a sample with the similarity of each text to its nearest document."""
    return replace(sample, top1=top1)
