"""`embed-tune embed`: a file of texts, however large, becomes a file of vectors.

Texts are read in parts. Each part is encoded, quantised and written whole into a hidden folder beside the file; at the end the
parts become the file. A run that was stopped continues with the parts that are missing. Several processes deal the parts out.
"""

from __future__ import annotations

import time
from collections import deque
from itertools import islice
from pathlib import Path

from data.audit.references import SURE, kind_of_references, may_refer
from data.sources.cells import counted_rows
from data.sources.texts import MEMORY, TextRow, TextRows, open_texts, texts_in_memory
from train import distributed
from train.config.launcher import say_if_alone
from train.console import quiet_libraries, say
from train.encode.api.confirm import Confirm, confirm_spending
from train.encode.protocol import OpenedModel
from train.errors import ConfigError, Interrupted, NotFinite, RunError
from train.resolve.cost import confirm_texts
from train.resolve.open import open_candidate
from train.resolve.vectors import EmbedRequest, TextChoice, read_ranges, stored_settings
from train.vectors.embed_job import Plan, Work, placed
from train.vectors.embed_result import EmbedResult
from train.vectors.files import SUFFIXES, VectorInfo, read_info, vectors_in_memory, write_vectors
from train.vectors.quantization import CALIBRATED, Ranges, quantise, ranges_from_json
from train.vectors.shards import Parts
from train.vectors.stores.open import refuse_unfitting, upload_to
from train.vectors.stores.protocol import Upload
from train.vectors.stores.record import refuse_recurring

LOOKED_AT, FEWEST, NEARLY_ALL = 200, 10, 0.9
"""Texts that are looked at for names of files and ids; how many of them must be such, and what share."""
SHOWN_PLACEHOLDERS = 3
"""Different ones that are quoted."""


def embed_texts(request: EmbedRequest, *, confirm: Confirm | None = None, debug: bool = False) -> EmbedResult:
    """Make a file of vectors, put them into a store, or give them back in memory where neither is named.

    Args:
        request: texts, model, form of the vectors.
        confirm: asked before money is spent, see `Confirm`; None refuses.
        debug: show what libraries log.

    Raises:
        ConfigError, DataError, ModelError: something that was asked for cannot be done.
        RunError: the file exists, or another process is writing it.
        Interrupted: the user stopped it, or money was not to be spent; what is complete is kept.
    """
    quiet_libraries(debug)
    if request.to is not None:
        return _to_file(request, request.to.work_beside(Path(request.config.output_dir)), confirm)
    return _in_memory(request, confirm) if request.out is None else _to_file(request, request.out, confirm)


def _in_memory(request: EmbedRequest, confirm: Confirm | None) -> EmbedResult:
    """Embed all texts at once."""
    began = time.perf_counter()
    rows, skipped = _rows(request)
    if not rows:
        raise ConfigError("there are no texts to embed", hint="give at least one")
    texts = [row.text for row in rows]
    opened, encoder, cache = open_candidate(request.candidate, request.config)
    ranges = _given_ranges(request, opened.encoder.contract.dimensions)
    if request.precision in CALIBRATED and ranges is None:
        raise ConfigError(
            f"--precision {request.precision} needs the range of each dimension, which a few texts do not show",
            hint="give --ranges FILE, from vectors of many texts",
        )
    confirm_texts(request.candidate, encoder, texts, request.role, confirm=confirm)
    try:
        vectors = encoder.encode(texts, request.role, False).numpy()
    except NotFinite as error:
        raise placed(error, rows, request.texts.place if isinstance(request.texts, TextChoice) else MEMORY) from None
    hits = 0 if cache is None else cache.counters.hits
    said = cache.counters.sentence() if cache is not None and hits else None
    if cache is not None:
        cache.close()
    info = _info(request, opened, encoder.space(request.role), len(rows), ranges)
    stored = vectors_in_memory(quantise(vectors, request.precision, ranges), info, [row.id for row in rows], texts)
    return EmbedResult(info, vectors=stored, seconds=time.perf_counter() - began, skipped=skipped, from_cache=hits, cached=said)


def _rows(request: EmbedRequest) -> tuple[list[TextRow], int]:
    """Return the texts with their ids, and how many rows were left out. Texts that were given themselves stay as they are."""
    if isinstance(request.texts, TextChoice):
        texts = _open(request)
        for note in texts.notes:
            say(note)
        return list(texts), texts.skipped
    names = request.ids or [str(number) for number in range(1, len(request.texts) + 1)]
    return [TextRow(name, text) for name, text in zip(names, request.texts, strict=True)], 0


