"""Two halves side by side: every batch can be divided, errors and forks leave nothing behind, both passes compute the same."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer
from torch.utils.checkpoint import checkpoint

from train.encode.forward import columns, cpu_halves
from train.encode.forward.columns import embed_columns
from train.encode.forward.cpu_dropout import cheap_dropout
from train.encode.forward.packed import embed_packed, transformer_of
from train.encode.tokens.ragged import Tokens


@pytest.fixture(autouse=True)
def two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Batches are divided, also where the tests run with one thread."""
    monkeypatch.setattr(columns, "FEWEST_TOKENS", 10)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def model(tiny_model: Path) -> SentenceTransformer:
    return SentenceTransformer(str(tiny_model), device="cpu").eval()


def texts(*lengths: int) -> Tokens:
    """Texts of so many tokens each."""
    ids = torch.randint(1000, 2000, (sum(lengths),), generator=torch.Generator().manual_seed(0))
    return Tokens(ids, torch.tensor(lengths))


def gradients(model: SentenceTransformer) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def learn(model: SentenceTransformer, batch: Tokens, **options: Any) -> dict[str, torch.Tensor]:
    """Gradients of the sum of the first number of each embedding."""
    model.zero_grad()
    embed_columns(model, [batch], **options)[0][:, 0].float().sum().backward()
    return gradients(model)


@pytest.mark.parametrize("lengths", [(30,), (30, 30), (1, 60), (30, 30, 30), (60, 1, 1)], ids=str)
def test_every_batch_can_be_divided(model: SentenceTransformer, lengths: tuple[int, ...]) -> None:
    batch = texts(*lengths)
    with torch.no_grad():
        alone = torch.cat([embed_columns(model, [batch.select(torch.tensor([i]))])[0] for i in range(len(batch))])
        assert torch.allclose(embed_columns(model, [batch])[0], alone, atol=1e-6)
    assert all(torch.isfinite(gradient).all() for gradient in learn(model, batch).values())


def test_two_texts_of_one_length_are_two_halves(model: SentenceTransformer) -> None:
    divided = columns._halves(model, texts(30, 30), None, None)
    assert [[len(part.texts) for part in half] for half in divided] == [[1], [1]]


def test_encoding_leaves_the_generator_of_training_alone(model: SentenceTransformer) -> None:
    """Otherwise how often a run is judged would decide what its training drops."""
    before = torch.get_rng_state()
    with torch.no_grad():
        embed_columns(model, [texts(20, 30, 40)])
    assert torch.equal(torch.get_rng_state(), before)


def test_gradients_lie_as_their_weights_do(model: SentenceTransformer) -> None:
    """The fused optimiser on a CPU reads both in the order of memory."""
    learn(model, texts(20, 30, 40))
    for name, parameter in model.named_parameters():
        assert parameter.grad is None or parameter.grad.stride() == parameter.stride(), name


