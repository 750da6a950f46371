"""Mining against hand-computed searches, a second implementation, and rules that must hold for any data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data.mining.mine import mine, unlimited
from data.mining.texts import MiningTexts, mining_texts
from data.spec import MiningSpec
from tests.support.mining import OPEN, corpus, mine_by_hand, random_texts, table


@pytest.fixture
def plane(tmp_path: Path) -> tuple[MiningTexts, dict[str, float]]:
    """One query at 0° with its positive at 30°, and documents around it."""
    angles = {"q": 0.0, "pos": 30.0, "at 10": 10.0, "at 29": -29.0, "at 40": 40.0, "at 60": 60.0, "at 90": 90.0}
    texts = mining_texts(table(tmp_path, [("q", "pos")]), corpus(tmp_path, [name for name in angles if name != "q"]))
    return texts, angles


def test_the_first_ranks_are_taken_and_known_positives_have_no_rank(plane: Any) -> None:
    mined, names = mine_by_hand(*plane, MiningSpec(negatives=3, **OPEN))
    assert names == [["at 10", "at 29", "at 40"]]  # the positive, at 30, would stand between the last two
    assert mined.ranks.tolist() == [[1, 2, 3]]
    assert mined.scores[0] == pytest.approx(np.cos(np.deg2rad([10, 29, 40])), abs=1e-6)
    assert mined.positive_scores[0] == pytest.approx(np.cos(np.pi / 6), abs=1e-6)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        # the positive's cosine is 0.8660; 95% of it are 0.8227, and cos 40° is 0.7660
        ({"max_share_of_positive": 0.95}, "at 40"),
        ({"max_share_of_positive": 1.0}, "at 40"),
        # 0.5 / 0.8660 is a share of 0.577
        ({"max_share_of_positive": 0.58}, "at 60"),
        ({"max_share_of_positive": 0.57}, "at 90"),
        ({"margin": 0.05}, "at 40"),
        ({"margin": 0.15}, "at 60"),
        # 20° from the positive are a cosine of 0.9397, 10° are 0.9848, 59° are 0.5150
        ({"near_positive": 0.93}, "at 29"),
        ({"near_positive": 0.95}, "at 10"),
        ({"rank_from": 4}, "at 60"),
    ],
)
def test_what_each_filter_lets_pass(plane: Any, filters: dict[str, Any], expected: str) -> None:
    _, names = mine_by_hand(*plane, MiningSpec(**{**OPEN, **filters}))
    assert names == [[expected]]


def test_what_was_refused_is_counted(plane: Any) -> None:
    mined, _ = mine_by_hand(*plane, MiningSpec(rank_from=1, near_positive=0.93, max_share_of_positive=0.95))
    # of five candidates "at 10" and "at 40" are near the positive, "at 29" is as similar to the query as the positive
    assert {key: mined.counts[key] for key in ("candidates", "refused_near", "refused_margin")} == {
        "candidates": 5,
        "refused_near": 2,
        "refused_margin": 1,
    }


def test_a_share_of_a_negative_similarity_is_below_it(tmp_path: Path) -> None:
    angles = {"q": 0.0, "pos": 120.0, "at 118": 118.0, "at 121": 121.0, "at 125": 125.0}  # cosines -0.5, -0.469, -0.515, -0.574
    texts = mining_texts(table(tmp_path, [("q", "pos")]), corpus(tmp_path, list(angles)[1:]))
    _, names = mine_by_hand(texts, angles, MiningSpec(rank_from=1, near_positive=None))
    assert names == [["at 125"]]  # -0.5 - 0.05 · 0.5 = -0.525


def test_each_row_is_measured_by_its_own_positive(tmp_path: Path) -> None:
    angles = {"q": 0.0, "near": 10.0, "far": 50.0, "between": 30.0, "beyond": 70.0}
    texts = mining_texts(table(tmp_path, [("q", "near"), ("q", "far")]), corpus(tmp_path, list(angles)[1:]))
    _, names = mine_by_hand(texts, angles, MiningSpec(rank_from=1, near_positive=None))
    assert names == [["between"], ["beyond"]]


def test_equal_texts_rows_of_the_same_query_and_paraphrases_count_as_positives(tmp_path: Path) -> None:
    pairs = [
        ("How to fly?", "Wings"),
        ("HOW  to fly?", "wings "),
        ("how to fly?", "Engines"),
        ("Fly how", "How to fly?"),
        ("x", "y"),
    ]
    texts = mining_texts(table(tmp_path, pairs))
    assert len(texts.queries) == 3
    # "How to fly?" is a document, too: it and the query whose positive it is belong to it
    known = {texts.documents[i] for i in texts.known_of(texts.row_query[0])}
    assert known == {"Wings", "Engines", "How to fly?"}
    assert {texts.documents[i] for i in texts.known_of(texts.row_query[3])} == {"How to fly?"}


def test_a_query_found_in_the_corpus_is_no_negative_and_neither_is_its_paraphrase(tmp_path: Path) -> None:
    texts = mining_texts(table(tmp_path, [("a", "b"), ("c", "a")]), corpus(tmp_path, ["a", "b", "c", "d", ""]))
    assert sorted(texts.documents) == ["a", "b", "c", "d"]
    assert {texts.documents[i] for i in texts.known_of(texts.row_query[0])} == {"a", "b", "c"}


class Cross:
    """A cross-encoder that thinks little of some documents, and remembers what it was asked."""

    def __init__(self, scores: dict[str, float]) -> None:
        self.scores, self.asked = scores, []

    def __call__(self, pairs: Any) -> np.ndarray:
        self.asked += [document for _, document in pairs]
        return np.array([self.scores[document] for _, document in pairs])


def test_the_cross_encoder_is_asked_until_enough_pass(plane: Any) -> None:
    cross = Cross({"at 10": 0.9, "at 29": 0.05, "at 40": 0.11, "at 60": 0.1, "at 90": 0.0})
    mined, names = mine_by_hand(*plane, MiningSpec(negatives=2, **OPEN), cross)
    assert names == [["at 29", "at 60"]]
    assert cross.asked == ["at 10", "at 29", "at 40", "at 60"]  # each once, and none that is not needed
    assert (mined.counts["cross_scored"], mined.counts["refused_cross"]) == (4, 2)


def test_rows_without_candidates_are_filled_from_outside_the_window(tmp_path: Path) -> None:
    documents = [f"d{i}" for i in range(200)]
    angles = {"q": 0.0, "pos": 80.0, **{name: 1 + 0.3 * i for i, name in enumerate(documents)}}
    texts = mining_texts(table(tmp_path, [("q", "pos")]), corpus(tmp_path, ["pos", *documents]))
    mined, names = mine_by_hand(texts, angles, MiningSpec(negatives=2, rank_from=1, rank_to=20))
    assert mined.ranks.tolist() == [[0, 0]] and mined.counts["drawn"] == 2
    assert len(set(names[0])) == 2 and all(angles[name] > 1 + 0.3 * 19 for name in names[0])
    assert mined.scores[0] == pytest.approx(np.cos(np.deg2rad([angles[name] for name in names[0]])), abs=1e-6)


def test_what_is_drawn_comes_from_behind_the_window_where_it_can(tmp_path: Path) -> None:
    """The ranks before the window are left out because what is there may belong to the query: drawing must not bring it back."""
    documents = [f"d{i}" for i in range(40)]
    angles = {"q": 0.0, "pos": 0.0, **{name: (40 if i < 16 else 45) + i for i, name in enumerate(documents)}}
    texts = mining_texts(table(tmp_path, [("q", "pos")]), corpus(tmp_path, ["pos", *documents]))
    spec = MiningSpec(negatives=4, rank_from=17, rank_to=20, near_positive=None, max_cross_score=0.5)
    # the cross-encoder refuses the window itself
    mined, names = mine_by_hand(texts, angles, spec, Cross({name: float(16 <= i < 20) for i, name in enumerate(documents)}))
    assert mined.counts["drawn"] == 4 and all(angles[name] > 64 for name in names[0])
    only = mining_texts(table(tmp_path, [("q", "pos")], "short"), corpus(tmp_path, ["pos", *documents[:16]]))
    mined, names = mine_by_hand(only, angles, spec)
    assert mined.counts["drawn"] == 4  # nothing is behind it


def test_what_is_drawn_keeps_within_the_limits_where_it_can(tmp_path: Path) -> None:
    """Fewer documents than the window begins with: all are drawn. One says what the positive says, one is as near the query."""
    angles = {"q": 0.0, "pos": 30.0, "same": 35.0, "nearer": -10.0, "far": 70.0, "farther": 100.0}
    texts = mining_texts(table(tmp_path, [("q", "pos")]), corpus(tmp_path, [name for name in angles if name != "q"]))
    spec = MiningSpec(negatives=2, near_positive=0.95, max_share_of_positive=0.95)
    mined, names = mine_by_hand(texts, angles, spec)
    assert sorted(names[0]) == ["far", "farther"] and mined.ranks.tolist() == [[0, 0]]
    cross = Cross({"far": 0.9, "farther": 0.0})
    mined, names = mine_by_hand(texts, angles, spec.model_copy(update={"max_cross_score": 0.1}), cross)
    assert names == [["farther", "farther"]] and mined.counts["repeated"] == 1
    mined, names = mine_by_hand(texts, angles, unlimited(spec.model_copy(update={"negatives": 4})))
    assert sorted(names[0]) == ["far", "farther", "nearer", "same"]


def test_rows_without_any_are_filled_from_other_settings(tmp_path: Path) -> None:
    angles = {"q": 0.0, "pos": 30.0, "same": 31.0}
    texts = mining_texts(table(tmp_path, [("q", "pos")]), corpus(tmp_path, ["pos", "same"]))
    strict, names = mine_by_hand(texts, angles, MiningSpec())
    # the one other document is refused as nearly the positive, which is no reason to say that it belongs to the query
    assert names == [[""]] and strict.counts["rows_without"] == strict.counts["rows_refused"] == 1
    strict.fill_from(mine_by_hand(texts, angles, unlimited(MiningSpec()))[0])
    assert (
        texts.documents[strict.documents[0, 0]] == "same" and strict.counts["rows_without"] == strict.counts["rows_refused"] == 0
    )


def test_a_row_to_which_everything_belongs_has_no_negative(tmp_path: Path) -> None:
    angles = {"q": 0.0, "r": 50.0, "a": 10.0, "b": 20.0}
    texts = mining_texts(table(tmp_path, [("q", "a"), ("q", "b"), ("r", "b")]))
    mined, names = mine_by_hand(texts, angles, MiningSpec(negatives=2, **OPEN))
    assert names == [["", ""], ["", ""], ["a", "a"]]
    assert mined.complete.tolist() == [False, False, True]
    assert (mined.counts["rows_without"], mined.counts["rows_refused"], mined.counts["repeated"]) == (2, 0, 1)


@given(
    seed=st.integers(0, 1000),
    negatives=st.integers(1, 4),
    sampling=st.sampled_from(["top", "random"]),
    rank_from=st.integers(1, 5),
    share=st.sampled_from([None, 0.5, 0.95]),
)
@settings(max_examples=25, deadline=None)
def test_what_holds_for_any_data(
    tmp_path_factory: pytest.TempPathFactory, seed: int, negatives: int, sampling: Any, rank_from: int, share: float | None
) -> None:
    texts, queries, documents, _ = random_texts(tmp_path_factory.mktemp("any"), 40, 12, 30, seed)
    spec = MiningSpec(
        negatives=negatives, sampling=sampling, rank_from=rank_from, rank_to=12, max_share_of_positive=share, near_positive=0.9
    )
    mined = mine(texts, queries, documents, spec)
    q, d = (torch.nn.functional.normalize(one, dim=1).numpy() for one in (queries, documents))
    for row in np.flatnonzero(mined.complete):
        query = texts.row_query[row]
        known = set(texts.row_document[texts.row_query == query].tolist())
        order = [i for i in np.argsort(-(d @ q[query]), kind="stable").tolist() if i not in known]
        positive = float(q[query] @ d[texts.row_document[row]])
        limit = np.inf if share is None else positive - (1 - share) * abs(positive)
        for document, rank, score in zip(mined.documents[row], mined.ranks[row], mined.scores[row], strict=True):
            assert document not in known
            assert score == pytest.approx(float(q[query] @ d[document]), abs=1e-5)
            if rank:
                assert rank_from <= rank <= 12 and order[rank - 1] == document
                assert score <= limit + 1e-5
                assert max(float(d[document] @ d[one]) for one in known) < 0.9 + 1e-5
        admitted = [
            i for i in order[rank_from - 1 : 12] if q[query] @ d[i] <= limit and max(float(d[i] @ d[one]) for one in known) < 0.9
        ]
        assert (mined.ranks[row] > 0).sum() == min(negatives, len(admitted)) or mined.counts["repeated"]


def test_it_agrees_with_sentence_transformers(tmp_path: Path) -> None:
    """The library's own miner, over the same model, window and relative margin, on pairs in which each query has one positive."""
    from sentence_transformers.util import mine_hard_negatives

    rng = np.random.default_rng(3)
    pairs = [(f"q{i}", f"d{i}") for i in range(60)]
    rows = table(tmp_path, pairs)
    vectors = {name: rng.normal(size=6) for pair in pairs for name in pair}
    texts = mining_texts(rows)
    own = mine(
        texts,
        *(torch.from_numpy(np.array([vectors[x] for x in side], dtype=np.float32)) for side in (texts.queries, texts.documents)),
        MiningSpec(negatives=3, rank_from=1, rank_to=30, near_positive=None),
    )

    class Model:
        similarity_fn_name = "cosine"
        model_card_data = None
        device = torch.device("cpu")

        def encode(self, names: Any, **_: Any) -> Any:
            found = np.array([vectors[name] for name in names], dtype=np.float32)
            return found / np.linalg.norm(found, axis=1, keepdims=True)

        encode_query = encode_document = encode

        def similarity(self, one: Any, other: Any) -> torch.Tensor:
            return torch.as_tensor(one) @ torch.as_tensor(other).T

        def similarity_pairwise(self, one: Any, other: Any) -> torch.Tensor:
            return (torch.as_tensor(one) * torch.as_tensor(other)).sum(dim=1)

    stock = mine_hard_negatives(
        rows.select_columns(["anchor", "positive"]),
        Model(),  # type: ignore[arg-type]
        anchor_column_name="anchor",
        positive_column_name="positive",
        range_max=30,
        relative_margin=0.05,
        num_negatives=3,
        output_format="n-tuple",
        verbose=False,
    )
    expected = {row["anchor"]: [row[f"negative_{i}"] for i in (1, 2, 3)] for row in stock}
    full = (own.ranks > 0).all(axis=1) & (own.positive_scores > 0)  # the library's share of a negative number lies above it
    ours = {pairs[i][0]: [texts.documents[j] for j in own.documents[i]] for i in np.flatnonzero(full)}
    assert len(ours) > 10
    assert ours == {query: expected[query] for query in ours}


