"""The token store gives the model's own ids in any order, and tokenises each text once. Files: see test_token_files."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer

from tests.support.tokenising import TEXTS, as_lists, count, segments_in, some_texts, stock_ids
from train.encode.tokens import store as tokens_module
from train.encode.tokens.store import TokenRows, TokenStore


@pytest.fixture(scope="module")
def long_lived(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TokenStore, SentenceTransformer]:
    model = SentenceTransformer(str(tiny_model), device="cpu")
    return TokenStore(model, tmp_path_factory.mktemp("store")), model


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=120) | st.sampled_from(TEXTS), max_size=12),
    prompt=st.sampled_from(["", "query: ", "Represent this: "]),
    max_tokens=st.sampled_from([2, 3, 9, 64]),
)
def test_ids_are_those_of_the_model(long_lived: Any, texts: list[str], prompt: str, max_tokens: int) -> None:
    store, model = long_lived
    expected = [stock_ids(model, text, prompt, max_tokens) for text in texts]
    rows = store.rows(texts, prompt, max_tokens)
    assert as_lists(rows) == expected
    assert rows.lengths.tolist() == [len(ids) for ids in expected]


def test_a_text_is_tokenised_once(model: SentenceTransformer, asked: list[str], tmp_path: Path) -> None:
    store = TokenStore(model, tmp_path)
    first = as_lists(store.rows(TEXTS, max_tokens=64))
    assert sorted(asked) == sorted(set(TEXTS))
    asked.clear()
    assert as_lists(store.rows(iter(TEXTS[::-1]), max_tokens=64)) == first[::-1]
    again = TokenStore(model, tmp_path)
    assert as_lists(again.rows(TEXTS, max_tokens=64)) == first
    assert not asked
    assert as_lists(again.rows([*TEXTS, "new"], max_tokens=64)) == [*first, stock_ids(model, "new")]
    assert asked[:1] == ["new"]


def test_a_saved_copy_shares_the_space(model: SentenceTransformer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = as_lists(TokenStore(model, tmp_path / "store").rows(TEXTS, "query: ", 20))
    with torch.no_grad():
        model[0].auto_model.embeddings.word_embeddings.weight.add_(1)
    model.preprocess(["leaves its padding and its length in the tokenizer"])
    model.save_pretrained(str(tmp_path / "tuned"), create_model_card=False)
    tuned = SentenceTransformer(str(tmp_path / "tuned"), device="cpu")
    tuned.max_seq_length = 31
    asked = count(tuned, monkeypatch)
    assert as_lists(TokenStore(tuned, tmp_path / "store").rows(TEXTS, "query: ", 20)) == expected
    assert not asked
    assert tuned.max_seq_length == 31


def add_token(model: SentenceTransformer) -> None:
    model.tokenizer.add_tokens(["two words"])
    model[0].auto_model.resize_token_embeddings(len(model.tokenizer))


def keep_case(model: SentenceTransformer) -> None:
    from tokenizers.normalizers import NFC

    model.tokenizer.backend_tokenizer.normalizer = NFC()


def cut_on_the_left(model: SentenceTransformer) -> None:
    model.tokenizer.truncation_side = "left"


def another_frame(model: SentenceTransformer) -> None:
    from tokenizers.processors import TemplateProcessing

    model.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        "[SEP] $A [CLS]", None, [("[CLS]", 101), ("[SEP]", 102)]
    )


def exchange_two_words(model: SentenceTransformer) -> None:
    import json

    from tokenizers import Tokenizer

    backend = json.loads(model.tokenizer.backend_tokenizer.to_str())
    vocabulary = backend["model"]["vocab"]
    vocabulary["two"], vocabulary["one"] = vocabulary["one"], vocabulary["two"]
    model.tokenizer._tokenizer = Tokenizer.from_str(json.dumps(backend))


CHANGES = [add_token, keep_case, cut_on_the_left, another_frame, exchange_two_words]


@pytest.mark.parametrize("change", CHANGES)
def test_another_tokenizer_is_another_space(model: SentenceTransformer, change: Callable, tmp_path: Path) -> None:
    before = as_lists(TokenStore(model, tmp_path).rows(TEXTS, max_tokens=64))
    change(model)
    after = as_lists(TokenStore(model, tmp_path).rows(TEXTS, max_tokens=64))
    assert after != before
    assert after == [stock_ids(model, text) for text in TEXTS]


@pytest.mark.parametrize("other", [{"prompt": "query: "}, {"prompt": "query:"}, {"max_tokens": 5}])
def test_another_prompt_or_length_is_another_space(model: SentenceTransformer, other: dict[str, Any], tmp_path: Path) -> None:
    usual = {"prompt": "", "max_tokens": 64}
    store = TokenStore(model, tmp_path)
    for settings_ in (usual, usual | other, usual):
        assert as_lists(store.rows(TEXTS, **settings_)) == [stock_ids(model, text, **settings_) for text in TEXTS]
    assert len({path.parent for path in segments_in(tmp_path)}) == 2


def test_take_in_any_order_over_several_segments(
    model: SentenceTransformer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tokens_module, "SEGMENT_TOKENS", 300)
    monkeypatch.setattr(tokens_module, "WINDOW_TEXTS", 50)
    texts = some_texts(400)
    rows = TokenStore(model, tmp_path).rows(texts, max_tokens=8)
    expected = as_lists(rows)
    assert len(rows.segments) > 3
    assert expected == [stock_ids(model, text, max_tokens=8) for text in texts]
    chosen = np.random.default_rng(0).integers(0, len(texts), 1000)
    for indices in (chosen, chosen.tolist(), torch.from_numpy(chosen), np.array([7, 7, 7]), [-1]):
        taken = rows.take(indices)
        assert (taken.ids.dtype, taken.lengths.dtype) == (torch.int64, torch.int64)
        assert [ids.tolist() for ids in taken.split()] == [expected[i] for i in indices]
    assert (len(rows.take([])), rows.take([]).total) == (0, 0)
    with pytest.raises(IndexError):
        rows.take([len(texts)])


def test_nothing_to_tokenise(model: SentenceTransformer, tmp_path: Path) -> None:
    rows = TokenStore(model, tmp_path).rows([], max_tokens=64)
    assert (len(rows), len(rows.lengths), len(rows.take([]))) == (0, 0, 0)
    assert not segments_in(tmp_path)


def test_long_texts_go_through_the_tokenizer_a_few_at_a_time(model: SentenceTransformer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_module, "BLOCK_CHARACTERS", 5000)
    monkeypatch.setattr(tokens_module, "WINDOW_TEXTS", 1500)
    widths, told = [], []
    stock = model.preprocess

    def measured(texts: list[str], **options: Any) -> Any:
        features = stock(texts, **options)
        widths.append(sum(len(text) for text in texts))
        assert len(texts) <= 1024
        return features

    monkeypatch.setattr(model, "preprocess", measured)
    texts = [*some_texts(2000), *("long " * 400 + str(i) for i in range(7))]
    rows = TokenStore(model).rows(texts, max_tokens=64, progress=told.append)
    assert len(rows) == len(texts)
    assert max(widths) <= 5000
    assert told == sorted(told)
    assert told[-1] == len(texts)
    told.clear()
    TokenStore(model).rows(["same"] * 10, max_tokens=64, progress=told.append)
    assert told == [10]


def take_in_child(rows: TokenRows) -> list[list[int]]:
    torch.set_num_threads(1)
    return as_lists(rows)


def test_rows_go_to_other_processes(model: SentenceTransformer, tmp_path: Path) -> None:
    texts = some_texts(500)
    stored, in_memory = (TokenStore(model, folder).rows(texts, max_tokens=64) for folder in (tmp_path, None))
    expected = as_lists(in_memory)
    # what is mapped travels as a path: 12 bytes a text and no ids
    assert len(pickle.dumps(stored)) < 12 * len(texts) + 2000 < len(pickle.dumps(in_memory))
    with get_context("fork").Pool(1) as pool:
        assert pool.map(take_in_child, [stored, in_memory]) == [expected, expected]
    for path in segments_in(tmp_path):
        path.unlink()  # as `prune` of another run does
    assert as_lists(stored) == expected
    assert as_lists(pickle.loads(pickle.dumps(stored))) == expected


def test_half_a_surrogate_pair_is_read_as_a_replacement(model: SentenceTransformer, tmp_path: Path) -> None:
    texts = ["a \ud800 b", "a \ufffd b", "\udc00", "a \ud83d\ude00 b"]
    found = as_lists(TokenStore(model, tmp_path).rows(texts, max_tokens=64))
    assert found == [stock_ids(model, text) for text in ("a \ufffd b", "a \ufffd b", "\ufffd", "a 😀 b")]


def test_taking_is_at_least_twenty_times_as_fast_as_tokenising(model: SentenceTransformer, tmp_path: Path) -> None:
    texts = some_texts(4000)
    rows = TokenStore(model, tmp_path).rows(texts, max_tokens=64)
    batches = np.random.default_rng(0).integers(0, len(texts), (5, 256))

    def seconds(work: Callable[[np.ndarray], object]) -> float:
        """The fastest of several, which other programs disturb least."""
        taken = []
        for batch in batches:
            began = time.perf_counter()
            work(batch)
            taken.append(time.perf_counter() - began)
        return min(taken)

    assert seconds(lambda batch: model.preprocess([texts[i] for i in batch])) > 20 * seconds(rows.take)
