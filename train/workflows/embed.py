"""`embed-tune embed`: a file of texts, however large, becomes a file of vectors.

Texts are read in parts. Each part is encoded, quantised and written whole into a hidden folder beside the file; at the end the
parts become the file. A run that was stopped goes on with the parts that are not there yet. Several processes deal the parts out.
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any, cast

from data.sources.texts import TextRows, open_texts
from train import distributed
from train.config.launcher import say_if_alone
from train.console import quiet_libraries, say
from train.encode.api.confirm import confirm_spending
from train.encode.protocol import OpenedModel
from train.errors import ConfigError, Interrupted, RunError
from train.resolve.cost import confirm_texts
from train.resolve.open import open_candidate
from train.resolve.vectors import EmbedRequest, read_ranges, stored_settings
from train.vectors.embed_job import Plan, Work
from train.vectors.files import SUFFIXES, VectorInfo, read_info, write_vectors
from train.vectors.quantization import CALIBRATED, Precision, Ranges, bytes_per_vector, quantise, ranges_from_json
from train.vectors.shards import Parts
from train.wording import duration


def embed(request: EmbedRequest, *, as_json: bool = False, debug: bool = False) -> dict[str, Any]:
    """Make the file of vectors, or print the vectors of texts that were given as words.

    Returns:
        What `--json` prints: the file, what it holds and what it took; or the texts with their vectors.

    Raises:
        ConfigError, DataError, ModelError: something that was asked for cannot be done.
        RunError: the file exists, or another process is writing it.
        Interrupted: the person stopped it; what is complete is kept.
    """
    quiet_libraries(debug)
    words_only = request.out is None
    with redirect_stdout(sys.stderr) if as_json or words_only else nullcontext():
        done = _embed_words(request) if words_only else _embed_file(request)
    if distributed.is_main() and (as_json or words_only):
        print(json.dumps(done, ensure_ascii=False))
    return done


def _embed_words(request: EmbedRequest) -> dict[str, Any]:
    """The vectors of texts that were given as words."""
    opened, encoder, cache = open_candidate(request.candidate, request.config)
    ranges = _given_ranges(request, opened.encoder.contract.dimensions)
    precision = cast("Precision", request.precision)
    if precision in CALIBRATED and ranges is None:
        raise ConfigError(
            f"--precision {precision} needs the range of each dimension, which a few texts do not show",
            hint="give --ranges FILE, from vectors of many texts",
        )
    confirm_texts(request.candidate, encoder, request.words, request.role, confirm=request.confirm)
    vectors = encoder.encode(request.words, request.role, False).numpy()
    if cache is not None:
        cache.close()
    stored = quantise(vectors, precision, ranges).tolist()
    return {
        "model": request.candidate.label,
        "role": request.role,
        "precision": precision,
        "dimensions": opened.encoder.contract.dimensions,
        "vectors": [{"text": text, "vector": vector} for text, vector in zip(request.words, stored, strict=True)],
    }


def _embed_file(request: EmbedRequest) -> dict[str, Any]:
    if request.texts is None or request.out is None:
        raise ValueError("a file of texts and a file of vectors are needed")
    choice = request.texts
    texts = open_texts(choice.place, choice.columns, choice.id_column, choice.empty)
    _check_stream(request, once=texts.once)
    say_if_alone(say)
    distributed.join(request.candidate.config.device)
    parts = Parts(request.out)
    try:
        done = _embed_texts(request, request.out, texts, parts)
    except BaseException:
        parts.leave()
        raise
    distributed.leave()
    return done


def _embed_texts(request: EmbedRequest, out: Path, texts: TextRows, parts: Parts) -> dict[str, Any]:
    """Make the parts and the file of them."""
    began = time.perf_counter()
    distributed.on_main(lambda: _take(parts, out, overwrite=request.overwrite))
    for note in texts.notes:
        say(note)
    opened, encoder, cache = open_candidate(request.candidate, request.config)
    ranges = _given_ranges(request, opened.encoder.contract.dimensions)
    precision = cast("Precision", request.precision)
    work = Work(
        encoder, opened.encoder, request.candidate.config, request.role, precision, ranges, texts, request.part,
        request.with_text, parts,
    )  # fmt: skip
    try:
        plan = None if texts.once else _planned(work, request)
        plan = work.make(plan)
        distributed.wait()
    except KeyboardInterrupt:
        raise Interrupted(
            "stopped; the parts that are complete are kept",
            hint=f"give the same command again to go on from there (or delete {parts.folder})",
        ) from None
    if not plan.texts:
        raise ConfigError(f"{texts.reader.place} holds no texts", hint="give a file with at least one text")
    clipped, cut = (round(total) for total in distributed.totals([work.clipped, work.cut]))
    info = distributed.on_main(lambda: _finish(request, work, opened, plan))
    seconds = time.perf_counter() - began
    for line in _last_words(work, info, plan, clipped, cut, seconds):
        say(line)
    hits = 0 if cache is None else cache.counters.hits
    if cache is not None:
        if hits:
            say(f"  {cache.counters.sentence()}")
        cache.close()
    return {
        "file": str(out),
        "rows": info.rows,
        "precision": precision,
        "dimensions": info.dimensions,
        "bytes": info.bytes,
        "seconds": round(seconds, 3),
        "rows_kept": plan.done,
        "rows_skipped": texts.skipped,
        "texts_cut": cut,
        "values_clipped": clipped,
        "vectors_from_cache": hits,
    }


def _check_stream(request: EmbedRequest, *, once: bool) -> None:
    if not once:
        return
    if distributed.world_size() > 1:
        raise ConfigError("only one process can read standard input", hint="save the texts to a file, or launch one process")
    if request.candidate.config.api is not None and not request.confirm:
        raise ConfigError(
            "what comes on standard input cannot be counted, so nobody knows what it would cost",
            hint="save the texts to a file, or agree beforehand with --yes",
        )


def _take(parts: Parts, out: Path, *, overwrite: bool) -> None:
    """Make sure that nobody else writes the file and that it may be written."""
    parts.hold()
    if out.exists() and not overwrite and not parts.begun():
        raise RunError(f"--out {out} exists already", hint="name another file, or give --overwrite")


def _given_ranges(request: EmbedRequest, dimensions: int) -> Ranges | None:
    if request.ranges is None:
        return None
    if request.precision not in CALIBRATED:
        raise ConfigError(f"--ranges has no meaning with --precision {request.precision}", hint="drop it")
    try:
        of_vectors = request.ranges.suffix in SUFFIXES and request.ranges.is_file()
        found = read_info(request.ranges).ranges if of_vectors else ranges_from_json(read_ranges(request.ranges))
    except (OSError, ValueError) as error:  # pyarrow's errors are among them
        raise ConfigError(f"--ranges {request.ranges}: {error}", hint="name vectors that were made with int8 or uint8") from None
    if found is None:
        raise ConfigError(f"--ranges {request.ranges} has no ranges", hint="name vectors that were made with int8 or uint8")
    if found.shape[1] != dimensions:
        raise ConfigError(
            f"--ranges {request.ranges} is for {found.shape[1]} dimensions, the model has {dimensions}",
            hint="take the ranges of vectors of the same model and the same --dimensions",
        )
    return found


def _planned(work: Work, request: EmbedRequest) -> Plan:
    """Read all texts once, say what there is to do, and ask where it costs money."""
    if work.precision in CALIBRATED and work.ranges is None and work.model.api is None:
        distributed.on_main(
            lambda: deque(work.split(), maxlen=0)
        )  # a bad row at the end is found before the first part is encoded
    work.settle_ranges(work.split(), encode=work.model.api is None)
    # one process looks which parts are there: others would see what it makes meanwhile, and deal the rest out otherwise
    plan = distributed.on_main(work.plan)
    if plan.estimate is not None:
        charged = plan.estimate
        distributed.on_main(lambda: confirm_spending([charged], request.confirm))
        if work.precision in CALIBRATED and work.ranges is None:
            work.settle_ranges(work.split())
            plan = distributed.on_main(work.plan)
    kept = f"; {plan.done:,} of them were embedded before" if plan.done else ""
    shared = f", shared by {distributed.world_size()} processes" if distributed.world_size() > 1 else ""
    say(f"{plan.texts:,} texts in {plan.parts:,} {'part' if plan.parts == 1 else 'parts'}{shared}{kept}")
    if work.texts.skipped:
        say(f"  {work.texts.skipped:,} rows without a text are left out")
    if plan.stale:
        say(f"  {plan.stale:,} parts of an earlier attempt are from other texts, another model or other settings: made anew")
    return plan


def _finish(request: EmbedRequest, work: Work, opened: OpenedModel, plan: Plan) -> VectorInfo:
    """Make one file of the parts."""
    contract, texts = opened.encoder.contract, request.texts
    info = VectorInfo(
        label=request.candidate.label,
        model=stored_settings(request.candidate.config),
        role=request.role,
        space=work.encoder.space(request.role),
        precision=work.precision,
        dimensions=contract.dimensions,
        similarity=opened.encoder.similarity,
        normalized=contract.normalized,
        rows=work.parts.rows(plan.parts),
        ranges=work.ranges,
        columns=texts.columns if texts else (),
        id_column=texts.id_column if texts else None,
    )
    write_vectors(cast("Path", request.out), info, work.parts.tables(plan.parts))
    work.parts.discard()
    return info


def _last_words(work: Work, info: VectorInfo, plan: Plan, clipped: int, cut: int, seconds: float) -> list[str]:
    """What was made and what the person should know about it."""
    whole = info.rows * bytes_per_vector("float32", info.dimensions)
    made = sum(plan.missing.values())
    share = "" if info.bytes == whole else f", {whole / info.bytes:.3g} times smaller than float32"
    rate = f", {made / seconds:,.0f} texts/s" if made else ""
    lines = [
        f"{info.rows:,} vectors of {info.dimensions} dimensions, {info.precision}: {info.bytes:,} bytes{share}",
        f"  took {duration(seconds)}{rate}",
    ]
    if cut:
        limit = work.inner.contract.max_tokens
        lines.append(f"  {cut:,} texts reach the {limit:,} tokens that the model reads; what is longer was cut")
    if clipped:
        part = clipped / max(1, made * info.dimensions)
        lines.append(f"  {clipped:,} values ({part:.2%}) lie outside the ranges of the first part and were put to their ends")
    return lines
