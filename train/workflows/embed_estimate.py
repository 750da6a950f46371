"""`embed-tune embed … --estimate`: what embedding texts would cost. Nothing is written, and no text is sent anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from data.sources.texts import TextRows, open_texts, texts_in_memory
from train.config.schema import BaseSettings
from train.console import quiet_libraries, say
from train.encode.api.prices import Estimate, estimate, load_prices, price_of
from train.encode.cache.encoder import not_cached
from train.encode.local import Encoder
from train.encode.protocol import OpenedModel, TextEncoder
from train.errors import ConfigError
from train.resolve.open import open_candidate
from train.resolve.vectors import EmbedRequest, TextChoice
from train.vectors.embed_estimate import LONG, EmbedEstimate, Sample, seconds_of, tokens_of
from train.vectors.embed_job import Work
from train.vectors.shards import Parts


def estimate_embedding(request: EmbedRequest, *, debug: bool = False) -> EmbedEstimate:
    """Say what embedding texts would cost, without embedding them.

    Args:
        request: as for embedding; `out` or `to` say where parts of an earlier attempt are looked for.
        debug: show what libraries log.

    Raises:
        ConfigError: the texts come from standard input, which can be read once only.
        DataError, ModelError: they, or the model, cannot be opened; a row has no text.
    """
    quiet_libraries(debug)
    texts = _texts(request)
    for note in texts.notes:
        say(note)
    opened, encoder, cache = open_candidate(request.candidate, _without_new_cache(request.config))
    try:
        return _estimated(request, texts, opened, encoder)
    finally:
        if cache is not None:
            cache.close()


def _estimated(request: EmbedRequest, texts: TextRows, opened: OpenedModel, encoder: TextEncoder) -> EmbedEstimate:
    work = Work(
        encoder, opened.encoder, request.candidate.config, request.role, request.precision, None, texts, request.part,
        request.with_text, Parts(_work_beside(request), make=False),
    )  # fmt: skip
    work.settle_ranges(work.split(), encode=False)
    contract, config = opened.encoder.contract, request.candidate.config
    sample = Sample(LONG * min(contract.max_tokens, 1 << 20))
    prices = load_prices() if config.api is not None else {}
    count = in_parts = in_cache = charged = 0
    for number, rows in work.split():
        count += len(rows)
        if work.arrived(number, rows):
            in_parts += len(rows)
            continue
        missing = not_cached(encoder, [row.text for row in rows], request.role)
        in_cache += len(rows) - len(missing)
        charged += estimate(config, missing, prices).tokens if config.api is not None else 0
        sample.add(missing)
    if not count:
        raise ConfigError(f"{texts.reader.place} holds no texts", hint="give a file with at least one text")
    tokens = charged if config.api is not None else tokens_of(opened.encoder, sample, request.role)
    timed = seconds_of(opened.encoder, sample, request.role) if config.api is None else None
    seconds, lowest, highest, sampled = timed or (None, None, None, 0)
    name = f"{config.api}:{config.name}"
    return EmbedEstimate(
        label=request.candidate.label,
        texts=count,
        in_parts=in_parts,
        in_cache=in_cache,
        tokens=tokens,
        exact=isinstance(opened.encoder, Encoder) and sample.count == len(sample.texts),
        seconds=seconds,
        lowest=lowest,
        highest=highest,
        sampled=sampled,
        device=opened.device or ("cpu" if config.api is None else None),
        dimensions=contract.dimensions,
        price=None if config.api is None else Estimate(name, sample.count, charged, price_of(config, prices)),
        skipped=texts.skipped,
    )


def _texts(request: EmbedRequest) -> TextRows:
    choice = request.texts
    if not isinstance(choice, TextChoice):
        given: Sequence[str] = choice
        return texts_in_memory(given, request.ids, "keep")
    texts = open_texts(choice.place, choice.columns, choice.id_column, choice.empty)
    if texts.once:
        raise ConfigError("standard input can be read only once, and then its texts are gone", hint="save them to a file")
    return texts


def _work_beside(request: EmbedRequest) -> Path:
    """Return the path beside which parts of an earlier attempt would lie; one that no attempt has where it is not known."""
    if request.to is not None:
        return request.to.work_beside(Path(request.config.output_dir))
    return request.out or Path("estimate")


def _without_new_cache(config: BaseSettings) -> BaseSettings:
    """Return the settings without a cache in a folder that is not there: to look into it would make it."""
    place = config.vector_cache
    if place == "off" or "://" in place:
        return config
    folder = config.cache / "vectors" if place == "auto" else Path(place).expanduser()
    return config if folder.is_dir() else config.model_copy(update={"vector_cache": "off"})
