"""Findings about which rows hold the same text: in two splits, in several rows of one, on both sides of one; and about scores."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from data.arrow import batches_of
from data.findings import A_FEW, EXAMPLES, Done, Finding, Severity
from data.prepared import PreparedDataset
from data.schema import SPLITS, RowKind, text_columns, text_id
from data.splits.hashes import Hashes, RowHashes
from data.splits.leaks import leaks_between
from data.splits.near_duplicates import NearTexts

if TYPE_CHECKING:
    from datasets import Dataset


FEWEST_ALIKE = 20
"""Rows, or distinct texts, below which texts that are alike say nothing."""
ONE_TEXT = 0.5
"""Share of the rows with one document from which on that is worth a word."""
LOOKED_AT = 1000
"""Texts that are compared."""
LONG_ENOUGH, MOSTLY_SHARED = 200, 0.9
"""Characters of the median text, and the share of them that all have, from which on texts are nearly all alike."""


def row_ids(table: Dataset, rows: np.ndarray) -> list[str]:
    """Return the ids (file and line) of the first of some rows."""
    return [str(table[int(row)]["row"]) for row in rows[:EXAMPLES]]


def found_rows(
    code: str,
    what: str,
    split: str,
    table: Dataset,
    mask: np.ndarray,
    *,
    like: Hashes | None = None,
    unlike: np.ndarray | None = None,
    done: Done = Done.KEPT,
    severity: Severity | None = None,
) -> list[Finding]:
    """Return a finding about the rows in `mask`; none where there are none.

    Args:
        like: a key a row [N]; the first other row with the same key is named beside each example.
        unlike: a value a row [N] in which that other row differs.
    """
    rows = np.flatnonzero(mask)
    if not len(rows):
        return []
    partners = [] if like is None else row_ids(table, np.array([_other(like, row, unlike) for row in rows[:EXAMPLES]]))
    return [Finding(code, f"{split}: {what}", len(rows), len(mask), split, row_ids(table, rows), partners, done, severity)]


def few(mask: np.ndarray) -> Severity | None:
    """Return the severity of what is a warning only where it is more than an exception."""
    return Severity.INFO if len(mask) and mask.mean() < A_FEW else None


def _other(keys: Hashes, row: int, unlike: np.ndarray | None) -> int:
    """Return the first other row with the same key, of another value where one is given; the row itself where there is none."""
    same = np.flatnonzero(keys == keys[row])
    return int(next((other for other in same if other != row and (unlike is None or unlike[other] != unlike[row])), row))


def leak_findings(data: PreparedDataset, hashes: Mapping[str, RowHashes]) -> list[Finding]:
    """Return what two splits have in common. Leaks into train come from the loading, which may have dropped them."""

    def name(split: str, row: int) -> str:
        return str(data.splits[split][row]["row"])

    scored = data.kind is RowKind.SCORED
    found = list(data.leaks or ())
    names = [name for name in SPLITS if name in hashes]
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            if one != "train" or data.leaks is None:
                own, of = ("train", other) if one == "train" else (other, one)
                leaks = leaks_between(own, hashes[own], of, hashes[of], data.kind, data.near)
                found += [leak.finding(name, Done.KEPT) for leak in leaks]
            if scored or not data.own_corpus:  # the documents of a corpus are shared by nature
                found += _shared_texts(data, hashes, one, other, scored)
    return found


def _shared_texts(data: PreparedDataset, hashes: Mapping[str, RowHashes], one: str, other: str, scored: bool) -> list[Finding]:
    """Return rows of a later split with a single text that an earlier one has."""
    known, mine = hashes[one], hashes[other]
    if scored:
        sentences = np.concatenate([known.first, known.second])
        mask = np.isin(mine.first, sentences) | np.isin(mine.second, sentences)
        code, what = "leak.sentence", f"rows of {other} with a sentence that is also in {one}"
    else:
        mask = np.isin(mine.second, known.second)
        code, what = "leak.document", f"rows of {other} whose document is also in {one}"
    rows = np.flatnonzero(mask)
    return [Finding(code, what, len(rows), len(mask), other, row_ids(data.splits[other], rows))] if len(rows) else []


def row_findings(name: str, table: Dataset, rows: RowHashes, scored: bool, near: NearTexts | None) -> list[Finding]:
    """Return findings about the rows of one split."""
    pairs = rows.unordered_pairs() if scored else rows.pairs()
    copies = _repeated(pairs)
    found = found_rows("duplicate.pair", "rows that repeat an earlier pair of texts", name, table, copies, like=pairs)
    if near is not None:
        alike = near.rows(rows)
        keys = alike.unordered_pairs() if scored else alike.pairs()
        mask = _repeated(keys) & ~copies
        found += found_rows("duplicate.near", "rows that nearly repeat an earlier pair of texts", name, table, mask, like=keys)
        if not scored:
            mask = _together(alike.second, alike.first) & ~_together(rows.second, rows.first)
            what = "rows whose positive is nearly that of another query"
            found += found_rows("group.near", what, name, table, mask, like=alike.second)
    same = rows.first == rows.second
    if scored:
        low = same & (table.data.column("score").to_numpy() < 0.9)
        what = "equal texts with a score below 0.9"
        found += found_rows("pair.low_score", what, name, table, low, severity=few(low))
    else:
        found += found_rows("pair.equal", "anchor and positive are the same text", name, table, same)
    return found + _negatives(name, table, rows, pairs)


def alike_findings(name: str, table: Dataset, rows: RowHashes) -> list[Finding]:
    """Return documents (second sentences) that are nearly all the same, or the same but for a few characters."""
    count = len(table)
    if count < FEWEST_ALIKE:
        return []
    values, counts = np.unique(rows.second, return_counts=True)
    commonest = rows.second == values[counts.argmax()]
    if len(values) > 1 and commonest.mean() >= ONE_TEXT:
        return found_rows("columns.alike", "most rows have one and the same document", name, table, commonest)
    column = text_columns(table.column_names)[1]
    picked = np.unique(np.linspace(0, count - 1, min(count, LOOKED_AT)).astype(np.int64))
    texts = sorted(set(table.select(picked)[column]))
    if len(texts) < FEWEST_ALIKE:
        return []
    shared = _common(texts) + _common(sorted(text[::-1] for text in texts))
    usual = float(np.median([len(text) for text in texts]))
    if usual < LONG_ENOUGH or shared < MOSTLY_SHARED * usual:
        return []
    what = f"{name}: nearly all documents are the same but for a few characters: of {usual:.0f} about {shared:.0f} are shared"
    return [Finding("columns.alike", what, count, count, name, row_ids(table, picked[:EXAMPLES]))]


def _common(ordered: Sequence[str]) -> int:
    """Return how many characters at the start nearly all of some sorted texts share: all but the first and last of forty."""
    spare = len(ordered) // 40
    pairs = zip(ordered[spare], ordered[-1 - spare], strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def group_findings(name: str, table: Dataset, rows: RowHashes) -> list[Finding]:
    """Return texts that stand in several rows of one split: no mistake, but batches have to know."""
    done = Done.MASKED if name == "train" else Done.KEPT
    found: list[Finding] = []
    for code, what, one, other in (
        ("group.positive", "rows whose positive also belongs to another query", rows.second, rows.first),
        ("group.query", "rows whose query also has another positive", rows.first, rows.second),
    ):
        found += found_rows(code, what, name, table, _together(one, other), like=one, done=done)
    return found


def _negatives(name: str, table: Dataset, rows: RowHashes, pairs: Hashes) -> list[Finding]:
    clash, relevant = np.zeros((2, len(rows)), dtype=bool)
    for negative in rows.negatives:
        clash |= (negative == rows.second) | (negative == rows.first)
        relevant |= np.isin(dataclasses.replace(rows, second=negative).pairs(), pairs)
    found = found_rows("negative.positive", "a negative equals the anchor or the positive", name, table, clash)
    what = "a negative is the positive of the same query in another row"
    return found + found_rows("negative.elsewhere", what, name, table, relevant & ~clash)


def score_findings(name: str, table: Dataset, rows: RowHashes) -> list[Finding]:
    """Return rows whose pair of texts has more than one score in the split."""
    pairs, scores = rows.unordered_pairs(), table.data.column("score").to_numpy()
    _, inverse = np.unique(pairs, return_inverse=True)
    low, high = np.full(len(pairs), np.inf), np.full(len(pairs), -np.inf)
    np.minimum.at(low, inverse, scores)
    np.maximum.at(high, inverse, scores)
    mask = (high > low)[inverse]
    what = "the same pair of texts with another score"
    return found_rows("score.conflict", what, name, table, mask, like=pairs, unlike=scores, severity=few(mask))


def corpus_findings(corpus: Dataset) -> list[Finding]:
    """Return documents of a corpus that repeat an earlier one; examples are document ids."""
    first: dict[int, str] = {}
    count, examples, partners = 0, list[str](), list[str]()
    for ids, texts in batches_of(corpus, ["id", "text"]):
        for identity, text in zip(ids, texts, strict=True):
            earlier = first.setdefault(int(text_id(text), 16), identity)
            if earlier != identity and text:
                count += 1
                if len(examples) < EXAMPLES:
                    examples.append(f"document {identity}")
                    partners.append(f"document {earlier}")
    what = "documents of the corpus that repeat an earlier one"
    return [Finding("duplicate.document", what, count, len(corpus), None, examples, partners)] if count else []


def _repeated(keys: Hashes) -> np.ndarray:
    """Return the mask of the rows whose key occurred before."""
    mask = np.ones(len(keys), dtype=bool)
    mask[np.unique(keys, return_index=True)[1]] = False
    return mask


def _together(keys: Hashes, others: Hashes) -> np.ndarray:
    """Return the mask of the rows whose key stands with several others."""
    order = np.lexsort((others, keys))
    new_key = np.concatenate([[True], keys[order][1:] != keys[order][:-1]]) if len(keys) else np.empty(0, dtype=bool)
    new = new_key | np.concatenate([[True], others[order][1:] != others[order][:-1]]) if len(keys) else new_key
    group = np.cumsum(new_key) - 1
    several = np.bincount(group, weights=new, minlength=1) > 1
    mask = np.zeros(len(keys), dtype=bool)
    mask[order] = several[group]
    return mask
