"""The data of a run: loaded, and made into sets that are trained on."""

from __future__ import annotations

from collections.abc import Mapping

from data.audit.usable import refuse_untrainable
from data.brief import in_brief
from data.errors import DataError
from data.load import prepare
from data.prepared import PreparedDataset
from data.schema import RowKind
from data.spec import DatasetSpec, with_least_dev
from data.splits.leaks_between_sets import remove_leaks_between_sets
from train.config.choices import Batches, Groups
from train.config.schema import TrainSettings
from train.console import detail, say
from train.encode.local import Encoder
from train.encode.prompts import prompted
from train.errors import ConfigError
from train.fit.batches.row_vectors import row_vectors
from train.fit.batches.training_set import TrainingRows, TrainingSet
from train.fit.hard_negatives import MinedSet, limits_in_words
from train.fit.losses.build import choose_loss
from train.fit.recipe import choose_batches
from train.fit.rules import MAX_TOKENS
from train.plan.audit import leak_rules
from train.plan.trained_from import without_rows_seen
from train.resolve.trained_from import with_named_run


def as_new_run(config: TrainSettings) -> TrainSettings:
    """Return the settings with what a new run settles: its splits, and the folder of the base where that is named as a run.

    Raises:
        ModelError: that run has no model that can be trained.
    """
    config = with_named_run(config)
    return config.model_copy(update={"data": config.data.model_copy(update={"split": with_least_dev(config.data.split)})})


def load_datasets(config: TrainSettings) -> dict[str, PreparedDataset]:
    """Load and split every data set of the config; what was recognised and counted is said.

    Raises:
        ConfigError: two of them have the same name.
        DataError: as `data.load.prepare` does.
    """
    datasets: dict[str, PreparedDataset] = {}
    for number, spec in enumerate(config.data.datasets):
        prepared = prepare(spec, config.data.split, config.cache, detail, leak_rules(config.data))
        if prepared.name in datasets:
            raise ConfigError(
                f"two data sets are called {prepared.name!r}: {datasets[prepared.name].location} and {prepared.location}",
                hint=f"give one of them a name of its own: data.datasets.{number}.name=NAME",
            )
        datasets[prepared.name] = prepared
    if len(datasets) > 1:
        trained = {name for name, spec in zip(datasets, config.data.datasets, strict=True) if spec.train}
        datasets = remove_leaks_between_sets(datasets, trained.__contains__, leak_rules(config.data), config.cache, detail)
    datasets = without_rows_seen(config, datasets)
    for line in in_brief(datasets):
        say(line)
    return datasets


def training_rows(
    config: TrainSettings, datasets: Mapping[str, PreparedDataset], mined: Mapping[str, MinedSet] | None = None
) -> dict[str, TrainingRows]:
    """Return the training rows of each data set that is trained on; those with mined negatives instead of those without.

    Raises:
        DataError: too few rows are left to train on.
    """
    found = {}
    for spec, (name, prepared) in zip(config.data.datasets, datasets.items(), strict=True):
        if not spec.train:
            continue
        refuse_untrainable(prepared)
        table, kind = prepared.splits["train"], prepared.kind
        if mined and name in mined:
            table, kind = mined[name].table, RowKind.TUPLE
            if len(table) < 2:
                limits = limits_in_words(config.mining)
                hint = "leave mining.enabled out: nearly all documents belong to the queries, so those of the batch will do"
                if mined[name].summary["rows_refused"]:
                    hint = f"loosen the limits that refuse the documents ({limits}), or leave mining.enabled out"
                raise DataError(
                    f"hard negatives could be mined for {'one row only' if len(table) else 'no row'} of train in {name}",
                    where=prepared.location,
                    hint=hint,
                )
        found[name] = TrainingRows(table, kind, prepared.left_out, prepared.near)
    return found


def training_sets(
    config: TrainSettings,
    rows: Mapping[str, TrainingRows],
    specs: Mapping[str, DatasetSpec],
    encoder: Encoder,
    bf16: bool,
) -> dict[str, TrainingSet]:
    """Settle how the rows of each data set are trained on: the loss, and which of them meet in a batch.

    Args:
        config: the settings.
        rows: by data set name.
        specs: of all data sets, by name.
        encoder: the base, which looks for rows that are near to each other.
        bf16: the precision of training.

    Raises:
        ConfigError: a loss that was asked for does not fit the rows.
    """
    losses = {name: choose_loss(specs[name], one.kind) for name, one in rows.items()}
    found = {}
    for name, one in rows.items():
        batches, prompts = _batches(config, name, one, encoder), specs[name].prompts
        vectors = None
        if batches == Batches.SIMILAR:
            detail(f"{name}: looking for rows that are close to each other …")
            longest = config.training.max_tokens or MAX_TOKENS[one.kind]
            vectors = row_vectors(one.table, prompted(encoder, prompts), longest, bf16, config.cache / "row_vectors")
        blind = config.training.groups == Groups.BLIND
        found[name] = TrainingSet(one, losses[name], batches, vectors, blind, prompts, specs[name].weight)
    return found


def _batches(config: TrainSettings, name: str, rows: TrainingRows, encoder: Encoder) -> Batches:
    """Return which rows meet; where it is not what was asked for, that is said."""
    chosen, asked = choose_batches(config.training, rows.facts, plain=encoder.store is not None), config.training.batches
    if asked not in (Batches.AUTO, chosen):
        # pairs can have any batches, if the model can
        why = f"{rows.kind.value} rows" if rows.kind is not RowKind.PAIR else "a model whose texts are more than tokens"
        say(f"{name}: note: training.batches={asked} does not suit {why}: rows are drawn at random")
    return chosen
