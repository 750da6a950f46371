"""The encoding contract: what, besides the weights, decides a vector.

Prompts, pooling, normalisation and maximum tokens are read from the base model once, applied to it, saved with the tuned
model (in Sentence Transformers' own config files) and used for training, judging and export alike. A base judged without its
prompts looks worse than it is, and the gain of fine-tuning larger.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from data.schema import RowKind
from train.config.choices import Pooling
from train.config.schema import ModelConfig
from train.encode.token_limit import NO_LIMIT, limit_of, set_limit
from train.encode.weights.mteb_registry import registered_prompts
from train.encode.weights.names import names_of
from train.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class Role(StrEnum):
    """What a text is; it decides the prompt."""

    QUERY = "query"
    DOCUMENT = "document"
    SYMMETRIC = "symmetric"
    """One side of a symmetric pair (similarity, duplicates)."""


@dataclass(frozen=True)
class FamilyPrompts:
    """Prompts of a known model family that older releases do not carry in their config."""

    pattern: str
    query: str
    document: str
    symmetric: str
    source: str


FAMILIES = (
    FamilyPrompts(
        r"(^|/)(multilingual-)?e5-(small|base|large)(-v2)?$",
        "query: ",
        "passage: ",
        "query: ",
        "model card of intfloat/e5-base-v2, FAQ 1",
    ),
    FamilyPrompts(
        r"(^|/)bge-(small|base|large)-en(-v1\.5)?$",
        "Represent this sentence for searching relevant passages: ",
        "",
        "",
        "model card of BAAI/bge-base-en-v1.5, section Model List",
    ),
    FamilyPrompts(
        r"(^|/)bge-(small|base|large)-zh(-v1\.5)?$",
        "为这个句子生成表示以用于检索相关文章：",
        "",
        "",
        "model card of BAAI/bge-base-zh-v1.5, section Model List",
    ),
    FamilyPrompts(
        r"(^|/)mxbai-embed-large-v1$",
        "Represent this sentence for searching relevant passages: ",
        "",
        "",
        "model card of mixedbread-ai/mxbai-embed-large-v1",
    ),
    FamilyPrompts(
        r"(^|/)nomic-embed-text-v1(\.5)?$",
        "search_query: ",
        "search_document: ",
        "classification: ",
        "model card of nomic-ai/nomic-embed-text-v1.5, section Task instruction prefixes",
    ),
)


@dataclass(frozen=True)
class EncodingContract:
    """What decides a vector besides the weights. Lengths in tokens, special tokens included; `NO_LIMIT` for whole texts."""

    query_prompt: str
    document_prompt: str
    symmetric_prompt: str
    prompts_from: str
    pooling: str
    normalized: bool
    max_tokens: int
    dimensions: int
    similarity: Literal["cosine", "dot"]

    def prompt(self, role: Role) -> str:
        """Return what is put before a text of this role ("" for nothing)."""
        return {
            Role.QUERY: self.query_prompt,
            Role.DOCUMENT: self.document_prompt,
            Role.SYMMETRIC: self.symmetric_prompt,
        }[role]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for `environment.json`."""
        return asdict(self)

    def sentence(self) -> str:
        """Return one line for the terminal."""
        prompts = f"prompts from {self.prompts_from}" if self.query_prompt or self.document_prompt else "no prompts"
        norm = "normalised" if self.normalized else "not normalised"
        reads = "texts of any length" if self.reads_whole else f"at most {self.max_tokens} tokens"
        return f"{self.dimensions} dimensions, {self.pooling} pooling, {norm}, {reads}, {prompts}"

    @property
    def reads_whole(self) -> bool:
        """Whether texts are never cut."""
        return self.max_tokens >= NO_LIMIT


