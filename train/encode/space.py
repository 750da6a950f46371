"""What, besides a text, decides its vector: the space that the vector belongs to, as a digest.

Two vectors may be compared, and one may stand for the other, only inside one space. Names and places of a model play no part: a
copy of a model is in the same space, a retrained model under the old name is in another one.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from train.encode.contract import EncodingContract, Role
from train.encode.plain_tokens import digest, identity

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

FORMAT = 1
"""Raised when vectors of an earlier version of this project may not be used any more."""

NAMES = frozenset({"name_or_path", "transformers_version", "architectures", "dtype", "torch_dtype", "attn_implementation"})
"""Of a transformer's config: what changes no vector, or is seen in the weights themselves."""


def space_of(model: SentenceTransformer, contract: EncodingContract, role: Role) -> str:
    """The digest of the space that a model's vectors for texts of one role lie in, 32 hexadecimal digits.

    It covers every weight (values, shapes and precision), architecture, pooling and all further modules, tokenizer, prompt of the
    role, maximum of tokens, dimensions and normalisation. Reads all weights: about a tenth of a second for 100 MB.
    """
    parts = [
        FORMAT,
        weights_digest(model),
        [_settings(module) for module in _modules(model)],
        _tokenizer(model),
        contract.prompt(role),
        contract.max_tokens,
        contract.dimensions,
        contract.normalized,
    ]
    # repr of a setting that is no JSON: at worst it differs without need
    return digest(json.dumps(parts, sort_keys=True, default=repr))


def weights_digest(model: torch.nn.Module) -> str:
    """A digest of all weights and buffers that a model saves: names, shapes, precision and values."""
    found = hashlib.blake2b(digest_size=16)
    for name, value in sorted(model.state_dict().items()):
        if not isinstance(value, Tensor):
            found.update(repr((name, value)).encode())
            continue
        found.update(repr((name, str(value.dtype), tuple(value.shape))).encode())
        found.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _modules(model: Any) -> list[Any]:
    return list(model)


def _settings(module: Any) -> list[Any]:
    """What a module does besides its weights: its class and its settings."""
    own = module.get_config_dict() if hasattr(module, "get_config_dict") else {}
    inner = getattr(getattr(module, "auto_model", None), "config", None)
    architecture = {} if inner is None else {k: v for k, v in inner.to_dict().items() if k.lstrip("_") not in NAMES}
    return [type(module).__qualname__, own, architecture]


def _tokenizer(model: SentenceTransformer) -> str:
    """The tokenizer's digest; of models without one (word vectors) their first module's settings say all there is."""
    try:
        return identity(model)
    except (AttributeError, TypeError, ValueError):
        return repr(type(_modules(model)[0]))