def _open(request: EmbedRequest) -> TextRows:
    choice = request.texts
    if isinstance(choice, TextChoice):
        return open_texts(choice.place, choice.columns, choice.id_column, choice.empty)
    return texts_in_memory(choice, request.ids)


def _say_stand_ins(texts: TextRows) -> None:
    """Warn where the texts are names of files or ids: their vectors would say nothing of what these stand for."""
    if texts.once:
        return
    first = {row.text for row in islice(texts, LOOKED_AT)}
    references = {text for text in first if may_refer(text)}
    kind = kind_of_references(references) if len(references) >= max(FEWEST, NEARLY_ALL * len(first)) else None
    if kind is not None and kind.code == SURE:
        say(f"warning: nearly every text is {kind.words}, and that is embedded; --column NAME names the column of the texts")


def _to_file(request: EmbedRequest, out: Path, confirm: Confirm | None) -> EmbedResult:
    texts = _open(request)
    _check_stream(request, confirm, once=texts.once)
    say_if_alone(say)
    distributed.join(request.candidate.config.device)
    parts = Parts(out, None if request.to is None else str(request.to))
    try:
        done = _make_file(request, out, texts, parts, confirm)
    except BaseException:
        parts.leave()
        raise
    distributed.leave()
    return done


def _make_file(request: EmbedRequest, out: Path, texts: TextRows, parts: Parts, confirm: Confirm | None) -> EmbedResult:
    """Make the parts and the file of them."""
    began = time.perf_counter()
    distributed.on_main(lambda: _take(parts, out, overwrite=request.overwrite or request.to is not None))
    for note in texts.notes:
        say(note)
    distributed.on_main(lambda: _say_stand_ins(texts))
    if request.to is not None and not texts.once:
        distributed.on_main(lambda: refuse_recurring((row.id for row in texts), texts.reader.place))
    opened, encoder, cache = open_candidate(request.candidate, request.config)
    ranges = _given_ranges(request, opened.encoder.contract.dimensions)
    if (to := request.to) is not None:
        info = _info(request, opened, encoder.space(request.role), 0, None)
        distributed.on_main(lambda: refuse_unfitting(to, info, overwrite=request.overwrite))
    work = Work(
        encoder, opened.encoder, request.candidate.config, request.role, request.precision, ranges, texts, request.part,
        request.with_text, parts,
    )  # fmt: skip
    try:
        plan = None if texts.once else _planned(work, confirm)
        plan = work.make(plan)
        distributed.wait()
    except KeyboardInterrupt:
        raise Interrupted(
            "stopped; the parts that are complete are kept",
            hint=f"run the same command again to continue from there (or delete {parts.folder})",
        ) from None
    if not plan.texts:
        raise ConfigError(f"{texts.reader.place} holds no texts", hint="give a file with at least one text")
    clipped, cut = (round(total) for total in distributed.totals([work.clipped, work.cut]))
    info, stored = distributed.on_main(lambda: _finish(request, out, work, opened, plan))
    hits = 0 if cache is None else cache.counters.hits
    result = EmbedResult(
        info,
        file=out if request.to is None else None,
        store=None if request.to is None else str(request.to),
        stored=stored,
        seconds=time.perf_counter() - began,
        kept=plan.done,
        skipped=texts.skipped,
        cut=cut,
        clipped=clipped,
        max_tokens=work.inner.contract.max_tokens,
        from_cache=hits,
        cached=cache.counters.sentence() if cache is not None and hits else None,
    )
    if cache is not None:
        cache.close()
    return result


def _check_stream(request: EmbedRequest, confirm: Confirm | None, *, once: bool) -> None:
    if not once:
        return
    if distributed.world_size() > 1:
        raise ConfigError("only one process can read standard input", hint="save the texts to a file, or launch one process")
    if request.candidate.config.api is not None and confirm is None:
        raise ConfigError(
            "standard input cannot be counted in advance, so its cost is not known",
            hint="save the texts to a file, or agree beforehand with --yes",
        )


def _take(parts: Parts, out: Path, *, overwrite: bool) -> None:
    """Make sure that no other process writes the file and that it may be written."""
    parts.hold()
    if out.exists() and not overwrite and not parts.begun():
        raise RunError(f"--out {out} already exists", hint="name another file, or give --overwrite")


