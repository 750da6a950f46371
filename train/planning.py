"""Everything that is known before the first optimiser step: data, base model and recipe, and the record of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data.audit.usable import refuse_unjudgeable, refuse_untrainable
from data.errors import DataError
from data.load import prepare
from data.prepared import PreparedDataset
from data.schema import RowKind
from data.spec import PromptSpec
from data.splits.leaks_between_sets import remove_leaks_between_sets
from data.storage import write_json, write_text
from train import distributed
from train.auditing import audited as audit_datasets
from train.auditing import leak_rules, obey_strict, say_warnings
from train.config.load import dump_config
from train.config.schema import Config
from train.console import say
from train.encode.forward.cpu_malloc import keep_freed_memory
from train.encode.forward.packed import attention_path
from train.encode.local import Encoder, load_encoder, resolve_device
from train.encode.prompts import prompted, settle_prompts
from train.encode.tokens.count import token_counter
from train.encode.tokens.eligibility import why_not_stored
from train.encode.weights.locate import WeightsOrigin
from train.errors import ConfigError, ModelError, RunError
from train.fit.batches.joint import JointBatchSampler
from train.fit.batches.row_vectors import row_vectors
from train.fit.batches.samplers import RankingBatchSampler, RankShare, ShuffledBatchSampler
from train.fit.batches.training_set import TrainingSet
from train.fit.hard_negatives import MinedSet, limits_in_words, mine_training_rows
from train.fit.loop import mixed_samplers
from train.fit.losses.build import LOSS_NAMES, check_lengths, choose_loss
from train.fit.precision import bf16_pays
from train.fit.recipe import Recipe, choose_batches, plan_recipe
from train.fit.rules import MAX_TOKENS, MINED
from train.folds import folds_wanted
from train.known_rows import write_known_rows
from train.machine import environment
from train.runfolder import read_record

DECIDES_VECTORS = {"query_prompt", "document_prompt", "symmetric_prompt", "max_tokens"}
"""What of the encoding contract a config can change."""
MAY_CHANGE = {"patience", "keep_all_checkpoints", "interpolation"}
"""Settings of training that change no step of it."""


@dataclass
class Plan:
    """Everything that is known before the first optimiser step."""

    config: Config
    datasets: dict[str, PreparedDataset]
    encoder: Encoder
    origin: WeightsOrigin
    sets: dict[str, TrainingSet]
    recipe: Recipe
    bf16: bool
    mined: Mapping[str, MinedSet] = field(default_factory=dict)

    @property
    def prompts(self) -> dict[str, PromptSpec]:
        """Prompts of each data set, by its name."""
        return {name: spec.prompts for name, spec in zip(self.datasets, self.config.data.datasets, strict=True)}


def make_plan(config: Config) -> Plan:
    """Load, audit and split the data, load the base, and settle what the config leaves open. Everything found is said."""
    if distributed.world_size() > 1:
        say(f"{distributed.world_size()} processes share the work")
    if resolve_device(config.model.device) == "cpu":  # raises: better now than after reading the data
        keep_freed_memory()
    datasets = distributed.first_on_each_machine(lambda: load_datasets(config))
    batch = config.evaluation.batch_size
    encoder, origin, notes = distributed.first_on_each_machine(lambda: load_encoder(config.model, batch, config.cache))
    say(f"base model: {origin.sentence()}")
    say(f"  {encoder.contract.sentence()}; on {encoder.model.device}")
    if (asked := config.model.max_tokens or 0) > encoder.contract.max_tokens:
        notes.append(f"model.max_tokens={asked} is more than the model can read: {encoder.contract.max_tokens} are used")
    for note in notes:
        say(f"  note: {note}")
    specs = dict(zip(datasets, config.data.datasets, strict=True))
    encoder, notes = settle_prompts(encoder, specs, {name: prepared.kind for name, prepared in datasets.items()})
    notes += check_lengths(config.training, encoder)
    for note in notes:
        say(f"  note: {note}")
    mined = mine_training_rows(config, datasets, encoder)
    sets = training_sets(config, datasets, mined)
    refuse_unjudgeable(datasets, trained=sets)
    bf16, why = distributed.share(_precision(config, encoder))  # probed: processes may see different speeds
    _settle_batches(config, sets, encoder, bf16)
    seed = config.training.seed
    recipe = plan_recipe(
        config.training,
        {name: one.facts for name, one in sets.items()},
        encoder.contract.max_tokens,
        lambda name, size: len(sets[name].sampler(size, seed)),
        distributed.world_size(),
        joint={name for name, one in sets.items() if one.batches == "joint"},
    )
    recipe = replace(recipe, reasons=(*recipe.reasons, *_mined_in_words(config, mined), *_batches_in_words(config, sets, recipe)))
    _say_recipe(recipe, sets, encoder, config, bf16, why)
    if (about_folds := folds_wanted(config, datasets)[1]) is not None:
        say(f"  note: {about_folds}")
    # what was probed is fixed in the recorded config, so that a resumed run computes as the first part did
    training = config.training.model_copy(update={"precision": "bf16" if bf16 else "fp32"})
    return Plan(config.model_copy(update={"training": training}), datasets, encoder, origin, sets, recipe, bf16, mined)


def _settle_batches(config: Config, sets: Mapping[str, TrainingSet], encoder: Encoder, bf16: bool) -> None:
    """Which rows of each data set meet in a batch; neighbours are looked for with the base."""
    for name, one in sets.items():
        one.batches = choose_batches(config.training, one.facts, plain=encoder.store is not None)
        if config.training.batches not in ("auto", one.batches):
            # pairs can have any batches, if the model can
            why = f"{one.kind.value} rows" if one.kind is not RowKind.PAIR else "a model whose texts are more than tokens"
            say(f"{name}: note: training.batches={config.training.batches} is not for {why}: rows are drawn at random")
        if one.batches == "similar":
            say(f"{name}: looking for rows that are near to each other …")
            with_prompts = prompted(encoder, one.prompts)
            longest = config.training.max_tokens or MAX_TOKENS[one.kind]
            one.vectors = row_vectors(one.table, with_prompts, longest, bf16, config.cache / "row_vectors")


def _say_recipe(
    recipe: Recipe, sets: Mapping[str, TrainingSet], encoder: Encoder, config: Config, bf16: bool, why_precision: str
) -> None:
    """What was settled, and why."""
    seed, samplers = config.training.seed, mixed_samplers(sets, recipe, config.training)
    say("recipe:")
    for reason in recipe.reasons:
        say(f"  {reason}")
    say(f"  {'bf16 autocast' if bf16 else 'fp32'} ({why_precision})")
    for name, one in sets.items():
        say(f"  {name}: {LOSS_NAMES[one.loss]} loss")
        if len(sets) > 1:
            say(f"  {name}: {_share_in_words(one.sampler(recipe.batch_sizes[name], seed), name, samplers)}")
        share = RankShare(samplers[name], distributed.rank(), distributed.world_size())
        if dropped := share.count_dropped():
            say(
                f"  {name}: {dropped:,} rows of the first epoch do not divide among {distributed.world_size()} processes: dropped"
            )
    import torch

    say(f"  forward: {attention_path(encoder.model, torch.bfloat16 if bf16 else torch.float32, training=True)}")
    say(
        "  texts: "
        + ("tokenised once" if encoder.store is not None else f"tokenised in each batch ({why_not_stored(encoder.model)})")
    )


def _share_in_words(own: ShuffledBatchSampler, name: str, samplers: Mapping[str, ShuffledBatchSampler]) -> str:
    """What part of an epoch a data set has among several."""
    batches = len(samplers[name])
    part = batches / sum(len(sampler) for sampler in samplers.values())
    return f"{batches:,} batches an epoch, {part:.0%} of all: {batches / len(own):.3g} passes over its rows"


def _mined_in_words(config: Config, mined: Mapping[str, MinedSet]) -> list[str]:
    """Which data sets have mined negatives, and why."""
    number, asked = config.mining.negatives, config.mining.enabled is True
    what = "a hard negative" if number == 1 else f"{number} hard negatives"
    why = "from your config" if asked else f"by the rule; it comes from: {MINED}"
    return [f"{name}: {what} a row, mined with the base ({why})" for name in mined]


def _batches_in_words(config: Config, sets: Mapping[str, TrainingSet], recipe: Recipe) -> list[str]:
    """Which rows meet, of each data set whose rows are each other's negatives."""
    ranked = {name: one for name, one in sets.items() if one.kind is not RowKind.SCORED}
    seed, asked = config.training.seed, config.training.batches
    return [f"{name}: {_meeting(one, recipe.batch_sizes[name], seed, asked == one.batches)}" for name, one in ranked.items()]


