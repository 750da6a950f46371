"""Near duplicates: texts that say the same but for a comma, a letter's case, or a few words out of many.

A text is the set of its shingles: three words in a row, written alike (`normalise_text`) and freed of sentence punctuation. Two
texts are near duplicates if all their words are the same in the same order; or if the Jaccard similarity of their sets reaches a
threshold *and* they hold the same numbers: "type 1" and "type 2", or two years, are another matter however long the text. So at
0.9 ten words must be all the same, twelve may have one more at an end, and sixty may differ in one within. Paraphrases are none.
In scripts without blanks, a sign with what combines with it counts as a word (`data.splits.scripts`).

Candidates come from MinHash (Broder 1997) in bands; each is checked against the texts, so that none is reported wrongly. A pair
just at the threshold is found with a probability of `RECALL` or more, at 0.9 of 0.999.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.arrow import batches_of
from data.progress import progress
from data.schema import normalise_text, text_columns
from data.splits.hashes import Hashes, RowHashes, mix
from data.splits.scripts import mostly_unspaced, spaced
from data.storage import atomic_path

if TYPE_CHECKING:
    from datasets import Dataset

NEAR_VERSION = "2"
"""Raised when the same texts have other near duplicates than before: files with the answer are not taken for the new one."""
SHINGLE = 3
"""Words of a shingle. With two, "male … than female" is "female … than male"."""
UNSPACED_SHINGLE = 5
"""Signs of a shingle by which candidates in scripts without blanks are checked: there a word is two or three signs, so that with
three a sentence of 30 words whose noun is another counted as the same, and of scripts with blanks only one of 60."""
BANDS = ((12, 8), (16, 6), (24, 4), (32, 3), (48, 2))
"""Bands, and MinHash values in each: a pair of similarity s becomes a candidate with the probability 1 - (1 - s^values)^bands."""
RECALL = 0.99
SEED = 1
"""Of the MinHash permutations: the same texts always give the same candidates."""
MOST_WORDS = 10_000
"""Words of a text that are examined."""
KNOWN_WORDS = 1 << 20
"""Words whose hash is remembered."""
STOPS = "。।॥۔؟։።፧။។៕།༎༏༑๚๛꧉᭟"
"""Ends of sentences in Chinese and Japanese, Devanagari, Urdu, Armenian, Ethiopic, Burmese, Khmer, Tibetan, Thai, Javanese and
Balinese, as NFKC leaves them."""
PAUSES = "、・،؛፣፤၊៖꧈᭞「」『』《》〈〉【】〔〕"
"""What these have for commas and quotation marks."""
EDGES = f".,;:!?\"'…“”„‘’«»¿¡()[]{STOPS}{PAUSES}"
"""Signs that are taken off both ends of a word; others, as in C++ and C#, tell texts apart."""
BETWEEN = frozenset([*".,…\"'“”„‘’«»¿¡", "-", "–", "—", *STOPS, *PAUSES])
"""What a sentence may have between its words; other words of nothing but signs, such as :: and :), tell texts apart."""
ENDS = f".!?…{STOPS}"
"""Signs at the end of a text that do not matter when they stand apart."""


@dataclass(frozen=True)
class NearTexts:
    """Which texts of a data set are near duplicates of one another.

    Attributes:
        similarity: the threshold, Jaccard similarity of the sets of shingles.
        texts: hashes (as in `RowHashes`) of the texts that have a near duplicate, ascending [K].
        groups: the hash that stands for the group of each [K]: that of its first text.
    """

    similarity: float
    texts: Hashes
    groups: Hashes

    def of(self, hashes: Hashes) -> Hashes:
        """Return the same hashes, where near duplicates have one and the same."""
        if not len(self.texts):
            return hashes
        place = np.minimum(np.searchsorted(self.texts, hashes), len(self.texts) - 1)
        return np.where(self.texts[place] == hashes, self.groups[place], hashes)

    def rows(self, rows: RowHashes) -> RowHashes:
        """Return rows in which near duplicates count as the same text."""
        return RowHashes(self.of(rows.first), self.of(rows.second), [self.of(one) for one in rows.negatives], rows.group)


def near_texts(
    tables: Mapping[str, Dataset], hashes: Mapping[str, RowHashes], similarity: float, path: Path | None = None
) -> NearTexts:
    """Return the near duplicates among all texts of all tables.

    Args:
        tables: rows by name.
        hashes: of the same rows.
        similarity: from which two texts are near duplicates, in 0.5..1.
        path: file in which the answer is kept; taken from there where it is. It must belong to these tables.
    """
    if path is not None and path.exists():
        with np.load(path) as kept:
            return NearTexts(similarity, kept["texts"], kept["groups"])
    texts = _Texts(tables, hashes)
    found = _groups(texts, similarity)
    if path is not None:
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, texts=found.texts, groups=found.groups)
    return found


