"""Everything that is known before the first optimiser step: data, base model and recipe, and the record of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from data.audit.usable import refuse_unjudgeable
from data.prepared import PreparedDataset
from data.spec import PromptSpec
from train import distributed
from train.config.choices import Batches, Precision
from train.config.schema import TrainSettings
from train.console import detail, say
from train.encode.forward.cpu_malloc import keep_freed_memory
from train.encode.local import Encoder, read_as_many, resolve_device
from train.encode.modules import is_static
from train.encode.open import open_model
from train.encode.prompts import settle_prompts
from train.encode.protocol import Origin
from train.encode.routes import about_routes
from train.encode.tokens.count import token_counter
from train.fit.batches.training_set import TrainingSet
from train.fit.hard_negatives import MinedSet, mine_training_rows
from train.fit.losses.build import check_lengths
from train.fit.precision import bf16_pays
from train.fit.recipe import Recipe, plan_recipe
from train.machine import use_threads
from train.plan.audit import audited as audit_datasets
from train.plan.audit import obey_errors, obey_strict, say_warnings
from train.plan.datasets import load_datasets, training_rows, training_sets
from train.plan.describe import batches_in_words, mined_in_words, recipe_in_words
from train.plan.folds import folds_wanted
from train.plan.taught import taught_documents
from train.plan.trained_from import about_earlier_runs


@dataclass(frozen=True)
class Needs:
    """What decides how much memory a run takes: rows in a batch by data set, tokens of a training text, and the device."""

    batch_sizes: Mapping[str, int]
    max_tokens: int
    device: str


@dataclass(frozen=True)
class Plan:
    """Everything that is known before the first optimiser step. What is learnt later makes another plan.

    Attributes:
        config: the settings, with what the machine decided (the precision).
        datasets: all data sets, by name.
        encoder: the base; training changes the weights of its model.
        origin: where these came from.
        sets: training rows of the data sets that are trained on, by name.
        recipe: what the settings leave open, settled.
        bf16: whether training computes under bf16 autocast.
        mined: training rows with mined negatives, by data set name.
        sentences: the plan in words, for people.
        own_prompts: whether every data set is read under the model's own prompts, whatever its own settings say.
    """

    config: TrainSettings
    datasets: Mapping[str, PreparedDataset]
    encoder: Encoder
    origin: Origin
    sets: Mapping[str, TrainingSet]
    recipe: Recipe
    bf16: bool
    mined: Mapping[str, MinedSet] = field(default_factory=dict)
    sentences: tuple[str, ...] = ()
    own_prompts: bool = False

    @cached_property
    def taught(self) -> np.ndarray:
        """[U] uint64 hashes of the documents that the training rows teach."""
        return taught_documents(self.sets)

    @property
    def needs(self) -> Needs:
        """Return what to name where memory runs out."""
        return Needs(self.recipe.batch_sizes, self.recipe.max_tokens, str(self.encoder.model.device))

    @property
    def prompts(self) -> dict[str, PromptSpec]:
        """Prompts of each data set, by its name."""
        specs = zip(self.datasets, self.config.data.datasets, strict=True)
        return {name: PromptSpec() if self.own_prompts else spec.prompts for name, spec in specs}


def make_plan(config: TrainSettings) -> Plan:
    """Load and split the data, load the base, mine negatives, and settle what the config leaves open.

    What is found on the way is said; what is settled stands in `Plan.sentences`.
    """
    if distributed.world_size() > 1:
        detail(f"{distributed.world_size()} processes share the work")
    use_threads(config.training.threads)
    if resolve_device(config.model.device) == "cpu":  # raises: better now than after reading the data
        keep_freed_memory()
    datasets = distributed.first_on_each_machine(lambda: load_datasets(config))
    batch = config.evaluation.batch_size
    opened = distributed.first_on_each_machine(lambda: open_model(config.model, batch_size=batch, tokens=config.cache))
    encoder, origin, notes = opened.local, opened.origin, list(opened.notes)
    detail(f"base model: {origin.sentence()}")
    detail(f"  {encoder.contract.sentence()}; on {encoder.model.device}")
    encoder, about_length = read_as_many(encoder, config.training.max_tokens, config.model)
    _say_notes([*notes, *about_length, *about_earlier_runs(config, encoder)])
    specs = dict(zip(datasets, config.data.datasets, strict=True))
    _say_notes(about_routes(encoder.model, (prepared.kind for name, prepared in datasets.items() if specs[name].train)))
    encoder, notes = settle_prompts(encoder, specs, {name: prepared.kind for name, prepared in datasets.items()})
    _say_notes([*notes, *check_lengths(config.training, encoder)])
    mined = mine_training_rows(config, datasets, encoder)
    rows = training_rows(config, datasets, mined)
    refuse_unjudgeable(datasets, trained=rows)
    bf16, why = distributed.share(_precision(config, encoder))  # machines may differ
    sets = training_sets(config, rows, specs, encoder, bf16)
    seed = config.training.seed
    recipe = plan_recipe(
        config.training,
        {name: one.facts for name, one in sets.items()},
        encoder.contract.max_tokens,
        lambda name, size: len(sets[name].sampler(size, seed)),
        distributed.world_size(),
        joint={name for name, one in sets.items() if one.batches == Batches.JOINT},
        static=is_static(encoder.model),
    )
    recipe = replace(recipe, reasons=(*recipe.reasons, *mined_in_words(config, mined), *batches_in_words(config, sets, recipe)))
    sentences = recipe_in_words(recipe, sets, encoder, config, bf16, why)
    if (about_folds := folds_wanted(config, datasets)[1]) is not None:
        sentences.append(f"  note: {about_folds}")
    # the precision is fixed in the recorded config, so that a resumed run computes as the first part did
    training = config.training.model_copy(update={"precision": Precision.BF16 if bf16 else Precision.FP32})
    config = config.model_copy(update={"training": training})
    return Plan(config, datasets, encoder, origin, sets, recipe, bf16, mined, tuple(sentences))


def audited(plan: Plan) -> dict[str, Any]:
    """Return what is in the data (see `train.plan.audit`); warnings are said.

    Raises:
        DataError: an error among the findings; by `data.strict`, a warning that puts the result in doubt.
    """
    config = plan.config
    counter = token_counter(plan.encoder, config.training.max_tokens)
    found = audit_datasets(list(plan.datasets.values()), plan.prompts, config.data, config.cache, counter)
    obey_errors(found)
    say_warnings(found)
    if config.data.strict:
        obey_strict(found)
    return found


def _say_notes(notes: Sequence[str]) -> None:
    for note in notes:
        say(f"  note: {note}")


def _precision(config: TrainSettings, encoder: Encoder) -> tuple[bool, str]:
    if config.training.precision == Precision.AUTO and is_static(encoder.model):
        return False, "a table of word vectors has no products that bf16 would speed up"
    if config.training.precision == Precision.AUTO:
        return bf16_pays(str(encoder.model.device), config.cache)
    return config.training.precision == Precision.BF16, "as set"