def test_an_error_in_a_half_ends_both_and_leaves_all_as_it_was(
    model: SentenceTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    running: list[str] = []

    def fail(inner: Any, part: Tokens, words: Any = None) -> torch.Tensor:
        if int(part.lengths[0]) == 20:
            raise RuntimeError("can't allocate memory: you tried to allocate 9 bytes")
        running.append("other half")
        time.sleep(0.3)
        running.pop()
        return embed_packed(inner, part, words)

    before = transformer_of(model).config._attn_implementation
    monkeypatch.setattr(cpu_halves, "embed_packed", fail)
    with pytest.raises(RuntimeError, match="tried to allocate 9 bytes"):
        embed_columns(model, [texts(20, 21)])
    assert not running
    assert torch.get_num_threads() == 2
    assert transformer_of(model).config._attn_implementation == before
    monkeypatch.undo()
    assert learn(model, texts(20, 21))


def test_activations_go_with_the_embeddings_where_nobody_goes_back(model: SentenceTransformer) -> None:
    batch = [[cpu_halves.Part(texts(20, 30), True)], [cpu_halves.Part(texts(60), True)]]
    found = cpu_halves.embed_in_halves(model, batch)
    kept = [weakref.ref(part.graph[1]) for half in batch for part in half if part.graph]
    assert len(kept) == 2
    del batch
    gc.disable()
    try:
        assert all(ref() is not None for ref in kept)
        del found
        assert all(ref() is None for ref in kept)
    finally:
        gc.enable()


def test_a_forked_child_has_threads_of_its_own(model: SentenceTransformer) -> None:
    batch = texts(20, 30, 40)
    with torch.no_grad():
        expected = embed_columns(model, [batch])[0]
    torch.set_num_threads(1)  # OpenMP's own threads do not outlive a fork either; Python's are what is asked about
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        torch.get_num_threads = lambda: 2  # type: ignore[assignment]
        with torch.no_grad():
            os._exit(0 if torch.equal(embed_columns(model, [batch])[0], expected) else 3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_ctrl_c_reaches_the_handler_while_halves_are_at_work(model: SentenceTransformer, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bool] = []
    release = threading.Event()

    def wait(inner: Any, part: Tokens, words: Any = None) -> torch.Tensor:
        release.wait(20)
        return embed_packed(inner, part, words)

    def handler(*args: object) -> None:
        heard.append(release.is_set())
        release.set()

    monkeypatch.setattr(cpu_halves, "embed_packed", wait)
    before = signal.signal(signal.SIGINT, handler)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with torch.no_grad():
            embed_columns(model, [texts(20, 30, 40)])
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert heard == [False]


@pytest.mark.parametrize("lengths", [(20, 30, 40, 50), (5,)], ids=["two halves", "one half"])
def test_forwarding_again_is_done_in_the_precision_of_the_first_pass(
    model: SentenceTransformer, monkeypatch: pytest.MonkeyPatch, lengths: tuple[int, ...]
) -> None:
    """The backward pass stands outside autocast, as the trainer's does."""
    seen: list[bool] = []

    def watch(inner: Any, part: Tokens, words: Any = None) -> torch.Tensor:
        seen.append(torch.is_autocast_enabled("cpu"))
        return embed_packed(inner, part, words)

    monkeypatch.setattr(cpu_halves, "embed_packed", watch)
    model.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = embed_columns(model, [texts(*lengths)], keep_bytes=0)[0]
    found[:, 0].float().sum().backward()
    assert len(seen) >= 2 and all(seen)


@pytest.mark.parametrize("lengths", [(20, 30, 40, 50), (5,)], ids=["two halves", "one half"])
@pytest.mark.parametrize("keep_bytes", [0, 130_000, None])
@pytest.mark.parametrize("inside", [False, True], ids=["outside autocast", "inside autocast"])
def test_bf16_gradients_are_about_those_of_fp32(
    model: SentenceTransformer, lengths: tuple[int, ...], keep_bytes: int | None, inside: bool
) -> None:
    """Autocast keeps casted weights for all threads; one that was casted without a graph must not serve where one is needed."""
    batch = texts(*lengths)
    expected = learn(model, batch)
    model.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = embed_columns(model, [batch], keep_bytes=keep_bytes, chunk_tokens=60)[0][:, 0].float().sum()
        if inside:
            value.backward()
    if not inside:
        value.backward()
    found = gradients(model)
    total = torch.sqrt(sum((g**2).sum() for g in expected.values()))
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert (found[name] - gradient).norm() / total < 0.05, name
    assert {gradient.dtype for gradient in found.values()} == {torch.float32}


def test_a_part_without_a_graph_does_not_cost_the_other_half_its_gradient(
    model: SentenceTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The half that keeps nothing casts the weights first; the other half must not take its casts over."""
    first = threading.Event()

    def ordered(inner: Any, part: Tokens, words: Any = None) -> torch.Tensor:
        if torch.is_grad_enabled():
            first.wait(5)
        found = embed_packed(inner, part, words)
        if not torch.is_grad_enabled():
            first.set()
            time.sleep(0.3)  # leaving autocast empties what it keeps
        return found

    batch = [[cpu_halves.Part(texts(20), True)], [cpu_halves.Part(texts(60), False)]]
    monkeypatch.setattr(cpu_halves, "embed_packed", ordered)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = cpu_halves.embed_in_halves(model, batch)
    found[0, 0].float().backward()
    norms = {name: float(gradient.norm()) for name, gradient in gradients(model).items() if "value.weight" in name}
    assert len(norms) == 2 and min(norms.values()) > 0


def test_a_table_of_words_and_modules_after_pooling_may_learn_or_not(tiny_model: Path) -> None:
    from sentence_transformers.sentence_transformer.modules import Dense

    model = SentenceTransformer(str(tiny_model), device="cpu").eval()
    model.append(Dense(32, 8))
    batch = texts(20, 30, 40)
    everything = learn(model, batch)
    assert any(name.startswith("3.") for name in everything)
    transformer_of(model).get_input_embeddings().weight.requires_grad_(False)
    rest = learn(model, batch)
    assert set(everything) - set(rest) == {name for name in everything if "word_embeddings" in name}
    for name, gradient in rest.items():
        assert torch.equal(gradient, everything[name]), name


def test_dropout_is_the_same_whether_activations_are_kept_or_not(model: SentenceTransformer) -> None:
    model.train()
    found = []
    with cheap_dropout(model):
        for keep_bytes in (None, 0):
            torch.manual_seed(7)
            found.append(learn(model, texts(20, 30, 40), keep_bytes=keep_bytes))
    for name, gradient in found[0].items():
        assert torch.allclose(gradient, found[1][name], atol=1e-6), name


def test_gradient_caching_on_other_devices_names_the_device_of_its_dropout(
    model: SentenceTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`checkpoint` puts back the generators of those devices only whose tensors it is given."""
    given: list[list[str]] = []

    def watch(function: Any, *arguments: Any, **options: Any) -> Any:
        given.append([found.device.type for found in arguments if isinstance(found, torch.Tensor)])
        return checkpoint(function, *arguments, **options)

    monkeypatch.setattr(columns, "checkpoint", watch)
    batch = texts(20, 30)
    expected = learn(model, batch)
    monkeypatch.setattr(columns, "why_not_packed", lambda model: "as on another device")
    found = learn(model, batch, keep_bytes=0)
    assert given == [[model.device.type]]
    for name, gradient in expected.items():
        assert torch.allclose(found[name], gradient, atol=1e-6), name


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gradient_caching_on_a_gpu_drops_the_same_twice(model: SentenceTransformer) -> None:
    model.cuda().train()
    found = []
    for keep_bytes in (None, 0):
        torch.manual_seed(7)
        found.append(learn(model, texts(20, 30, 40), keep_bytes=keep_bytes))
    for name, gradient in found[0].items():
        assert torch.allclose(gradient, found[1][name], atol=1e-5), name
