"""A sheet of new texts to label: the most foreign ones, different from each other, with candidates beside them.

Queries get the columns `anchor` and `positive` that a training reads, the second empty; the candidates are what the model finds.
Texts of symmetric pairs get `sentence1`, `sentence2` (the nearest known text) and an empty `score`. `foreign` says
of each whether it is farther from every known text than most of the known ones are from each other; the others follow.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data.storage import write_text
from train.encode.contract import Role
from train.errors import ConfigError, RunError
from train.watch.canaries import similarities
from train.watch.foreign import Foreign, most_foreign
from train.watch.reference import Reference
from train.watch.sample import Floats, Sample
from train.workflows.monitor.index import Production
from train.workflows.monitor.window import Window

CANDIDATES = 5
"""Documents beside each text."""
ORDINARY = 0.05
"""Share of known texts that are as far from the other ones as a foreign text is, at least."""


def write_sheet(
    path: Path,
    count: int,
    window: Window,
    known: Sample,
    new: Sample,
    reference: Reference,
    production: Production | None,
) -> int:
    """Write a sheet, whole or not at all. Returns how many texts it holds.

    Args:
        path: of the CSV file.
        count: texts that are wanted.
        window: the texts.
        known: the reference as the checks take it.
        new: the texts, the same.
        reference: whose documents are the candidates where production has no texts.
        production: the index; None without one.

    Raises:
        ConfigError: the window has no texts, or they are documents.
        RunError: the sheet is there already, or cannot be written.
    """
    if not window.texts:
        raise ConfigError("the window holds vectors without texts, so there is nothing to label", hint="give the texts")
    if reference.role is Role.DOCUMENT:
        raise ConfigError("--label is for queries and pairs: documents are found, not asked", hint="leave --label out")
    if path.exists():
        raise RunError(f"{path} already exists, and may hold labels", hint="name another file with --sheet")
    rows = most_foreign(known, new, count)
    pairs = reference.role is Role.SYMMETRIC
    lines = _pairs(rows, window, reference) if pairs else _queries(rows, window, new.vectors, reference, production)
    least = _least_similar(known)
    for line, cell in zip(lines, ["foreign", *("yes" if one.similarity < least else "no" for one in rows)], strict=True):
        line.append(cell)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, out.getvalue())
    except OSError as error:
        raise RunError(
            f"the sheet {path} cannot be written ({error.strerror or error})", hint="name another file with --sheet"
        ) from None
    return len(rows)


def _least_similar(known: Sample) -> float:
    """Return the cosine to the nearest other text of the reference that all but a share of `ORDINARY` of its texts have."""
    cosines = similarities(known.vectors, known.vectors, cosine=True)
    np.fill_diagonal(cosines, -1.0)
    return float(np.quantile(cosines.max(axis=1), ORDINARY))


def _queries(
    rows: Sequence[Foreign],
    window: Window,
    vectors: Floats,
    reference: Reference,
    production: Production | None,
) -> list[list[str]]:
    found = _candidates(vectors[[one.row for one in rows]], reference, production)
    width = max((len(one) for one in found), default=0)
    names = [name for number in range(1, width + 1) for name in (f"candidate_{number}", f"candidate_{number}_id")]
    lines = [["anchor", "positive", "window_id", *names]]
    for one, candidates in zip(rows, found, strict=True):
        cells = [cell for text, name in candidates for cell in (text, name)]
        about = [window.texts[one.row], "", window.ids[one.row]]
        lines.append([*about, *cells, *[""] * (2 * (width - len(candidates)))])
    return lines


def _pairs(rows: Sequence[Foreign], window: Window, reference: Reference) -> list[list[str]]:
    lines = [["sentence1", "sentence2", "score", "window_id"]]
    lines += [[window.texts[one.row], reference.texts[one.nearest], "", window.ids[one.row]] for one in rows]
    return lines


def _candidates(vectors: Floats, reference: Reference, production: Production | None) -> list[list[tuple[str, str]]]:
    """Return for each text the nearest documents, texts and ids: of production where it keeps texts, else of the reference."""
    if production is not None and production.index is not None and (texts := production.stored.texts) is not None:
        stored = production.stored
        _, places = production.nearest(vectors, CANDIDATES)
        return [[(texts[int(at)].as_py(), stored.ids[int(at)].as_py()) for at in line] for line in places]
    if not reference.documents:
        return [[] for _ in vectors]
    scores = similarities(vectors, reference.document_vectors, reference.about.similarity == "cosine")
    best = np.argsort(-scores, axis=1, kind="stable")[:, :CANDIDATES]
    return [[(reference.documents[int(at)], reference.document_ids[int(at)]) for at in line] for line in best]