def _given_ranges(request: EmbedRequest, dimensions: int) -> Ranges | None:
    if request.ranges is None:
        return None
    if request.precision not in CALIBRATED:
        raise ConfigError(f"--ranges has no meaning with --precision {request.precision}", hint="drop it")
    named = request.ranges if isinstance(request.ranges, Path) else "in memory"
    try:
        found = _read_ranges(request.ranges) if isinstance(request.ranges, Path) else request.ranges
    except (OSError, ValueError) as error:  # pyarrow's errors are among them
        raise ConfigError(f"--ranges {named}: {error}", hint="name vectors that were made with int8 or uint8") from None
    if found is None:
        raise ConfigError(f"--ranges {named} has no ranges", hint="name vectors that were made with int8 or uint8")
    if found.shape != (2, dimensions):
        raise ConfigError(
            f"--ranges {named} is for {found.shape[1]} dimensions, the model has {dimensions}",
            hint="use the ranges of vectors of the same model and the same --dimensions",
        )
    return found


def _read_ranges(path: Path) -> Ranges | None:
    of_vectors = path.suffix in SUFFIXES and path.is_file()
    return read_info(path).ranges if of_vectors else ranges_from_json(read_ranges(path))


def _planned(work: Work, confirm: Confirm | None) -> Plan:
    """Read all texts once, say what there is to do, and ask where it costs money."""
    if work.precision in CALIBRATED and work.ranges is None and work.model.api is None:
        # a bad row at the end is found before the first part is encoded
        distributed.on_main(lambda: deque(work.split(), maxlen=0))
    work.settle_ranges(work.split(), encode=work.model.api is None)
    # one process looks which parts are there: others would see what it makes meanwhile, and deal out the rest differently
    plan = distributed.on_main(work.plan)
    if plan.estimate is not None:
        charged = plan.estimate
        distributed.on_main(lambda: confirm_spending([charged], confirm))
        if work.precision in CALIBRATED and work.ranges is None:
            work.settle_ranges(work.split())
            plan = distributed.on_main(work.plan)
    kept = f"; {plan.done:,} of them already embedded" if plan.done else ""
    shared = f", shared by {distributed.world_size()} processes" if distributed.world_size() > 1 else ""
    say(f"{plan.texts:,} texts in {plan.parts:,} {'part' if plan.parts == 1 else 'parts'}{shared}{kept}")
    if work.texts.skipped:
        say(f"  {counted_rows(work.texts.skipped)} without a text {'is' if work.texts.skipped == 1 else 'are'} left out")
    if (recurring := work.texts.placeholders).total() > 1:
        what = ", ".join(f"{text!r} {count:,} times" for text, count in recurring.most_common(SHOWN_PLACEHOLDERS))
        say(f"  warning: texts that may stand for missing ones: {what}; they are embedded as they are")
    if plan.stale:
        say(f"  {plan.stale:,} parts of an earlier attempt are from other texts, another model or settings: they are made again")
    return plan


def _finish(request: EmbedRequest, out: Path, work: Work, opened: OpenedModel, plan: Plan) -> tuple[VectorInfo, int]:
    """Make one file of the parts, or upload them. Returns what they are, and how many vectors the store then holds."""
    parts, count = work.parts, plan.parts
    info, stored = _info(request, opened, work.encoder.space(request.role), parts.rows(count), work.ranges), 0
    if request.to is None:
        write_vectors(out, info, parts.tables(count))
    else:
        upload = Upload(info, parts.key(count), count, lambda first: parts.tables(count, first), request.overwrite)
        stored = upload_to(request.to, upload)
    parts.discard()
    return info, stored


def _info(request: EmbedRequest, opened: OpenedModel, space: str, rows: int, ranges: Ranges | None) -> VectorInfo:
    """Describe the vectors."""
    contract = opened.encoder.contract
    choice = request.texts if isinstance(request.texts, TextChoice) else None
    return VectorInfo(
        label=request.candidate.label,
        model=stored_settings(request.candidate.config),
        role=request.role,
        space=space,
        precision=request.precision,
        dimensions=contract.dimensions,
        similarity=opened.encoder.similarity,
        normalized=contract.normalized,
        rows=rows,
        ranges=ranges,
        columns=choice.columns if choice else (),
        id_column=choice.id_column if choice else None,
        contract=contract.as_dict(),
        run=None if request.candidate.run is None else request.candidate.run.name,
    )