def _meeting(one: TrainingSet, batch_size: int, seed: int, asked: bool) -> str:
    """Which rows meet, and how those with texts in common are kept from being each other's negatives."""
    origin = "from your config" if asked else "by the rule"
    sampler = one.sampler(batch_size, seed)
    if isinstance(sampler, JointBatchSampler):
        line = f"batches of documents with all their rows, each text once ({origin}); what is relevant is no negative"
        left = sampler.left_out()
        return line + (f"; for the queries of {left:,} rows an epoch there is no room" if left else "")
    line = f"batches of {'similar rows' if one.batches == 'similar' else 'rows drawn at random'} ({origin})"
    tied = int(one.relevance.tied.sum()) if one.relevance is not None else 0
    if not tied:
        return line
    line += f"; {tied:,} of {len(one.table):,} rows have a text that belongs to other rows, too: "
    if one.batches == "similar":
        return line + "kept apart, and masked where they meet"
    crowded = sampler.count_crowded() if isinstance(sampler, RankingBatchSampler) else 0
    line += "dealt to different batches"
    return line + (f"; {crowded:,} are of groups too large for that, and are masked where they meet" if crowded else "")


def load_datasets(config: Config) -> dict[str, PreparedDataset]:
    """Every data set of the config, loaded and split; what was recognised and counted is said."""
    datasets: dict[str, PreparedDataset] = {}
    for number, spec in enumerate(config.data.datasets):
        prepared = prepare(spec, config.data.split, config.cache, say, leak_rules(config.data))
        if prepared.name in datasets:
            raise ConfigError(
                f"two data sets are called {prepared.name!r}: {datasets[prepared.name].location} and {prepared.location}",
                mend=f"give one of them a name of its own: data.datasets.{number}.name=NAME",
            )
        datasets[prepared.name] = prepared
    if len(datasets) == 1:
        return datasets
    trained = {name for name, spec in zip(datasets, config.data.datasets, strict=True) if spec.train}
    return remove_leaks_between_sets(datasets, trained.__contains__, leak_rules(config.data), config.cache, say)


