"""Open the model that a user named, and the cache before it."""

from __future__ import annotations

from train.config.schema import BaseSettings
from train.console import detail, say
from train.encode.cache.cache import VectorCache
from train.encode.cache.open import open_shared_cache
from train.encode.forward.cpu_malloc import keep_freed_memory
from train.encode.local import Encoder
from train.encode.open import open_model
from train.encode.protocol import OpenedModel, TextEncoder
from train.encode.wrappers import wrapped
from train.resolve.models import Candidate


def open_candidate(candidate: Candidate, config: BaseSettings) -> tuple[OpenedModel, TextEncoder, VectorCache | None]:
    """Open a model and a cache before it, and say what they are."""
    opened = open_model(candidate.config, batch_size=config.evaluation.batch_size)
    if isinstance(opened.encoder, Encoder) and opened.encoder.model.device.type == "cpu":
        keep_freed_memory()
    detail(opened.origin.sentence())
    detail(f"  {opened.encoder.contract.sentence()}")
    for note in (*candidate.notes, *opened.notes):
        say(f"  note: {note}")
    cache = open_shared_cache(config.vector_cache, config.cache, say)
    return opened, wrapped(opened.encoder, cache=cache), cache
