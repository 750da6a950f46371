"""Which loss a data set trains with; it follows from the row kind unless the config names one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data.schema import RowKind
from data.spec import DatasetSpec
from train.config import TrainingConfig
from train.errors import ConfigError

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

SCORED_LOSSES = ("cosine", "cosent", "angle")
RANKING_LOSSES = ("mnrl", "cached_mnrl")

LOSS_NAMES = {
    "cosine": "CosineSimilarity",
    "cosent": "CoSENT",
    "angle": "AnglE",
    "mnrl": "MultipleNegativesRanking",
    "cached_mnrl": "CachedMultipleNegativesRanking",
}


def choose_loss(spec: DatasetSpec, kind: RowKind) -> str:
    """The loss of a data set: `cosine` for scored pairs, `mnrl` for pairs and tuples, or what the config asks for.

    Raises:
        ConfigError: the loss asked for does not fit the rows.
    """
    fitting = SCORED_LOSSES if kind is RowKind.SCORED else RANKING_LOSSES
    if spec.loss == "auto":
        return fitting[0]
    if spec.loss not in fitting:
        raise ConfigError(
            f"loss: {spec.loss} does not fit the {kind.value} rows of {spec.name or spec.source}",
            mend=f"use one of {', '.join(fitting)}, or leave it out",
        )
    return spec.loss


def kept_bytes(name: str) -> int | None:
    """Activations that the forward pass of a loss may keep: none for the cached one, otherwise what suits the device."""
    return 0 if name == "cached_mnrl" else None


def build_loss(
    name: str, model: SentenceTransformer, config: TrainingConfig, world_size: int, *, by_trainer: bool = True
) -> torch.nn.Module:
    """The loss module.

    Ranking losses rank documents for each query and, when `training.symmetric`, queries for each document (the mean of both
    cross-entropies, as in CLIP, arXiv:2103.00020). With several processes the other ranks' rows serve as negatives too,
    gradients included; losses that compare pairs with pairs see those of all ranks.

    Args:
        name: one of `LOSS_NAMES`.
        model: what is trained.
        config: temperature and directions.
        world_size: number of processes.
        by_trainer: whether the trainer embeds the columns. The cached loss is the plain one then, and the trainer keeps less of
            the forward pass (`kept_bytes`); otherwise it is the stock cached loss, which embeds in small batches by itself.
    """
    from sentence_transformers.sentence_transformer import losses
    from sentence_transformers.util import dot_score

    if name == "cosine":
        return losses.CosineSimilarityLoss(model)
    if name in ("cosent", "angle"):
        loss = losses.CoSENTLoss(model) if name == "cosent" else losses.AnglELoss(model)
        if world_size == 1:
            return loss
        from train.fit.gathered import GatheredLoss

        return GatheredLoss(loss)
    options: dict = {"scale": 1.0 / config.temperature, "gather_across_devices": world_size > 1}
    if model.similarity_fn_name == "dot" and not any(type(module).__name__ == "Normalize" for module in model):
        # such models compare raw vectors, whose products are large already; a scale of 1 as in their own training
        options |= {"similarity_fct": dot_score, "scale": 1.0}
    if config.symmetric:
        options |= {"directions": ("query_to_doc", "doc_to_query"), "partition_mode": "per_direction"}
    if name == "cached_mnrl" and not by_trainer:
        return losses.CachedMultipleNegativesRankingLoss(model, mini_batch_size=32, **options)
    return losses.MultipleNegativesRankingLoss(model, **options)
