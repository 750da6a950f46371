"""What, besides a text, decides its vector: the space that the vector belongs to, as a digest.

Two vectors may be compared, and one may stand for the other, only inside one space. Names and places of a model play no part: a
copy of a model is in the same space, a retrained model under the old name is in another one.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import secrets
import sys
import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from data.storage import digest
from train.encode.contract import EncodingContract, Role
from train.encode.routes import routers_of
from train.encode.tokens.eligibility import identity

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

FORMAT = 1
"""Raised when vectors of an earlier version of this project may not be used any more."""

NAMES = frozenset({"name_or_path", "transformers_version", "architectures", "dtype", "torch_dtype", "attn_implementation"})
"""Of a transformer's config: what changes no vector, or is seen in the weights themselves."""

LIBRARIES = frozenset({"sentence_transformers", "transformers", "torch"})
"""Whose code their versions stand for."""


def space_of(model: SentenceTransformer, contract: EncodingContract, role: Role) -> str:
    """Return the digest of the space that a model's vectors for texts of one role lie in, 32 hexadecimal digits.

    It covers every weight (values, shapes and precision), architecture, pooling and all further modules, code that came with the
    model, tokenizer and versions of the libraries, prompt of the role, maximum of tokens, dimensions and normalisation. Reads all
    weights: about a quarter of a second for 100 MB.
    """
    parts = [
        FORMAT,
        [version(name) for name in ("sentence-transformers", "transformers")],
        weights_digest(model),
        [_settings(module) for module in _parts(model)],
        _tokenizer(model),
        contract.prompt(role),
        contract.max_tokens,
        contract.dimensions,
        contract.normalized,
        *([role] if routers_of(model) else []),  # of the same text a router makes different vectors
    ]
    # repr of a setting that is no JSON: at worst it differs without need
    return digest(json.dumps(parts, sort_keys=True, default=repr))


def weights_digest(model: torch.nn.Module) -> str:
    """Return a digest of all weights and buffers that a model saves: names, shapes, precision and values."""
    found = hashlib.blake2b(digest_size=16)
    for name, value in sorted(model.state_dict().items()):
        if not isinstance(value, Tensor):
            found.update(repr((name, value)).encode())
            continue
        found.update(repr((name, str(value.dtype), tuple(value.shape))).encode())
        found.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _parts(model: Any) -> list[Any]:
    """Return the modules that a model is a sequence of, and those with settings of their own inside them (a router's, say)."""
    top = list(model)
    return top + [part for one in top for part in one.modules() if part is not one and hasattr(part, "get_config_dict")]


def _settings(module: Any) -> list[Any]:
    """Return what a module does besides its weights: its code and its settings."""
    own = module.get_config_dict() if hasattr(module, "get_config_dict") else {}
    transformer = getattr(module, "auto_model", None)
    inner = getattr(transformer, "config", None)
    architecture = {} if inner is None else {k: v for k, v in inner.to_dict().items() if k.lstrip("_") not in NAMES}
    return [_code(type(module)), own, _code(type(transformer)), architecture]


def _code(kind: type) -> list[str]:
    """Return the name of a class; for one that came with a model, also the whole file that it stands in."""
    if kind.__module__.partition(".")[0] in {*LIBRARIES, "builtins"}:
        return [kind.__qualname__]
    with suppress(OSError, TypeError, KeyError):
        return [kind.__qualname__, inspect.getsource(sys.modules[kind.__module__])]
    return [kind.__qualname__]


def _tokenizer(model: SentenceTransformer) -> str:
    """Return the tokenizer's digest; for one that is no transformer's (static word vectors, images), that of the files it saves.

    One that cannot be told from others gets a digest that never comes again: its vectors are computed every time.
    """
    with suppress(AttributeError, TypeError, ValueError):
        return identity(model)
    tokenizer: Any = getattr(model, "tokenizer", None)
    if hasattr(tokenizer, "to_str"):
        return digest(tokenizer.to_str())
    save = getattr(tokenizer, "save_pretrained", None) or getattr(tokenizer, "save", None)
    if save is None:
        return secrets.token_hex(16)
    with tempfile.TemporaryDirectory() as folder:
        save(folder)
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        saved = [(str(path.relative_to(folder)), hashlib.blake2b(path.read_bytes()).hexdigest()) for path in files]
    return digest(json.dumps([type(tokenizer).__qualname__, saved])) if saved else secrets.token_hex(16)