def training_sets(
    config: Config, datasets: Mapping[str, PreparedDataset], mined: Mapping[str, MinedSet] | None = None
) -> dict[str, TrainingSet]:
    """Training rows and loss of each data set that is trained on; rows with mined negatives in the place of those without."""
    sets = {}
    for spec, (name, prepared) in zip(config.data.datasets, datasets.items(), strict=True):
        if not spec.train:
            continue
        refuse_untrainable(prepared)
        table, kind = prepared.splits["train"], prepared.kind
        if mined and name in mined:
            table, kind = mined[name].table, RowKind.TUPLE
            if len(table) < 2:
                limits = limits_in_words(config.mining)
                mend = "leave mining.enabled out: nearly all documents belong to the queries, so the others of a batch will do"
                if mined[name].summary["rows_refused"]:
                    mend = f"loosen what refuses the documents ({limits}), or leave mining.enabled out"
                raise DataError(
                    f"for {'one row alone' if len(table) else 'no row'} of train in {name} could hard negatives be mined",
                    where=prepared.location,
                    mend=mend,
                )
        blind = config.training.groups == "blind"
        loss, related = choose_loss(spec, kind), prepared.left_out
        sets[name] = TrainingSet(table, kind, loss, blind, spec.prompts, spec.weight, related=related, near=prepared.near)
    return sets