class _Texts:
    """Each distinct text of the tables once, in the order in which they first come; `ids` [U] are their hashes in that order."""

    def __init__(self, tables: Mapping[str, Dataset], hashes: Mapping[str, RowHashes]) -> None:
        self.tables = tables
        columns = [column for name in tables for column in _columns(hashes[name])]
        unique, first = np.unique(np.concatenate([*columns, np.empty(0, dtype=np.uint64)]), return_index=True)
        order = np.argsort(first)
        self.ids, self._first = unique[order], first[order]

    def __len__(self) -> int:
        return len(self.ids)

    def read(self, numbers: np.ndarray) -> Iterator[tuple[np.ndarray, list[str]]]:
        """Yield the texts with these numbers (ascending), some thousand at a time, each lot with its numbers."""
        wanted, begin = self._first[numbers], 0
        for table in self.tables.values():
            for column in text_columns(table.column_names):
                for (values,) in batches_of(table, [column]):
                    low, high = np.searchsorted(wanted, [begin, begin + len(values)])
                    if high > low:
                        yield numbers[low:high], [values[place] for place in (wanted[low:high] - begin).tolist()]
                    begin += len(values)


def _columns(rows: RowHashes) -> list[Hashes]:
    return [rows.first, rows.second, *rows.negatives]