def test_a_row_draws_the_same_whatever_rows_there_are_besides(tmp_path: Path) -> None:
    pairs = [(f"q{i}", f"d{i}") for i in range(30)]
    rng = np.random.default_rng(0)
    vectors = {name: rng.normal(size=4).astype(np.float32) for pair in pairs for name in pair}
    everything = corpus(tmp_path, [document for _, document in pairs])

    def negatives(chosen: list[tuple[str, str]], seed: int) -> dict[str, list[str]]:
        texts = mining_texts(table(tmp_path, chosen, f"rows{len(chosen)}{seed}"), everything)
        both = [torch.from_numpy(np.array([vectors[x] for x in side])) for side in (texts.queries, texts.documents)]
        mined = mine(texts, *both, MiningSpec(negatives=2, rank_to=20, sampling="random", seed=seed, **OPEN))
        return {pair[0]: [texts.documents[i] for i in row] for pair, row in zip(chosen, mined.documents, strict=True)}

    whole = negatives(pairs, 0)
    part = negatives(pairs[7:2:-1], 0)
    assert part == {query: whole[query] for query in part}
    assert negatives(pairs, 1) != whole


def test_vectors_that_do_not_fit_are_refused(plane: Any) -> None:
    texts, _ = plane
    good, short = torch.ones(len(texts.documents), 2), torch.ones(1, 2)
    with pytest.raises(ValueError, match="1 document vectors do not fit"):
        mine(texts, short, short, MiningSpec())
    with pytest.raises(ValueError, match="query vector holds NaN"):
        mine(texts, short * torch.nan, good, MiningSpec())