def record_plan(plan: Plan, run: Path) -> None:
    """Write what explains and repeats the run, before it begins; warnings about the data are said, too."""
    write_text(run / "config.yaml", dump_config(plan.config))
    write_json(run / "audit.json", audited(plan))
    write_known_rows(run, [plan.datasets[name] for name in plan.sets])
    write_json(
        run / "environment.json",
        environment(
            {
                "device": str(plan.encoder.model.device),
                "model": {
                    "name": plan.origin.name,
                    "from": plan.origin.kind,
                    "revision": plan.origin.revision,
                    "sha256": plan.origin.sha256,
                },
                "contract": plan.encoder.contract.as_dict(),
                "data": {name: prepared.fingerprint for name, prepared in plan.datasets.items()},
                "sources": {name: prepared.source_fingerprint for name, prepared in plan.datasets.items()},
                **({"mined": {name: dict(one.summary) for name, one in plan.mined.items()}} if plan.mined else {}),
                "recipe": list(plan.recipe.reasons),
                "settled": _settled(plan),
            }
        ),
    )


def _settled(plan: Plan) -> dict[str, Any]:
    """What decides the weights that come out, besides data and base: the steps of a run must all be made, and their weights be
    chosen, with the same."""
    config, recipe = plan.config, plan.recipe
    sections = {
        "training": config.training.model_dump(mode="json", exclude=MAY_CHANGE),
        "mining": config.mining.model_dump(mode="json"),
        "data": config.data.model_dump(mode="json", include={"leaks", "near"}),
        "evaluation": config.evaluation.model_dump(mode="json", include={"dev_queries", "pool_top"}),
        "model": {key: value for key, value in plan.encoder.contract.as_dict().items() if key in DECIDES_VECTORS},
    }
    for name, spec in zip(plan.datasets, config.data.datasets, strict=True):
        sections[name] = spec.model_dump(mode="json", include={"loss", "weight", "prompts"})
    written = {f"{section}.{key}": value for section, found in sections.items() for key, value in found.items()}
    return written | {
        "batch sizes": dict(recipe.batch_sizes),
        "steps": recipe.max_steps,
        "evaluated after": [*recipe.evaluation_steps],
    }


def audited(plan: Plan) -> dict[str, Any]:
    """What is in the data; warnings are said.

    Raises:
        DataError: by `data.strict`, a warning that puts the result in doubt.
    """
    config = plan.config
    counter = token_counter(plan.encoder, config.training.max_tokens)
    found = audit_datasets(list(plan.datasets.values()), plan.prompts, config.data, config.cache, counter)
    say_warnings(found)
    if config.data.strict:
        obey_strict(found)
    return found


def _precision(config: Config, encoder: Encoder) -> tuple[bool, str]:
    if config.training.precision == "auto":
        return bf16_pays(str(encoder.model.device))
    return config.training.precision == "bf16", "from your config"


def refuse_changes(plan: Plan, run: Path) -> None:
    """A run goes on only with the data, the base and the settings that it began with: its scores would compare unlike things."""
    recorded = read_record(run, "environment.json", "model", "data")
    if (recorded["model"]["revision"], recorded["model"]["sha256"]) != (plan.origin.revision, plan.origin.sha256):
        raise ModelError(
            f"the weights of {plan.origin.name} are not those with which {run} began",
            mend="put them back (model.revision names one on the Hub), or start a new run",
        )
    for name, prepared in plan.datasets.items():
        if recorded["data"].get(name) != prepared.fingerprint:
            raise DataError(
                f"{name} is not what it was when the run began",
                where=prepared.location,
                mend="put the data back, or start a new run",
            )
    before = read_record(run, "environment.json").get("settled", {})  # runs of earlier versions have none
    for what, now in _settled(plan).items():
        if what in before and before[what] != now:
            raise RunError(
                f"{what} was {before[what]} when {run} began, and is {now}",
                mend=f"put {run / 'config.yaml'} back and launch it as then (processes, precision), or start a new run",
            )
