"""The ways of attention over a packed row agree with attention text by text; the choice among them follows the setting."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from data.errors import EmbedTuneError
from train.encode.forward import attention
from train.encode.forward.attention import Setting, choose_route, packed_attention
from train.encode.forward.layout import Route, block_shapes, group_lengths, lay_out

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


def text_by_text(q: Tensor, k: Tensor, v: Tensor, lengths: list[int], scale: float, causal: bool, window: int | None) -> Tensor:
    """The definition: softmax over the keys of the query's own text that it may see. [1, H, T, d] → [1, T, H, d]."""
    k, v = (x.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for x in (k, v))
    outputs = []
    for a, b, c in zip(*(x[0].split(lengths, dim=1) for x in (q, k, v)), strict=True):
        scores = a @ b.transpose(1, 2) * scale
        for i in range(scores.shape[1]):
            for j in range(scores.shape[2]):
                if (causal and j > i) or (window is not None and abs(i - j) >= window):
                    scores[:, i, j] = float("-inf")
        outputs.append(torch.softmax(scores, dim=-1) @ c)
    return torch.cat(outputs, dim=1).transpose(0, 1).unsqueeze(0)


def random_row(tokens: int, kv_heads: int, seed: int = 0) -> list[Tensor]:
    """Queries, keys and values of a packed row as an encoder hands them over: heads are a transposed view."""
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(1, tokens, heads, 8, generator=generator).transpose(1, 2).requires_grad_()
        for heads in (4, kv_heads, kv_heads)
    ]


@pytest.mark.parametrize("route", [Route.GROUPS, Route.BLOCKS])
@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=12),
    st.booleans(),
    st.sampled_from([None, 1, 2, 5]),
    st.sampled_from([2, 4]),
)
def test_outputs_and_gradients_are_those_of_the_definition(
    route: Route, lengths: list[int], causal: bool, window: int | None, kv_heads: int
) -> None:
    """Whatever the order of lengths, with and without windows, causal or not, with fewer heads of keys than of queries."""
    inputs = random_row(sum(lengths), kv_heads)
    expected = text_by_text(*inputs, lengths, 0.3, causal, window)
    weights = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1))
    wanted = torch.autograd.grad((expected * weights).sum(), inputs)
    layout = lay_out(torch.tensor(lengths), CPU, route, causal)
    options: dict[str, Any] = {"scaling": 0.3, "sliding_window": window, "layout": layout}
    found, nothing = packed_attention(nn.Identity(), *inputs, None, **options)
    assert nothing is None
    assert torch.allclose(found, expected, atol=1e-5)
    for ours, theirs in zip(torch.autograd.grad((found * weights).sum(), inputs), wanted, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)
    with torch.no_grad():
        assert torch.allclose(packed_attention(nn.Identity(), *inputs, None, **options)[0], expected, atol=1e-5)


@given(st.lists(st.integers(1, 600), min_size=1, max_size=60).map(sorted))
def test_blocks_are_few_and_hardly_padded(lengths: list[int]) -> None:
    shapes = block_shapes(group_lengths(lengths))
    rest = iter(lengths)
    for texts, width, full in shapes:
        block = [next(rest) for _ in range(texts)]
        assert max(block) == width and full == (min(block) == width)
        assert width <= 32 or min(block) >= 0.7 * width
    assert next(rest, None) is None
    assert len(shapes) <= 10


def test_groups_and_blocks_by_hand() -> None:
    assert group_lengths([3, 3, 5]) == [(2, 3), (1, 5)]
    assert block_shapes([(4, 20), (1, 70), (1, 100)]) == [(4, 20, True), (2, 100, False)]
    layout = lay_out(torch.tensor([1, 3]), CPU, Route.BLOCKS)
    assert layout.blocks is not None
    assert layout.blocks.shapes == [(2, 3, False)]
    assert layout.blocks.source.tolist() == [0, 0, 0, 1, 2, 3]
    assert layout.blocks.target.tolist() == [0, 3, 4, 5]
    assert layout.positions.tolist() == [0, 0, 1, 2]
    assert (layout.ends.tolist(), layout.ends.dtype, layout.longest) == ([0, 1, 4], torch.int32, 3)


