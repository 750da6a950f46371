"""A data set of the Hugging Face Hub, through `datasets.load_dataset`. Rows are understood as those of files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from data.errors import DataError
from data.schema import SPLITS, UNSPLIT, Source
from data.sources.cells import NUMBER
from data.sources.classes.source import open_tables
from data.sources.columns.column_roles import show
from data.sources.columns.truth_words import plain_word, truth_of
from data.sources.rows import SPLIT_ALIASES
from data.sources.table import Table
from data.spec import DatasetSpec

if TYPE_CHECKING:
    from datasets import ClassLabel, Dataset

BATCH_ROWS = 1000
MEDIA = frozenset({"Image", "Audio", "Video", "Pdf"})
"""Features of the datasets library that hold no texts."""
INFERENCE_CLASSES = ("entail", "contradict")


class HubTable:
    """One split of a Hub data set. Rows are counted from 1."""

    def __init__(self, shown: str, data: Dataset) -> None:
        # a format that its owner set would give the rows in other types, or leave columns out
        self.shown, self.place, self.data = shown, shown, data.with_format(None)
        self.notes: list[str] = []
        self.on_bad: Callable[[DataError], None] | None = None  # every row can be read

    def columns(self) -> list[str]:
        """Return the names of the columns."""
        return list(self.data.column_names)

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, object]]]:
        """Yield the rows, with `columns` only, read in batches; pictures and sounds, which would be decoded, are left out."""
        wanted = [c for c in columns if c in self.data.column_names] or self.data.column_names
        texts = [c for c in wanted if type(self.data.features[c]).__name__ not in MEDIA]
        data = self.data.select_columns(texts) if texts != self.data.column_names else self.data
        named = {column: label for column, label in self.labels().items() if column in data.column_names}
        number = 0
        for batch in data.iter(batch_size=BATCH_ROWS):
            for column, label in named.items():
                batch[column] = [None if v is None or v < 0 else label.int2str(v) for v in batch[column]]
            for values in zip(*batch.values(), strict=True):
                number += 1
                yield number, dict(zip(batch, values, strict=True))

    def labels(self) -> dict[str, ClassLabel]:
        """Return the columns whose numbers stand for words: read as these, lest the number of a class be taken for a score.

        Two words of which nothing is known are left as 0 and 1, the order in which their owner wrote them.
        """
        from datasets import ClassLabel

        return {
            column: feature
            for column, feature in self.data.features.items()
            if isinstance(feature, ClassLabel) and _are_words([str(name).lower() for name in feature.names])
        }

    def where(self, number: int, column: str | None = None) -> str:
        """Return the place of a row for a message."""
        place = f"{self.shown}, row {number}"
        return place if column is None else f'{place}, column "{column}"'

    def digest(self) -> bytes:
        """Hash the data set's own fingerprint, which follows from its files and configuration."""
        return hashlib.sha256(str(self.data._fingerprint).encode()).digest()


def _are_words(names: Sequence[str]) -> bool:
    """Tell whether the names of classes say something that their numbers do not."""
    if any(word in name for name in names for word in INFERENCE_CLASSES) or truth_of([plain_word(name) for name in names]):
        return True
    return len(names) > 2 and not any(NUMBER.fullmatch(name) for name in names)


def hub_source(identity: str, name: str, spec: DatasetSpec) -> Source:
    """Open the data set `identity` with the configuration and revision of `spec`.

    Raises:
        DataError: it is not there, may not be read, or the Hub cannot be reached.
    """
    loaded = _load(identity, spec)
    notes = [f"Hub data set {identity}" + (f", configuration {spec.hub_config}" if spec.hub_config else "")]
    tables: list[tuple[str, Table]] = [
        (split, HubTable(f"{identity}/{original}", loaded[original]))
        for split, original in splits_of(list(loaded), identity, notes).items()
    ]
    return open_tables(name, identity, tables, spec, notes)


def splits_of(names: Sequence[str], identity: str, notes: list[str]) -> dict[str, str]:
    """Map our names of splits to the data set's."""
    known: dict[str, str] = {}
    for name in names:
        split = SPLIT_ALIASES.get(name.lower())
        if split in known:
            what = f"two splits for {split}: {known[split]} and {name}"
            raise DataError(what, where=identity, hint="save one of them to a file and give that: --data FILE")
        if split is not None:
            known[split] = name
    if known:
        if others := [name for name in names if name not in known.values()]:
            notes.append(f"splits not used: {', '.join(others)}")
        return {split: known[split] for split in SPLITS if split in known}
    if len(names) == 1:
        return {UNSPLIT: names[0]}
    raise DataError(
        f"no split is named train, dev, validation or test (found: {show(names)})",
        where=identity,
        hint="save the split that you want to a file and give that: --data FILE",
    )


def _load(identity: str, spec: DatasetSpec) -> Mapping[str, Dataset]:
    import datasets

    try:
        loaded: Mapping[str, Dataset] = datasets.load_dataset(identity, name=spec.hub_config, revision=spec.hub_revision)
        return loaded
    except datasets.exceptions.DatasetNotFoundError:
        revision = f" (revision {spec.hub_revision})" if spec.hub_revision else ""
        raise DataError(
            f"no such file or folder here, and no such data set on the Hub{revision}, or it is private",
            where=identity,
            hint="correct the name; for a private or gated data set put a token into the environment variable HF_TOKEN",
        ) from None
    except ConnectionError:
        forbidden = datasets.config.HF_HUB_OFFLINE
        raise DataError(
            "no such file or folder here, and the Hub "
            + ("may not be asked (HF_HUB_OFFLINE is set)" if forbidden else "cannot be reached")
            + " for a data set of that name",
            where=identity,
            hint=f"correct the path, {'unset HF_HUB_OFFLINE' if forbidden else 'connect to the network'},"
            " or download the data set and give its files: --data FOLDER",
        ) from None
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise DataError(
            f"the Hub data set cannot be loaded: {reason}",
            where=identity,
            hint="where it has several configurations name one: hub_config in the YAML, or data.hub_config=NAME",
        ) from None