class _Words:
    """Texts as words, and words as hashes: 64 bits, of which the lowest says whether a digit is in the word."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def hashes(self, text: str) -> list[int]:
        """Return the words of a text, those that are no more than punctuation left out."""
        plain = normalise_text(text)
        if not plain.isascii():
            plain = spaced(plain)
        known, out = self._known, []
        written = plain.split(maxsplit=MOST_WORDS)[:MOST_WORDS]
        if written and not written[-1].strip(ENDS):
            written.pop()
        for word in written:
            value = known.get(word)
            if value is None:
                value = self._learn(word)
            if value:
                out.append(value)
        return out

    def _learn(self, word: str) -> int:
        if len(self._known) >= KNOWN_WORDS:
            self._known.clear()
        bare = word.strip(EDGES)
        if not bare:
            bare = "" if word in BETWEEN else word
        elif word[0] == "." and word[1:2].isalnum():  # .NET, .5
            bare = f".{bare}"
        value = int.from_bytes(hashlib.blake2b(bare.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
        value = (value & ~1 | any(sign.isdigit() for sign in bare)) if bare else 0
        self._known[word] = value
        return value


@dataclass(frozen=True)
class _Lot:
    """Some texts as flat shingles.

    Attributes:
        shingles: one hash each, text after text.
        starts: [N+1], where those of each text begin.
        whole: [N], hash of the words in their order; 0 where there are none.
        digits: [N], hash of the words with a digit in any order.
    """

    shingles: Hashes
    starts: np.ndarray
    whole: Hashes
    digits: Hashes

    @classmethod
    def of(cls, texts: Sequence[str], words: _Words, size: int = SHINGLE) -> _Lot:
        rows = [words.hashes(text) for text in texts]
        counts = np.array([len(row) for row in rows], dtype=np.int64)
        flat = np.fromiter((word for row in rows for word in row), dtype=np.uint64, count=int(counts.sum()))
        ends = np.cumsum(counts)
        row = np.repeat(np.arange(len(rows)), counts)
        place = np.arange(len(flat)) - (ends - counts)[row]
        whole = _sums(mix(flat ^ mix(place.astype(np.uint64))), row, len(rows))
        numbered = (flat & np.uint64(1)).astype(bool)
        digits = _sums(mix(flat[numbered]), row[numbered], len(rows))
        inside = np.flatnonzero(row[size - 1 :] == row[: max(len(row) - size + 1, 0)])
        shingles = np.zeros(len(inside), dtype=np.uint64)
        for offset in range(size):
            shingles = mix(shingles ^ flat[inside + offset])
        starts = np.concatenate([[0], np.cumsum(np.maximum(counts - size + 1, 0))])
        return cls(shingles, starts, np.where(counts > 0, mix(whole) | np.uint64(1), np.uint64(0)), digits)


def _sums(values: Hashes, row: np.ndarray, rows: int) -> Hashes:
    """Return the sum of the values of each row, modulo 2^64."""
    out = np.zeros(rows, dtype=np.uint64)
    np.add.at(out, row, values)
    return out


def _groups(texts: _Texts, similarity: float) -> NearTexts:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    bands, whole, digits = _signatures(texts, similarity)
    # equal but for punctuation: certain, whatever the length
    sure = _edges(whole)
    likely = np.unique(np.concatenate([np.empty((0, 2), dtype=np.int64), *map(_edges, bands.T)]), axis=0)
    likely = likely[(whole[likely[:, 0]] != whole[likely[:, 1]]) & (digits[likely[:, 0]] == digits[likely[:, 1]])]
    del bands
    edges = np.concatenate([sure, likely[_checked(texts, likely, similarity)]])
    linked = np.unique(edges)
    start, end = np.searchsorted(linked, edges[:, 0]), np.searchsorted(linked, edges[:, 1])
    graph = coo_array((np.ones(len(edges), dtype=np.int8), (start, end)), shape=(len(linked), len(linked)))
    number, label = connected_components(graph.tocsr(), directed=False) if len(linked) else (0, linked)
    first = np.full(number, len(texts), dtype=np.int64)
    np.minimum.at(first, label, linked)
    order = np.argsort(texts.ids[linked])
    return NearTexts(similarity, texts.ids[linked][order], texts.ids[first[label]][order])


def _signatures(texts: _Texts, similarity: float) -> tuple[np.ndarray, Hashes, Hashes]:
    """Return the band hashes [U, bands] (0 for texts too short to be similar), and `whole` and `digits` of each text [U]."""
    from rensa import RMinHash

    words, size = _Words(), len(texts)
    number, depth = next(one for one in BANDS if 1 - (1 - similarity ** one[1]) ** one[0] >= RECALL)
    bands = np.zeros((size, number), dtype=np.uint64)
    whole, digits = np.zeros(size, dtype=np.uint64), np.zeros(size, dtype=np.uint64)
    # a set of fewer shingles than this is like no other: one more or less is too much
    fewest = int(np.ceil(similarity / (1 - similarity) - 1e-9)) if similarity < 1 else np.iinfo(np.int64).max
    with progress("comparing texts", size, "text") as tick:
        for numbers, lot_texts in texts.read(np.arange(size)):
            lot = _Lot.of(lot_texts, words)
            tick(len(numbers))
            whole[numbers], digits[numbers] = lot.whole, lot.digits
            long = np.flatnonzero(np.diff(lot.starts) >= fewest)
            if not len(long):
                continue
            counts = np.diff(lot.starts)[long]
            begins = np.concatenate([[0], np.cumsum(counts)])
            places = np.repeat(lot.starts[long] - begins[:-1], counts) + np.arange(begins[-1])
            matrix = RMinHash.digest_matrix_from_flat_token_hashes(
                lot.shingles[places], begins.astype(np.uint64), number * depth, SEED
            )
            rows = np.array(matrix.to_rows(), dtype=np.uint64).reshape(len(long), number, depth)
            bands[numbers[long]] = _folded(rows, lot.digits[long])
    return bands, whole, digits


def _folded(rows: np.ndarray, digits: Hashes) -> np.ndarray:
    """Return one hash a band [N, bands] out of its MinHash values [N, bands, values] and the numbers in the text; never 0."""
    out = np.repeat(mix(digits)[:, None], rows.shape[1], axis=1)
    for place in range(rows.shape[2]):
        out = mix(out ^ rows[:, :, place])
    return out | np.uint64(1)


def _edges(keys: Hashes) -> np.ndarray:
    """Return pairs [E, 2] of numbers with the same key: the first that has it with each other one. 0 is no key."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(keys) else np.empty(0, dtype=np.int64)
    head = order[np.repeat(starts, np.diff(np.append(starts, len(keys))))]
    other = (head != order) & (ordered != 0)
    return np.stack([head[other], order[other]], axis=1)


def _checked(texts: _Texts, edges: np.ndarray, similarity: float) -> np.ndarray:
    """Return the mask [E] of the edges whose texts are that similar. Keeps 8 bytes for each shingle of the texts involved."""
    words = _Words()
    sets: dict[int, Hashes] = {}
    for numbers, lot_texts in texts.read(np.unique(edges)):
        unspaced = np.array([mostly_unspaced(text) for text in lot_texts], dtype=bool)
        for size, mask in ((SHINGLE, ~unspaced), (UNSPACED_SHINGLE, unspaced)):
            chosen = np.flatnonzero(mask)
            lot = _Lot.of([lot_texts[row] for row in chosen], words, size)
            for row, number in enumerate(numbers[chosen].tolist()):
                sets[number] = np.unique(lot.shingles[lot.starts[row] : lot.starts[row + 1]])
    out = np.zeros(len(edges), dtype=bool)
    for row, (one, other) in enumerate(edges.tolist()):
        shared = len(np.intersect1d(sets[one], sets[other], assume_unique=True))
        out[row] = shared >= similarity * (len(sets[one]) + len(sets[other]) - shared)
    return out