@pytest.mark.parametrize("route", [Route.GROUPS, Route.BLOCKS])
def test_masks_are_made_once_a_batch_not_in_each_layer(route: Route, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = lay_out(torch.tensor([2, 7, 7]), CPU, route)
    inputs = random_row(16, 4)
    packed_attention(nn.Identity(), *inputs, None, sliding_window=3, layout=layout)
    monkeypatch.setattr(layout, "band", None)  # would fail if called again
    packed_attention(nn.Identity(), *inputs, None, sliding_window=3, layout=layout)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("window", [None, 1, 3])
def test_every_query_of_a_block_sees_a_key(causal: bool, window: int | None) -> None:
    """Padding too: what a kernel makes of a row without any key differs by kernel, and may be NaN."""
    layout = lay_out(torch.tensor([1, 2, 9]), CPU, Route.BLOCKS, causal)
    assert layout.blocks is not None
    mask = layout.block_mask(layout.blocks, 0, window)
    assert mask is not None
    assert mask.any(dim=-1).all()


@pytest.mark.parametrize("route", [Route.GROUPS, Route.BLOCKS])
@pytest.mark.parametrize("learning", [True, False])
def test_attention_weights_are_dropped(route: Route, learning: bool) -> None:
    """With values of one, a result is the sum of the kept weights over 1 - p: 1 on average, and not always 1; also in the
    pass without gradients by which cached losses begin."""
    torch.manual_seed(0)
    lengths = [20] * 50
    q, k, _ = random_row(sum(lengths), 4)
    layout = lay_out(torch.tensor(lengths), CPU, route)
    with torch.set_grad_enabled(learning):
        sums = packed_attention(nn.Identity(), q, k, torch.ones(1, 4, 1000, 8), None, dropout=0.25, layout=layout)[0]
    assert sums.std() > 0.05
    assert sums.mean().item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("route", [Route.GROUPS, Route.BLOCKS])
def test_passes_with_and_without_gradients_drop_the_same_weights(route: Route) -> None:
    """A cached loss computes embeddings twice and relies on it."""
    inputs, layout, outputs = random_row(16, 4), lay_out(torch.tensor([2, 7, 7]), CPU, route), []
    for learning in (True, False):
        torch.manual_seed(7)
        with torch.set_grad_enabled(learning):
            outputs.append(packed_attention(nn.Identity(), *inputs, None, dropout=0.5, layout=layout)[0])
    assert torch.allclose(*outputs, atol=1e-6)


def test_a_padded_call_inside_grouped_is_an_error_not_a_wrong_result() -> None:
    with pytest.raises(EmbedTuneError, match="only `embed_packed`"):
        packed_attention(nn.Identity(), *random_row(3, 4), None)


Calls = list[dict[str, Any]]


def flash_attn_module(calls: Calls) -> ModuleType:
    """A stand-in for flash-attn 2.8 with its signature, which computes by the definition (and drops nothing)."""

    def flash_attn_varlen_func(
        q: Tensor,
        k: Tensor,
        v: Tensor,
        cu_seqlens_q: Tensor,
        cu_seqlens_k: Tensor,
        max_seqlen_q: int,
        max_seqlen_k: int,
        dropout_p: float = 0.0,
        softmax_scale: float | None = None,
        causal: bool = False,
        window_size: tuple[int, int] = (-1, -1),
        softcap: float = 0.0,
        alibi_slopes: Tensor | None = None,
        deterministic: bool = False,
        return_attn_probs: bool = False,
        block_table: Tensor | None = None,
    ) -> Tensor:
        calls.append({"dropout": dropout_p, "kv_heads": k.shape[1], "dtypes": {q.dtype, k.dtype, v.dtype}})
        assert cu_seqlens_q is cu_seqlens_k and cu_seqlens_q.dtype == torch.int32 and max_seqlen_q == max_seqlen_k
        assert softmax_scale is not None
        return by_ends(q, k, v, cu_seqlens_q, max_seqlen_q, softmax_scale, causal, window_size)

    module = ModuleType("flash_attn")
    module.flash_attn_varlen_func = flash_attn_varlen_func  # type: ignore[attr-defined]
    return module


def varlen_attn_2_11(calls: Calls) -> Callable[..., Tensor]:
    """A stand-in for PyTorch 2.11's `varlen_attn` with its signature, which has no `enable_gqa` yet."""

    def varlen_attn(
        query: Tensor,
        key: Tensor,
        value: Tensor,
        cu_seq_q: Tensor,
        cu_seq_k: Tensor,
        max_q: int,
        max_k: int,
        *,
        return_aux: Any = None,
        scale: float | None = None,
        window_size: tuple[int, int] = (-1, -1),
    ) -> Tensor:
        calls.append({"dropout": 0.0, "kv_heads": key.shape[1], "dtypes": {query.dtype, key.dtype, value.dtype}})
        assert cu_seq_q is cu_seq_k and cu_seq_q.dtype == torch.int32 and max_q == max_k
        assert scale is not None and query.shape == key.shape == value.shape
        causal = window_size[1] == 0
        return by_ends(query, key, value, cu_seq_q, max_q, scale, causal, window_size)

    return varlen_attn


def by_ends(
    q: Tensor, k: Tensor, v: Tensor, ends: Tensor, longest: int, scale: float, causal: bool, window: tuple[int, int]
) -> Tensor:
    """[T, H, d] by the definition; windows count inclusively, -1 is no limit."""
    lengths = torch.diff(ends).tolist()
    assert ends[0] == 0 and ends[-1] == len(q) and max(lengths) == longest
    assert window in ((-1, 0), (-1, -1)) or window[1] in (0, window[0])
    reach = None if window[0] < 0 else window[0] + 1
    return text_by_text(*(x.transpose(0, 1).unsqueeze(0) for x in (q, k, v)), lengths, scale, causal, reach)[0]


@pytest.fixture(params=[Route.FLASH, Route.VARLEN])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Route, Calls]:
    """A kernel's stand-in, in the place where the real one is looked for."""
    calls: Calls = []
    attention.flash_function.cache_clear()
    attention.varlen_function.cache_clear()
    monkeypatch.setitem(sys.modules, "flash_attn", flash_attn_module(calls))
    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", varlen_attn_2_11(calls))
    yield request.param, calls
    attention.flash_function.cache_clear()
    attention.varlen_function.cache_clear()


