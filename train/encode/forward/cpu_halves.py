"""The packed forward and backward pass on a CPU: two halves of a batch side by side, each on half of the cores.

A matrix product of an embedding model is small, and cores that share one wait for each other at its end, hundreds of times a
step. Two halves that each have their own cores wait once. The weights are shared; the gradients of both halves are added in a
fixed order, so that the same seed gives the same result.

A part whose activations would not fit into memory is forwarded without keeping them, and once more when its gradient is
needed (gradient caching, arXiv:2101.06983, for every loss). Each part has a seed for its dropout, so that both passes drop the
same.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from train.encode.forward.cpu_dropout import seeded
from train.encode.forward.packed import embed_packed, grouped, transformer_of
from train.encode.tokens.ragged import Tokens

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Work = TypeVar("Work")
Result = TypeVar("Result")
Precision = Callable[[], AbstractContextManager[Any]]


@dataclass
class Part:
    """Texts that are forwarded together.

    Attributes:
        texts: ascending in length.
        keep: whether activations are kept for the backward pass; otherwise it forwards them once more.
        seed: of its dropout.
        graph: what the forward pass left for the backward pass: word embeddings [T, E] and embeddings [N, D].
    """

    texts: Tokens
    keep: bool
    seed: int = 0
    graph: tuple[Tensor, Tensor] | None = None


def embed_in_halves(model: SentenceTransformer, halves: Sequence[Sequence[Part]]) -> Tensor:
    """Return the embeddings of all parts of all halves, in their order.

    Args:
        model: on the CPU; passes `why_not_packed`.
        halves: one or two lists of parts, of about equal work.

    Returns:
        [N, D]; its gradient reaches the model's weights, and those of the word embeddings, where gradients are enabled.
    """
    halves = [half for half in halves if half]
    texts = Tokens.join([part.texts for half in halves for part in half])
    words = transformer_of(model).get_input_embeddings()(texts.ids)
    if not torch.is_grad_enabled():
        with grouped(model):
            return _forward(model, halves, words, _precision())
    # a function that no input of which needs a gradient has no backward pass, even if the weights inside need theirs
    trigger = torch.zeros((), requires_grad=True)
    return _Halves.apply(words, trigger, model, halves)


class _Halves(torch.autograd.Function):
    """The halves as one node of the graph.

    Its backward pass adds to the weights' `grad` by itself, so hooks on weights are not called: not for models inside a wrapper.
    """

    @staticmethod
    def forward(ctx: Any, words: Tensor, trigger: Tensor, model: Any, halves: list[list[Part]]) -> Tensor:
        ctx.model, ctx.halves = model, halves
        ctx.save_for_backward(words)
        ctx.precision = _precision()
        with grouped(model):
            return _forward(model, halves, words, ctx.precision)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        (words,) = ctx.saved_tensors
        weights = [weight for weight in _weights(ctx.model) if weight.requires_grad]
        parts = [part for half in ctx.halves for part in half]
        rows = dict(zip(map(id, parts), gradients[0].split([len(part.texts) for part in parts]), strict=True))
        places = dict(zip(map(id, parts), words.split([part.texts.total for part in parts]), strict=True))

        def again(part: Part) -> tuple[Tensor, Tensor]:
            with ctx.precision():
                return _attached(ctx.model, part, places[id(part)])

        def backward(half: list[Part]) -> tuple[list[Tensor | None], list[Tensor]]:
            sums: list[Tensor | None] = [None] * len(weights)
            leaves = []
            # longest texts first: what needs most memory, while the others' activations are still there, is over soonest
            while half:
                part = half.pop()
                leaf, found = part.graph or again(part)
                part.graph = None
                own, *others = torch.autograd.grad(found, [leaf, *weights], rows[id(part)], allow_unused=True)
                leaves.append(own)
                for i, other in enumerate(others):
                    sums[i] = other if sums[i] is None else sums[i] if other is None else sums[i].add_(other)  # type: ignore[union-attr]
            return sums, leaves[::-1]

        with grouped(ctx.model):
            results = _side_by_side(backward, [list(half) for half in ctx.halves])
        for sums, _ in results:
            for weight, gradient in zip(weights, sums, strict=True):
                if gradient is not None:
                    weight.grad = gradient if weight.grad is None else weight.grad.add_(gradient)
        return torch.cat([leaf for _, leaves in results for leaf in leaves]), None, None, None


def _forward(model: Any, halves: Sequence[Sequence[Part]], words: Tensor, precision: Precision) -> Tensor:
    """Return embeddings [N, D] without a graph; parts that keep their activations have theirs."""
    sizes = [sum(part.texts.total for part in half) for half in halves]

    def forward(work: tuple[Sequence[Part], Tensor]) -> Tensor:
        half, mine = work
        found = []
        with precision():
            for part, own in zip(half, mine.split([part.texts.total for part in half]), strict=True):
                if part.keep:
                    part.graph = _attached(model, part, own)
                    found.append(part.graph[1].detach())
                else:
                    with torch.no_grad(), seeded(part.seed):
                        found.append(embed_packed(model, part.texts, own))
        return torch.cat(found)

    return torch.cat(_side_by_side(forward, list(zip(halves, words.split(sizes), strict=True))))


def _attached(model: Any, part: Part, words: Tensor) -> tuple[Tensor, Tensor]:
    """Return word embeddings as a leaf, and the embeddings with a graph down to it."""
    leaf = words.detach().requires_grad_()
    with torch.enable_grad(), seeded(part.seed):
        return leaf, embed_packed(model, part.texts, leaf)


def _weights(model: Any) -> list[Tensor]:
    """Return every weight but the table of word embeddings, whose gradient autograd brings by itself."""
    table = transformer_of(model).get_input_embeddings().weight
    return [weight for weight in model.parameters() if weight is not table]


def _precision() -> Precision:
    """Restore the autocast of this moment, in other threads and when a part is forwarded again."""
    enabled, dtype = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")
    return functools.partial(torch.autocast, "cpu", dtype=dtype, enabled=enabled)


def _side_by_side(do: Callable[[Work], Result], works: Sequence[Work]) -> list[Result]:
    """Return results in order; each work has a thread with its share of the cores. An error is raised when all have ended."""
    if len(works) == 1:
        return [do(works[0])]
    cores = torch.get_num_threads()
    share = max(1, cores // len(works))

    def alone(work: Work) -> Result:
        torch.set_num_threads(share)
        return do(work)

    try:
        futures = [_threads(len(works)).submit(alone, work) for work in works]
        wait(futures)  # nobody puts the model's attention back while a thread still needs it
        return [future.result() for future in futures]
    finally:
        torch.set_num_threads(cores)


@functools.cache
def _threads(count: int) -> ThreadPoolExecutor:
    """Return threads that stay: each has a team of cores of its own."""
    return ThreadPoolExecutor(count, thread_name_prefix="half")


os.register_at_fork(after_in_child=_threads.cache_clear)  # no thread outlives a fork; work given to one would wait for ever
