"""Which texts belong together: found from the texts, and the same as a plain search over all pairs of rows finds."""

from __future__ import annotations

import numpy as np
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from data.splits.hashes import hash_rows
from data.splits.near_duplicates import near_texts
from train.fit.batches.relevance import Relevance

rows = st.lists(st.tuples(st.integers(0, 9), st.integers(5, 15), st.integers(5, 25)), min_size=1, max_size=20)


def test_equal_texts_have_one_number_in_all_columns() -> None:
    table = Dataset.from_dict(
        {
            "row": ["f:1", "f:2"],
            "anchor": ["What is a pod?", "kubernetes"],
            "positive": ["The smallest unit.", "what  is a POD?"],
            "negative_1": ["A whale.", "the smallest unit."],
        }
    )
    found = Relevance.of(table)
    assert found.queries[0] == found.documents[1, 0]
    assert found.documents[0, 0] == found.documents[1, 1]
    assert len({*found.queries.tolist(), *found.documents.ravel().tolist()}) == 4 == found.size
    assert found.keys().tolist() == [[found.queries[i], *found.documents[i]] for i in range(2)]


@settings(deadline=None)
@given(rows=rows)
def test_rows_are_tied_where_a_text_of_one_is_relevant_to_another(rows: list[tuple[int, int, int]]) -> None:
    queries = np.array([query for query, _, _ in rows])
    documents = np.array([[positive, negative] for _, positive, negative in rows])
    found = Relevance(queries, documents)
    relevant: dict[int, set[int]] = {}
    for query, positive, _ in rows:
        relevant.setdefault(query, {query}).add(positive)
    for i, (query, positive, negative) in enumerate(rows):
        others = [row for j, row in enumerate(rows) if j != i]
        theirs = {text for _, *documents in others for text in documents}
        clash = bool(relevant[query] & theirs) or any(relevant[q] & {positive, negative} for q, _, _ in others)
        inside = query in (positive, negative) or negative in relevant[query]
        assert not (clash or inside) or found.tied[i]  # a tie too many costs a look, one too few a false negative
    taught = {query * found.size + text for query, texts in relevant.items() for text in texts if text != query}
    assert set(found.taught.tolist()) == taught
    codes = {query * found.size + text for query, texts in relevant.items() for text in texts}
    codes |= {text * found.size + query for query, texts in relevant.items() for text in texts}
    assert set(found.pairs.tolist()) <= codes == set(found.all_pairs.tolist())
    own = {(query, text) for i, (query, *_) in enumerate(rows) if found.tied[i] for text in relevant[query]}
    looked_up = {query * found.size + text for pair in own for query, text in (pair, pair[::-1])}
    assert looked_up <= set(found.pairs.tolist())


def test_rows_without_a_text_in_common_are_not_tied() -> None:
    found = Relevance(np.array([0, 1, 2]), np.array([[3, 9], [4, 9], [5, 8]]))
    assert not found.tied.any()  # two rows may share a negative
    assert len(found.pairs) == 0
    assert len(set(found.groups[0].tolist())) == 3


def test_groups_hang_together_through_queries_and_positives_but_not_through_negatives() -> None:
    queries = np.array([0, 0, 1, 2, 3])
    documents = np.array([[10, 12], [11, 15], [11, 15], [12, 15], [13, 10]])
    group, text = Relevance(queries, documents).groups
    assert len(set(group[:3].tolist())) == 1
    assert len(set(group.tolist())) == 3
    assert text.tolist() == [0, 11, 11, 12, 13]


@settings(deadline=None)
@given(rows=rows, data=st.data())
def test_rows_that_are_not_trained_on_count_as_if_they_were(rows: list[tuple[int, int, int]], data: st.DataObject) -> None:
    """What belongs together among the texts of some rows is the same, whether the other rows are in the table or only told."""
    kept = data.draw(st.lists(st.sampled_from(range(len(rows))), min_size=1, unique=True))
    columns = {"anchor": [f"q{row[0]}" for row in rows], "positive": [f"q{row[1]}" for row in rows]}
    whole = Dataset.from_dict(columns)
    hashes = hash_rows(whole.add_column("group", [""] * len(rows)))
    others = np.setdiff1d(np.arange(len(rows)), kept)
    part = whole.select(kept)
    found = Relevance.of(part, np.stack([hashes.first, hashes.second], axis=1)[others])
    texts = dict(zip([*found.queries, *found.documents[:, 0]], [*part["anchor"], *part["positive"]], strict=True))
    together = {(texts[code // found.size], texts[code % found.size]) for code in found.all_pairs.tolist()}
    here = {*part["anchor"], *part["positive"]}
    asked = {*part["anchor"]}
    expected = {pair for pair in zip(columns["anchor"], columns["positive"], strict=True) if set(pair) <= here}
    ways = {way for pair in expected for way in (pair, pair[::-1])}
    assert together - {(text, text) for text in here} == {(one, other) for one, other in ways if one != other}
    assert {(text, text) for text in asked} <= together
    taught = {(texts[code // found.size], texts[code % found.size]) for code in found.taught.tolist()}
    assert taught == {pair for pair in zip(part["anchor"], part["positive"], strict=True) if pair[0] != pair[1]}
    for i, row in enumerate(part):
        if any(query == row["anchor"] and document != row["positive"] for query, document in expected):
            assert found.tied[i]
    group = {text: found.groups[0][i] for i, row in enumerate(part) for text in (row["anchor"], row["positive"])}
    assert all(group[one] == group[other] for one, other in expected)


def test_near_duplicates_are_one_text() -> None:
    manual = "open the settings of the printer and press the button that says reset until the light goes out"
    table = Dataset.from_dict(
        {
            "row": ["f:1", "f:2", "f:3"],
            "group": [""] * 3,
            "anchor": ["how do I reset it?", "the printer hangs", "where is the paper?"],
            "positive": [manual, f"Then {manual}.", "in the lower tray"],
        }
    )
    near = near_texts({"train": table}, {"train": hash_rows(table)}, 0.8)
    exact, found = Relevance.of(table), Relevance.of(table, near=near)
    assert exact.tied.tolist() == [False] * 3 and found.tied.tolist() == [True, True, False]
    assert found.documents[0, 0] == found.documents[1, 0] != found.documents[2, 0]
    hashes = hash_rows(table)
    related = np.array([[hashes.first[2], hashes.second[1]]])
    told = Relevance.of(table, related, near)
    assert told.queries[2] * told.size + told.documents[0, 0] in told.all_pairs
