"""What a comparison would cost before it begins: texts that no cache has, and those on which speed is measured."""

from __future__ import annotations

from collections.abc import Mapping

from train.console import say
from train.encode.api.prices import Estimate, Price, estimate
from train.encode.cache.encoder import not_cached
from train.encode.cache.open import open_cache
from train.encode.open import open_model
from train.encode.wrappers import wrapped
from train.errors import ModelError
from train.evaluate.tasks import Task, texts_by_role
from train.workflows.compare.config import CompareRequest
from train.workflows.compare.machine import Machine
from train.workflows.compare.speed import WARM_UP, Samples
from train.workflows.compare.speed_cache import SpeedFile


def estimates(
    request: CompareRequest, tasks: Mapping[str, Task], samples: Samples, prices: dict[str, Price], again: bool
) -> list[Estimate]:
    """Estimate the cost of each model behind an API that can be opened; of the others their own process says why it cannot.

    Args:
        request: models and settings.
        tasks: whose texts are sent.
        samples: texts on which speed is measured.
        prices: see `load_prices`.
        again: whether kept measurements are passed over.
    """
    config = request.config
    found: list[Estimate] = []
    asked = [candidate for candidate in request.candidates if candidate.config.api is not None]
    cache = open_cache(config.vector_cache, config.cache, say) if asked else None
    for candidate in asked:
        try:
            encoder = open_model(candidate.config).encoder
        except ModelError:
            continue
        texts: list[str] = []
        for role, wanted in texts_by_role(tasks).items():
            texts += not_cached(wrapped(encoder, cache=cache), wanted, role)
        spaces = [encoder.space(role) for role in (samples.single_role, samples.many_role)]
        kept = SpeedFile(config.cache, spaces, Machine.here(encoder), samples, config.measure).read()
        if again or kept is None:
            timed = [*samples.single[:WARM_UP], *samples.single] * -(-config.measure.latency_texts // len(samples.single))
            texts += [*timed[: config.measure.latency_texts + WARM_UP], *samples.many]
        found.append(estimate(candidate.config, texts, prices))
    if cache is not None:
        cache.close()
    return found
