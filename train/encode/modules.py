"""What a Sentence Transformers model is made of, as far as this project must know: which of its modules read texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


def input_modules(model: nn.Module) -> list[Any]:
    """Return the modules that read texts: the first one, or of a router the first one of each route."""
    first: Any = next(iter(model.children()), None)
    routes = getattr(first, "sub_modules", None)
    if first is None:
        return []
    return [first] if routes is None else [module for route in routes.values() for module in input_modules(route)]


def is_static(model: nn.Module) -> bool:
    """Tell whether a model reads a text as a bag of trained word vectors (static embeddings), and nothing else of it."""
    return all(_static(module) for module in input_modules(model)) and bool(input_modules(model))


def has_static_part(model: nn.Module) -> bool:
    """Tell whether a model reads some of its texts (those of one route) as bags of trained word vectors."""
    return any(_static(module) for module in input_modules(model))


def _static(module: Any) -> bool:
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    return isinstance(module, StaticEmbedding)
