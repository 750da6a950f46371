"""A model of ours as mteb sees it: its protocol for encoders, and the description under which it files results."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from mteb.models import ModelMeta
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.model_meta import ScoringFunction
from mteb.types import Licenses, PromptType

from train.encode.contract import Role
from train.encode.protocol import OpenedModel, TextEncoder
from train.encode.weights.mteb_registry import registered
from train.errors import ModelError
from train.resolve.facts import facts_of
from train.resolve.models import Candidate

if TYPE_CHECKING:
    from mteb.abstasks.task_metadata import TaskMetadata
    from mteb.types import BatchedInput
    from torch.utils.data import DataLoader

ROLES: dict[PromptType | None, Role] = {
    PromptType.query: Role.QUERY,
    PromptType.document: Role.DOCUMENT,
    None: Role.SYMMETRIC,
}
"""What mteb calls a text's part in a task. Texts without one (similarity, clustering, classification) are all of one kind."""

OWN_SETTINGS = ("max_tokens", "pooling", "query_prompt", "document_prompt", "dimensions")
"""Settings of a `ModelConfig` that change a public model's vectors, and so its results."""


class BenchmarkEncoder(AbsEncoder):
    """Encodes mteb's texts as everything here encodes them: with the contract's prompts, and through the vector cache.

    Args:
        encoder: the model.
        meta: its description for mteb.
    """

    def __init__(self, encoder: TextEncoder, meta: ModelMeta) -> None:
        self.model, self.mteb_model_meta = encoder, meta

    def encode(
        self,
        inputs: DataLoader[BatchedInput],
        *,
        task_metadata: TaskMetadata,
        hf_split: str,
        hf_subset: str,
        prompt_type: PromptType | None = None,
        **kwargs: Any,
    ) -> np.ndarray:
        """Return the vectors [N, D] of N texts.

        Raises:
            ModelError: the task holds something other than texts.
        """
        texts: list[str] = []
        for batch in inputs:
            if "text" not in batch:
                raise ModelError(f"{task_metadata.name} holds {', '.join(sorted(batch))}; only texts are encoded here")
            texts += batch["text"]
        vectors: np.ndarray = self.model.encode(texts, ROLES[prompt_type]).numpy()
        return vectors


def describe(candidate: Candidate, opened: OpenedModel) -> ModelMeta:
    """Describe a model as mteb records it and files its results by: name, revision and settings of one's own.

    A public model under its own settings keeps its name and revision, so that its results can stand beside those of the public
    leaderboard. Any other model's revision is a digest of its weights and settings: results of other weights are never taken for
    its own.
    """
    facts, config, contract = facts_of(candidate, opened), candidate.config, opened.encoder.contract
    public = registered(config, config.name if config.api else opened.origin.name)
    settings = {key: value for key in OWN_SETTINGS if (value := getattr(config, key)) is not None}
    known = {
        "loader": None,
        "loader_kwargs": {},
        "embed_dim": contract.dimensions,
        "max_tokens": contract.max_tokens,
        "similarity_fn_name": ScoringFunction.DOT_PRODUCT if contract.similarity == "dot" else ScoringFunction.COSINE,
        "use_instructions": bool(contract.query_prompt or contract.document_prompt or contract.symmetric_prompt),
        "n_parameters": facts.parameters,
        "open_weights": facts.open,
        "experiment_kwargs": settings or None,
    }
    if public is not None and opened.origin.kind != "folder":
        return public.model_copy(update={**known, "revision": opened.origin.revision or public.revision})
    if opened.origin.kind != "folder" and opened.origin.revision is not None:
        name, revision = opened.origin.name, opened.origin.revision
    else:
        name, revision = f"local/{re.sub(r'[^A-Za-z0-9._-]+', '_', candidate.label).strip('._') or 'model'}", fingerprint(opened)
    return ModelMeta.create_empty(
        {
            **known,
            "name": name,
            "revision": revision,
            "framework": ["API"] if config.api else ["Sentence Transformers", "PyTorch"],
            "license": facts.licence if facts.licence in get_args(Licenses) else None,
        }
    )


def fingerprint(opened: OpenedModel) -> str:
    """Return a digest of the weights and of all that decides a vector, 16 hexadecimal digits."""
    spaces = [opened.encoder.space(role) for role in ROLES.values()]
    return hashlib.blake2b("".join(spaces).encode(), digest_size=8).hexdigest()
