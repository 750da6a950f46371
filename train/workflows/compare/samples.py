"""Which texts of the user's data are encoded, and on which of them speed is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from train.config.compare import MeasureConfig
from train.encode.contract import Role
from train.evaluate.tasks import Task, texts_by_role
from train.workflows.compare.speed import Samples


def choose_samples(tasks: Mapping[str, Task], settings: MeasureConfig) -> Samples:
    """Choose the texts on which speed is measured: queries one by one, documents in batches; sentences of scored pairs where
    there are none.

    They are taken at equal distances, so that the same data always gives the same sample and every part of it is in it.
    """
    texts = texts_by_role(tasks)
    single = Role.QUERY if Role.QUERY in texts else Role.SYMMETRIC
    many = Role.DOCUMENT if Role.DOCUMENT in texts else Role.SYMMETRIC
    return Samples(
        tuple(spread(texts[single], settings.latency_texts)), single, tuple(spread(texts[many], settings.throughput_texts)), many
    )


def spread(texts: Sequence[str], count: int) -> list[str]:
    """Return at most `count` of N texts, at equal distances."""
    if len(texts) <= count:
        return list(texts)
    return [texts[number * len(texts) // count] for number in range(count)]
