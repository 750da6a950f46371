"""What mteb knows of public models by name, where mteb is installed: prompts, licence, languages, sizes. No network.

Importing mteb takes seconds, so its source is searched for a name first; most names are not in it, or have no prompts there.
"""

from __future__ import annotations

import ast
import importlib.util
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train.config.schema import ModelConfig

if TYPE_CHECKING:
    from mteb.models.model_meta import ModelMeta

OWNERS = {"openai": ("openai/",), "cohere": ("Cohere/Cohere-", "Cohere/"), "voyage": ("mongodb/", "voyageai/")}
"""How mteb's names of models behind an API begin; Voyage's have moved."""

PLAIN_LOADERS = ("SentenceTransformerEncoderWrapper", "sentence_transformers_loader")
"""Loaders that put a prompt before a text and do nothing else with it."""


@dataclass(frozen=True)
class RegisteredPrompts:
    """Texts put before queries, documents, and texts that are compared with their like; "" for none."""

    query: str
    document: str
    symmetric: str


def registered(config: ModelConfig, name: str) -> ModelMeta | None:
    """Return mteb's description of a model; None where mteb is not installed or does not know it.

    Args:
        config: says which API the model is behind, if any.
        name: the model's full name.
    """
    names = [name] if config.api is None else [f"{owner}{name}" for owner in OWNERS[config.api]]
    if config.base_url is not None or not any(_call(one) for one in names):
        return None  # a server of one's own may serve anything under that name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mteb.models.model_implementations import MODEL_REGISTRY
    return next((MODEL_REGISTRY[one] for one in names if one in MODEL_REGISTRY), None)


def registered_prompts(name: str) -> RegisteredPrompts | None:
    """Return the prompts with which mteb runs an open model; None where there are none that do for every task.

    Templates that hold an instruction for each task are left out: they are no prompts of the model.
    """
    call = _call(name)
    if call is None or "model_prompts" not in ast.dump(call):
        return None
    meta = registered(ModelConfig(), name)
    if meta is None or getattr(getattr(meta.loader, "func", meta.loader), "__name__", "") not in PLAIN_LOADERS:
        return None
    prompts: dict[str, Any] = {str(getattr(key, "value", key)): text for key, text in _model_prompts(meta).items()}
    found = RegisteredPrompts(
        prompts.get("query", ""), prompts.get("document", prompts.get("passage", "")), prompts.get("STS", "")
    )
    return found if found.query or found.document else None


def _model_prompts(meta: ModelMeta) -> dict[Any, str]:
    own = getattr(meta.loader, "keywords", {})  # a loader of older releases carries its arguments itself
    return {**own, **meta.loader_kwargs}.get("model_prompts") or {}


@cache
def _sources() -> dict[Path, str]:
    """Return the files of mteb that describe models; empty where it is not installed."""
    spec = importlib.util.find_spec("mteb")  # finds it without importing it
    places = spec.submodule_search_locations if spec is not None else None
    folders = [Path(place) / "models" / "model_implementations" for place in places or ()]
    return {path: path.read_text(encoding="utf-8") for folder in folders for path in sorted(folder.glob("*.py"))}


def _call(name: str) -> ast.Call | None:
    """Return the expression in mteb's source that describes the model of a name."""
    found = (_calls(path).get(name) for path, text in _sources().items() if f'"{name}"' in text)
    return next((call for call in found if call is not None), None)


@cache
def _calls(path: Path) -> dict[str, ast.Call]:
    """Return the expressions in a file that have a literal `name`, by that."""
    return {
        one.value.value: node
        for node in ast.walk(ast.parse(_sources()[path], str(path)))
        if isinstance(node, ast.Call)
        for one in node.keywords
        if one.arg == "name" and isinstance(one.value, ast.Constant) and isinstance(one.value.value, str)
    }