def read_contract(model: SentenceTransformer, name: str, config: ModelConfig) -> EncodingContract:
    """Return the contract of a loaded model.

    The user's settings take precedence over the model's config, its config over the family table, and that over what mteb knows
    of the name.

    Raises:
        ModelError: more dimensions are asked for than the model has, or more tokens than it can read.
    """
    query, document, symmetric, origin = _prompts(model, name)
    if config.query_prompt is not None:
        query, origin = config.query_prompt, "your config"
    if config.document_prompt is not None:
        document, origin = config.document_prompt, "your config"
    width = int(model.get_embedding_dimension() or 0)
    if config.dimensions is not None and config.dimensions > width:
        raise ModelError(
            f"model.dimensions={config.dimensions} is more than {name} has: {width}",
            hint=f"use {width} or fewer, or leave it out",
        )
    return EncodingContract(
        query_prompt=query,
        document_prompt=document,
        symmetric_prompt=symmetric,
        prompts_from=origin,
        pooling=_pooling(model),
        normalized=any(type(module).__name__ == "Normalize" for module in model),
        max_tokens=limit_of(model).asked(config.max_tokens, name),
        dimensions=config.dimensions or width,
        similarity="dot" if model.similarity_fn_name == "dot" else "cosine",
    )


OWN = {"query_prompt": None, "document_prompt": None, "max_tokens": None}
"""Settings of the user that change how texts are encoded. `dimensions` has no meaning in training, and `pooling` only where the
model has none of its own."""


def read_shipped(model: SentenceTransformer, name: str, config: ModelConfig, *, raw: bool) -> EncodingContract:
    """Return the contract of a loaded model by its own files alone; call it before any other is applied.

    A raw encoder has no pooling. What is taken unless the user says otherwise, the mean, stands for it.
    """
    found = read_contract(model, name, config.model_copy(update=OWN))
    return replace(found, pooling=Pooling.MEAN.value) if raw and config.pooling is not None else found


def what_differs(shipped: EncodingContract, run: EncodingContract, kind: RowKind) -> list[str]:
    """Return in words which settings make texts of rows of this kind other vectors than the model's own files do."""
    roles = (Role.SYMMETRIC,) if kind is RowKind.SCORED else (Role.QUERY, Role.DOCUMENT)
    found = {
        "prompts": any(shipped.prompt(role) != run.prompt(role) for role in roles),
        "limit of tokens": shipped.max_tokens != run.max_tokens,
        "pooling": shipped.pooling != run.pooling,
    }
    return [what for what, differs in found.items() if differs]


def apply_contract(model: SentenceTransformer, contract: EncodingContract) -> None:
    """Make plain `model.encode`, `encode_query` and `encode_document` give the contract's vectors, after saving too."""
    set_limit(model, contract.max_tokens)
    if model.similarity_fn_name != contract.similarity:
        model.similarity_fn_name = contract.similarity
    model.prompts = {**model.prompts, "query": contract.query_prompt, "document": contract.document_prompt}
    if contract.symmetric_prompt != model.prompts.get(model.default_prompt_name or "", ""):
        # plain `encode` is what compares two equal sentences; without this a saved E5 would forget its prompt for them
        model.prompts["symmetric"] = contract.symmetric_prompt
        model.default_prompt_name = "symmetric"


def _prompts(model: SentenceTransformer, name: str) -> tuple[str, str, str, str]:
    own = {key: value for key, value in (model.prompts or {}).items() if value}
    default = own.get(model.default_prompt_name or "", "")
    document = own.get("document") or own.get("passage") or ""
    names = names_of(name)
    family = next((f for one in names for f in FAMILIES if re.search(f.pattern, one, flags=re.IGNORECASE)), None)
    if own.get("query") or document:
        # newer releases of E5 carry both prompts but no default for symmetric texts, which their model cards ask for too
        symmetric = family.symmetric if family and not default and own.get("query") == family.query else default
        return own.get("query", ""), document, symmetric, "the model's config"
    if default:
        return default, default, default, "the model's config"
    if family:
        return family.query, family.document, family.symmetric, family.source
    if (known := next((found for one in names if (found := registered_prompts(one)) is not None), None)) is not None:
        return known.query, known.document, known.symmetric, "mteb's registry of models"
    return "", "", "", "nowhere"


def _pooling(model: SentenceTransformer) -> str:
    modules: list[Any] = list(model)
    for module in modules:
        if type(module).__name__ == "Pooling":
            mode = getattr(module, "pooling_mode", None) or module.get_pooling_mode_str()
            return "+".join(mode) if isinstance(mode, list | tuple) else str(mode)
    return "model's own"
