"""Which models can become a graph: token ids in, vectors out. What cannot is refused in words, before anything is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from train.encode.modules import has_static_part
from train.encode.routes import routers_of
from train.encode.tokens.eligibility import leaves_prompt_out, why_not_stored
from train.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from train.encode.local import Encoder

KNOWN = ("Pooling", "Dense", "LayerNorm", "Normalize", "Dropout")
"""Modules after the transformer that compute a vector from what is in the graph anyway."""
STAY = "serve the model with PyTorch, from its model/ folder"


def refuse(encoder: Encoder) -> None:
    """Refuse a model that cannot become a graph.

    Raises:
        ModelError: with the reason, and what to do instead.
    """
    if (reason := why_not(encoder)) is not None:
        why, hint = reason
        raise ModelError(f"{encoder.name} cannot be exported: {why}", hint=hint)


def why_not(encoder: Encoder) -> tuple[str, str] | None:
    """Return why a model cannot become a graph, and what to do instead; None where it can."""
    model = encoder.model
    if has_static_part(model):
        return (
            "it is a table of word vectors (static embeddings, model2vec), which is as fast as it gets without a graph",
            "serve it as it is; it takes well under a millisecond a text",
        )
    reason = _about_texts(model) or _about_modules(list(model), getattr(model, "tokenizer", None))
    return None if reason is None else (reason, STAY)


def _about_texts(model: SentenceTransformer) -> str | None:
    """Return what a model reads of a text besides its token ids."""
    if routers_of(model):
        return "it has a router, which sends queries and documents through different modules, and a graph has one way"
    if leaves_prompt_out(model):
        return "its pooling leaves the prompt's tokens out, and a graph does not know which these are"
    return why_not_stored(model)


def _about_modules(modules: list[Any], tokenizer: Any) -> str | None:
    """Return what among the modules cannot be put into a graph."""
    first, *others = modules
    names = [type(module).__name__ for module in others]
    if strangers := [name for name in names if name not in KNOWN]:
        return f"{strangers[0]} is not among the modules that are put into a graph ({', '.join(KNOWN)})"
    if "Pooling" not in names:
        return "it has no pooling module, which makes one vector of the tokens'"
    if not hasattr(tokenizer, "backend_tokenizer"):
        return "its tokenizer is written in Python, and has no tokenizer.json that other programs could read"
    encoder = first.auto_model
    if getattr(encoder.config, "is_encoder_decoder", False) and not type(encoder).__name__.endswith("EncoderModel"):
        return "it is an encoder with a decoder, of which only encoders can be exported"
    return None