@pytest.mark.parametrize("window", [None, 1, 3])
@pytest.mark.parametrize("causal", [False, True])
def test_kernels_are_called_as_they_are_meant_to_be(kernel: tuple[Route, Calls], causal: bool, window: int | None) -> None:
    route, calls = kernel
    lengths, inputs = [1, 2, 2, 9], random_row(14, 2)
    layout = lay_out(torch.tensor(lengths), CPU, route, causal)
    found = packed_attention(nn.Identity(), *inputs, None, scaling=0.3, sliding_window=window, layout=layout)[0]
    assert torch.allclose(found, text_by_text(*inputs, lengths, 0.3, causal, window), atol=1e-5)
    assert calls[0]["kv_heads"] == (2 if route is Route.FLASH else 4)


def test_kernels_get_one_dtype_although_rotary_positions_make_two(kernel: tuple[Route, Calls]) -> None:
    route, calls = kernel
    q, k, v = random_row(5, 4)
    layout = lay_out(torch.tensor([2, 3]), CPU, route)
    packed_attention(nn.Identity(), q, k, v.to(torch.bfloat16), None, layout=layout)
    assert calls[0]["dtypes"] == {torch.bfloat16}


def test_dropout_reaches_flash_attn_and_never_a_kernel_without_it(kernel: tuple[Route, Calls]) -> None:
    route, calls = kernel
    layout = lay_out(torch.tensor([2, 3]), CPU, route)
    if route is Route.FLASH:
        packed_attention(nn.Identity(), *random_row(5, 4), None, dropout=0.1, layout=layout)
        assert calls[0]["dropout"] == 0.1
    else:
        with pytest.raises(EmbedTuneError, match=r"dropout 0\.1"):
            packed_attention(nn.Identity(), *random_row(5, 4), None, dropout=0.1, layout=layout)
        assert not calls


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the choice finds: flash-attn, PyTorch's varlen attention, the GPU's compute capability."""
    found: dict[str, Any] = {"flash": None, "varlen": print, "capability": (9, 0)}
    monkeypatch.setattr(attention, "flash_function", lambda: found["flash"])
    monkeypatch.setattr(attention, "varlen_function", lambda: found["varlen"])
    monkeypatch.setattr(attention, "capability", lambda device: found["capability"])
    return found


@pytest.mark.parametrize(
    ("setting", "there", "route", "words"),
    [
        (Setting(CPU, torch.bfloat16, 0.1, 32), {"flash": print}, Route.GROUPS, ""),
        (Setting(CUDA, torch.bfloat16, 0.1, 32), {"flash": print}, Route.FLASH, ""),
        (Setting(CUDA, torch.float16, 0.0, 64), {}, Route.VARLEN, "no attention dropout"),
        (Setting(CUDA, torch.bfloat16, 0.1, 32), {}, Route.BLOCKS, "varlen attention has no dropout"),
        (Setting(CUDA, torch.bfloat16, 0.0, 32), {"varlen": None}, Route.BLOCKS, "this PyTorch has no varlen attention"),
        (Setting(CUDA, torch.float32, 0.0, 32), {"flash": print}, Route.BLOCKS, "do not take float32"),
        (Setting(CUDA, torch.bfloat16, 0.0, 20), {"flash": print}, Route.BLOCKS, "heads of 20"),
        (Setting(CUDA, torch.bfloat16, 0.0, 512), {"flash": print}, Route.BLOCKS, "heads of 512"),
        (Setting(CUDA, torch.float16, 0.0, 32), {"flash": print, "capability": (7, 5)}, Route.BLOCKS, "capability"),
    ],
)
def test_the_first_attention_that_fits_is_chosen(
    setting: Setting, there: dict[str, Any], route: Route, words: str, installed: dict[str, Any]
) -> None:
    installed.update(there)
    chosen, reason = choose_route(setting)
    assert chosen is route
    assert words in reason if words else reason == ""


def test_a_flash_attn_that_does_not_load_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    attention.flash_function.cache_clear()
    monkeypatch.setitem(sys.modules, "flash_attn", ModuleType("flash_attn"))  # built for another PyTorch: the name is missing
    assert attention.flash_function() is None
    attention.flash_function.cache_clear()
