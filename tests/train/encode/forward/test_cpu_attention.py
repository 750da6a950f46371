"""Attention in groups is the textbook's attention text by text, forward and backward, with dropout."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from train.encode.forward import cpu_attention as module
from train.encode.forward.cpu_attention import attend_in_groups

HEADS, WIDTH, SCALE = 2, 3, 0.4


def one_by_one(q: Tensor, k: Tensor, v: Tensor, groups: list[tuple[int, int]], masks: list[Tensor | None]) -> Tensor:
    """The definition: softmax(q kᵀ · scale) v for every text and head."""
    out, start = [], 0
    for (count, length), mask in zip(groups, masks, strict=True):
        for _ in range(count):
            a, b, c = (x[start : start + length].transpose(0, 1) for x in (q, k, v))
            scores = SCALE * a @ b.transpose(1, 2)
            scores = scores if mask is None else scores.masked_fill(~mask, float("-inf"))
            out.append((scores.softmax(-1) @ c).transpose(0, 1))
            start += length
    return torch.cat(out)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 6)), min_size=1, max_size=4),
    st.booleans(),
    st.integers(0, 99),
    st.sampled_from([1, 2 * 4 * HEADS * 6 * 6, module.CACHE_BYTES]),
)
def test_values_and_gradients_are_those_of_the_definition(
    groups: list[tuple[int, int]], causal: bool, seed: int, cache: int
) -> None:
    torch.manual_seed(seed)
    tokens = sum(count * length for count, length in groups)
    q, k, v = (torch.randn(tokens, HEADS, WIDTH, requires_grad=True) for _ in range(3))
    masks = [torch.ones(length, length, dtype=torch.bool).tril() if causal else None for _, length in groups]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CACHE_BYTES", cache)  # from text by text to all texts of a length at once
        ours = attend_in_groups(q, k, v, groups, SCALE, 0.0, masks)
    theirs = one_by_one(q, k, v, groups, masks)
    assert torch.allclose(ours, theirs, atol=1e-5)
    weights = torch.randn_like(ours)
    for mine, other in zip(
        torch.autograd.grad(ours, (q, k, v), weights), torch.autograd.grad(theirs, (q, k, v), weights), strict=True
    ):
        assert torch.allclose(mine, other, atol=1e-5)


def test_gradients_with_dropout_are_those_of_finite_differences() -> None:
    groups = [(2, 2), (1, 4)]
    q, k, v = (torch.randn(8, HEADS, WIDTH, dtype=torch.float64, requires_grad=True) for _ in range(3))

    def attend(*inputs: Tensor) -> Tensor:
        torch.manual_seed(1)  # the same mask each time
        return attend_in_groups(*inputs, groups, SCALE, 0.3, [None, None])

    # the softmax is taken in fp32, so fp64 differences are exact to about 1e-7 / eps
    assert torch.autograd.gradcheck(attend, (q, k, v), eps=1e-3, atol=2e-3, nondet_tol=0.0)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_dropout_takes_weights_at_its_rate_and_keeps_the_expectation(rate: float) -> None:
    """Of equal scores each weight is 1/L; with values of 1 the output is the share of weights kept, over 1 - rate."""
    torch.manual_seed(0)
    length, texts = 20, 50
    q = k = torch.zeros(length * texts, HEADS, WIDTH)
    found = attend_in_groups(q, k, torch.ones_like(q), [(texts, length)], SCALE, rate, [None])
    kept = found[:, :, 0] * length * (1 - rate)
    assert torch.allclose(kept, kept.round(), atol=1e-2)
    assert found.mean().item() == pytest.approx(1, abs=0.02)
    assert found.std() > 0.01
