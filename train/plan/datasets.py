"""The data of a run: loaded, and made into sets that are trained on."""

from __future__ import annotations

from collections.abc import Mapping

from data.audit.usable import refuse_untrainable
from data.errors import DataError
from data.load import prepare
from data.prepared import PreparedDataset
from data.schema import RowKind
from data.splits.leaks_between_sets import remove_leaks_between_sets
from train.config.schema import TrainSettings
from train.console import say
from train.errors import ConfigError
from train.fit.batches.training_set import TrainingSet
from train.fit.hard_negatives import MinedSet, limits_in_words
from train.fit.losses.build import choose_loss
from train.plan.audit import leak_rules


def load_datasets(config: TrainSettings) -> dict[str, PreparedDataset]:
    """Every data set of the config, loaded and split; what was recognised and counted is said."""
    datasets: dict[str, PreparedDataset] = {}
    for number, spec in enumerate(config.data.datasets):
        prepared = prepare(spec, config.data.split, config.cache, say, leak_rules(config.data))
        if prepared.name in datasets:
            raise ConfigError(
                f"two data sets are called {prepared.name!r}: {datasets[prepared.name].location} and {prepared.location}",
                hint=f"give one of them a name of its own: data.datasets.{number}.name=NAME",
            )
        datasets[prepared.name] = prepared
    if len(datasets) == 1:
        return datasets
    trained = {name for name, spec in zip(datasets, config.data.datasets, strict=True) if spec.train}
    return remove_leaks_between_sets(datasets, trained.__contains__, leak_rules(config.data), config.cache, say)


def training_sets(
    config: TrainSettings, datasets: Mapping[str, PreparedDataset], mined: Mapping[str, MinedSet] | None = None
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
                hint = "leave mining.enabled out: nearly all documents belong to the queries, so the others of a batch will do"
                if mined[name].summary["rows_refused"]:
                    hint = f"loosen what refuses the documents ({limits}), or leave mining.enabled out"
                raise DataError(
                    f"for {'one row alone' if len(table) else 'no row'} of train in {name} could hard negatives be mined",
                    where=prepared.location,
                    hint=hint,
                )
        blind = config.training.groups == "blind"
        loss, related = choose_loss(spec, kind), prepared.left_out
        sets[name] = TrainingSet(table, kind, loss, blind, spec.prompts, spec.weight, related=related, near=prepared.near)
    return sets
