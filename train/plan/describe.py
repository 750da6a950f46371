"""The plan in sentences."""

from __future__ import annotations

from collections.abc import Mapping

from data.schema import RowKind
from train import distributed
from train.config.choices import Batches
from train.config.schema import TrainSettings
from train.encode.forward.packed import attention_path
from train.encode.local import Encoder
from train.encode.tokens.eligibility import why_not_stored
from train.fit.batches.joint import JointBatchSampler
from train.fit.batches.samplers import RankingBatchSampler, RankShare, ShuffledBatchSampler
from train.fit.batches.training_set import TrainingSet
from train.fit.hard_negatives import MinedSet
from train.fit.loop import mixed_samplers
from train.fit.losses.build import LOSS_NAMES
from train.fit.recipe import Recipe
from train.fit.rules import MINED


def recipe_in_words(
    recipe: Recipe, sets: Mapping[str, TrainingSet], encoder: Encoder, config: TrainSettings, bf16: bool, why_precision: str
) -> list[str]:
    """Return what was settled, and why, a line each."""
    import torch

    seed, samplers = config.training.seed, mixed_samplers(sets, recipe, config.training)
    lines = [*recipe.reasons, f"{'bf16 autocast' if bf16 else 'fp32'} ({why_precision})"]
    for name, one in sets.items():
        lines.append(f"{name}: {LOSS_NAMES[one.loss]} loss")
        if len(sets) > 1:
            lines.append(f"{name}: {_share_in_words(one.sampler(recipe.batch_sizes[name], seed), name, samplers)}")
        processes = distributed.world_size()
        if dropped := RankShare(samplers[name], distributed.rank(), processes).count_dropped():
            lines.append(f"{name}: {dropped:,} rows of the first epoch do not divide among {processes} processes: dropped")
    stored = encoder.store is not None
    if stored:
        lines.append(f"forward: {attention_path(encoder.model, torch.bfloat16 if bf16 else torch.float32, training=True)}")
    else:
        lines.append("forward: the library's own, column by column")
    lines.append(f"texts: {'tokenised once' if stored else f'tokenised in each batch ({why_not_stored(encoder.model)})'}")
    return ["recipe:", *(f"  {line}" for line in lines)]


def _share_in_words(own: ShuffledBatchSampler, name: str, samplers: Mapping[str, ShuffledBatchSampler]) -> str:
    """Return what part of an epoch a data set has among several."""
    batches = len(samplers[name])
    number = f"{batches / len(own):.3g}"
    part = batches / sum(len(sampler) for sampler in samplers.values())
    return f"{batches:,} batches an epoch, {part:.0%} of all: {number} pass{'' if number == '1' else 'es'} over its rows"


def mined_in_words(config: TrainSettings, mined: Mapping[str, MinedSet]) -> list[str]:
    """Say which data sets have mined negatives, and why."""
    number, asked = config.mining.negatives, config.mining.enabled is True
    what = "a hard negative" if number == 1 else f"{number} hard negatives"
    why = "as set" if asked else f"by the rule; measured for it: {MINED}"
    return [f"{name}: {what} a row, mined with the base ({why})" for name in mined]


def batches_in_words(config: TrainSettings, sets: Mapping[str, TrainingSet], recipe: Recipe) -> list[str]:
    """Say which rows meet, of each data set whose rows are each other's negatives."""
    ranked = {name: one for name, one in sets.items() if one.kind is not RowKind.SCORED}
    seed, asked = config.training.seed, config.training.batches
    return [f"{name}: {_meeting(one, recipe.batch_sizes[name], seed, asked == one.batches)}" for name, one in ranked.items()]


def _meeting(one: TrainingSet, batch_size: int, seed: int, asked: bool) -> str:
    """Say which rows meet, and how those with texts in common are kept from being each other's negatives."""
    origin = "as set" if asked else "by the rule"
    sampler = one.sampler(batch_size, seed)
    if isinstance(sampler, JointBatchSampler):
        line = f"batches of documents with all their rows, each text once ({origin}); relevant documents are never negatives"
        left = sampler.left_out()
        return line + (f"; for the queries of {left:,} rows an epoch there is no room" if left else "")
    line = f"batches of {'similar rows' if one.batches == 'similar' else 'rows drawn at random'} ({origin})"
    tied = int(one.relevance.tied.sum()) if one.relevance is not None else 0
    if not tied:
        return line
    line += f"; {tied:,} of {len(one.table):,} rows have a text that belongs to other rows, too: "
    if one.batches == Batches.SIMILAR:
        return line + "kept apart, and masked where they meet"
    crowded = sampler.count_crowded() if isinstance(sampler, RankingBatchSampler) else 0
    line += "dealt to different batches"
    return line + (f"; {crowded:,} are of groups too large for that, and are masked where they meet" if crowded else "")
