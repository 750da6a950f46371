"""Which loss a data set trains with; it follows from the row kind unless the config names one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from data.schema import RowKind
from data.spec import DatasetSpec, Loss
from train.config.schema import TrainingConfig
from train.encode.modules import has_static_part
from train.errors import ConfigError

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

    from train.encode.local import Encoder
    from train.fit.batches.relevance import Relevance

SCORED_LOSSES = (Loss.COSINE, Loss.COSENT, Loss.ANGLE)
RANKING_LOSSES = (Loss.MNRL, Loss.CACHED_MNRL)

TEMPERATURE = 0.05
"""Of ranking losses over cosines: a scale of 20, as in Sentence Transformers."""
MINI_BATCH = 32
"""Texts that the cached loss embeds at a time, where the trainer does not embed them."""

LOSS_NAMES = {
    Loss.COSINE: "CosineSimilarity",
    Loss.COSENT: "CoSENT",
    Loss.ANGLE: "AnglE",
    Loss.MNRL: "MultipleNegativesRanking",
    Loss.CACHED_MNRL: "CachedMultipleNegativesRanking",
}


def choose_loss(spec: DatasetSpec, kind: RowKind) -> Loss:
    """Choose the loss of a data set: `cosine` for scored pairs, `mnrl` for pairs and tuples, or what the config asks for.

    Raises:
        ConfigError: the loss asked for does not fit the rows.
    """
    fitting = SCORED_LOSSES if kind is RowKind.SCORED else RANKING_LOSSES
    if spec.loss == Loss.AUTO:
        return fitting[0]
    if spec.loss not in fitting:
        raise ConfigError(
            f"loss: {spec.loss} does not fit the {kind.value} rows of {spec.name or spec.source}",
            hint=f"use one of {', '.join(fitting)}, or leave it out",
        )
    return spec.loss


def check_lengths(config: TrainingConfig, encoder: Encoder) -> list[str]:
    """See whether vectors can be cut as `training.matryoshka` says. Return what the user should read.

    Raises:
        ConfigError: the model's vectors are shorter, or their lengths carry meaning, which a cut would lose.
    """
    if not config.matryoshka:
        return []
    whole, longest = encoder.contract.dimensions, config.matryoshka[0]
    if longest > whole:
        raise ConfigError(
            f"training.matryoshka: {longest} is more than the {whole} dimensions of the model", hint=f"name at most {whole}"
        )
    if encoder.similarity == "dot":
        raise ConfigError(
            "training.matryoshka: the model compares vectors that are not normalised, and cut ones would be",
            hint="choose a model that compares by cosine, or leave training.matryoshka out",
        )
    if longest == whole:
        return []
    return [f"training.matryoshka leaves the whole vectors of {whole} dimensions untrained: only their first {longest} are"]


def kept_bytes(name: str) -> int | None:
    """Return how many bytes of activations the forward pass of a loss may keep: none for the cached one, otherwise what suits the
    device."""
    return 0 if name == Loss.CACHED_MNRL else None


def build_loss(
    name: str,
    model: SentenceTransformer,
    config: TrainingConfig,
    world_size: int,
    relevance: Relevance | None = None,
    *,
    by_trainer: bool = True,
    joint: bool = False,
) -> torch.nn.Module:
    """Build the loss module.

    Ranking losses rank documents for each query and, when `training.symmetric`, queries for each document (the mean of both
    cross-entropies, as in CLIP, arXiv:2103.00020). With several processes the other ranks' rows serve as negatives too,
    gradients included; losses that compare pairs with pairs see those of all ranks. With `training.matryoshka` each loss is
    computed on cut vectors, too.

    Args:
        name: one of `LOSS_NAMES`.
        model: what is trained.
        config: temperature, directions, dimensions.
        world_size: number of processes.
        relevance: what ranking losses take for no negative; they want its `keys` for labels then. None: there is no such thing.
        by_trainer: whether the trainer embeds the columns. The cached loss is the plain one then, and the trainer keeps less of
            the forward pass (`kept_bytes`); otherwise it is the stock cached loss, which embeds in small batches by itself.
        joint: for batches that hold each text once, see `train.fit.batches.joint`.
    """
    if name in SCORED_LOSSES:
        return _nested(_scored_loss(name, model, world_size), model, config)
    from sentence_transformers.sentence_transformer import losses

    options = _ranking_options(model, config, world_size)
    # bags of word vectors keep no activations, and do not come in small batches
    in_small_batches = name == Loss.CACHED_MNRL and not by_trainer and not has_static_part(model)
    if in_small_batches and relevance is None and not config.matryoshka:
        return losses.CachedMultipleNegativesRankingLoss(model, mini_batch_size=MINI_BATCH, **options)
    from train.fit.losses.ranking import CachedRankingLoss, JointRankingLoss, MaskedRankingLoss

    masked = JointRankingLoss if joint else MaskedRankingLoss
    plain = losses.MultipleNegativesRankingLoss(model, **options) if relevance is None else masked(model, relevance, **options)
    loss = _nested(plain, model, config)
    return CachedRankingLoss(model, loss, MINI_BATCH) if in_small_batches else loss


def _scored_loss(name: str, model: SentenceTransformer, world_size: int) -> torch.nn.Module:
    from sentence_transformers.sentence_transformer import losses

    from train.fit.losses.gathered import GatheredLoss

    if name == Loss.COSINE:
        return losses.CosineSimilarityLoss(model)
    loss = losses.CoSENTLoss(model) if name == Loss.COSENT else losses.AnglELoss(model)
    return loss if world_size == 1 else GatheredLoss(loss)


def _ranking_options(model: SentenceTransformer, config: TrainingConfig, world_size: int) -> dict[str, Any]:
    from sentence_transformers.util import dot_score

    raw = model.similarity_fn_name == "dot" and not any(type(module).__name__ == "Normalize" for module in model)
    # products of raw vectors are large already: a scale of 1 as in the training of such models
    temperature = config.temperature or (1.0 if raw else TEMPERATURE)
    options: dict[str, Any] = {"scale": 1.0 / temperature, "gather_across_devices": world_size > 1}
    if raw:
        options["similarity_fct"] = dot_score
    if config.symmetric:
        options |= {"directions": ("query_to_doc", "doc_to_query"), "partition_mode": "per_direction"}
    return options


def _nested(loss: torch.nn.Module, model: SentenceTransformer, config: TrainingConfig) -> torch.nn.Module:
    """Wrap the loss so that it is taken over cut vectors, too, where `training.matryoshka` asks for it."""
    from train.fit.losses.matryoshka import NestedLoss

    if not config.matryoshka:
        return loss
    return NestedLoss(loss, model, config.matryoshka, config.matryoshka_weights or [1.0] * len(config.matryoshka))
