"""`embed-tune mine`: saves rows with mined hard negatives, or audits how many positives the settings would mine."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import DataError
from data.load import prepare
from data.mining.false_negatives import MiningAudit, audit_mining
from data.mining.file import check_file, has_groups, mined_rows, write_rows
from data.mining.mine import MINE_VERSION, unlimited
from data.mining.texts import mining_texts
from data.prepared import PreparedDataset
from data.schema import RowKind
from data.spec import MiningSpec
from data.storage import write_text
from train.config.schema import JudgeSettings
from train.console import quiet_libraries, say
from train.encode.api.confirm import Confirm, confirm_spending
from train.encode.api.prices import estimate, load_prices
from train.encode.cache.encoder import not_cached
from train.encode.cache.open import open_cache
from train.encode.contract import Role
from train.encode.cross_encoder import CrossJudge
from train.encode.open import open_model
from train.encode.protocol import Origin, TextEncoder
from train.encode.wrappers import for_judging, wrapped
from train.errors import ConfigError
from train.fit.hard_negatives import cross_encoder, encoded, mine_texts, summary, summary_lines, texts_of
from train.plan.audit import leak_rules
from train.resolve.models import find_candidate

if TYPE_CHECKING:
    import pyarrow as pa


def mine_data(
    config: JudgeSettings,
    *,
    out: Path | None = None,
    audit: bool = False,
    confirm: Confirm | None = None,
    as_json: bool = False,
    debug: bool = False,
) -> list[dict[str, Any]]:
    """Mine hard negatives and save them, or audit how many positives the settings would mine; print what came out.

    Args:
        config: data sets, base model, `mining` (`enabled` plays no part).
        out: new .jsonl or .parquet file for the rows of one data set, all its splits, with their negatives.
        audit: hide half of the known positives and count how many are mined.
        confirm: asked before money is spent, see `Confirm`; None refuses.
        as_json: print JSON on standard output, and everything else on standard error.
        debug: show what libraries log.

    Returns:
        One mapping a data set: `name`, `model`, `settings`, and `mined` (summaries by split) or `audit`.

    Raises:
        ConfigError: neither `out` nor `audit`, or several data sets for one file.
        DataError: the data cannot be read or mined; the file cannot be written.
        ModelError: a model is not there.
        Interrupted: money was not to be spent.
    """
    _refuse(config, out, audit)
    quiet_libraries(debug)
    candidate = find_candidate(config.model.name, config.model)
    config = config.model_copy(update={"model": candidate.config})
    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        for note in candidate.notes:
            say(note)
        prepared = [prepare(spec, config.data.split, config.cache, say, leak_rules(config.data)) for spec in config.data.datasets]
        for one in prepared:
            _refuse_kind(one, saving=out is not None)
        opened = open_model(config.model, batch_size=config.evaluation.batch_size, tokens=config.cache)
        say(f"base model: {opened.origin.sentence()}")
        cross = cross_encoder(config)
        cache = open_cache(config.vector_cache, config.cache, say)
        prompts = {one.name: spec.prompts for one, spec in zip(prepared, config.data.datasets, strict=True)}
        encoders = for_judging(opened.encoder, prompts, cache=cache, remembered=False)
        _confirm(config, prepared, encoders, all_splits=out is not None, confirm=confirm)
        results = []
        for one in prepared:
            remembering = wrapped(encoders[one.name], remembered=True)
            result = _about(config, one, opened.origin, cross)
            if audit:
                result["audit"] = _audited(config, one, remembering, cross)
            if out is not None:
                result["mined"] = _saved(config, one, remembering, cross, out, result)
            results.append(result)
        if cache is not None:
            cache.close()
    if as_json:
        say(json.dumps(results, indent=2, ensure_ascii=False, allow_nan=False))
    return results


def _refuse(config: JudgeSettings, out: Path | None, audit: bool) -> None:
    if out is None and not audit:
        raise ConfigError("nothing to do", hint="--out FILE saves rows with their negatives, --audit counts false negatives")
    if out is not None:
        if len(config.data.datasets) > 1:
            raise ConfigError("several data sets for one file", hint="mine one at a time")
        check_file(out)


def _refuse_kind(prepared: PreparedDataset, *, saving: bool) -> None:
    if saving and prepared.kind is RowKind.TUPLE:
        raise DataError(
            "its rows bring negatives of their own, beside which none are saved",
            where=prepared.location,
            hint="give a file without them; --audit reads such rows, too",
        )
    if prepared.kind is RowKind.SCORED:
        raise DataError(
            "scored pairs take no negatives",
            where=prepared.location,
            hint="name the columns of queries and of what belongs to them: data.columns.anchor=NAME data.columns.positive=NAME",
        )


def _confirm(
    config: JudgeSettings,
    prepared: Sequence[PreparedDataset],
    encoders: Mapping[str, TextEncoder],
    *,
    all_splits: bool,
    confirm: Confirm | None,
) -> None:
    """Ask before texts are sent to a model behind an API, if that costs money; those in the cache cost none."""
    if config.model.api is None:
        return
    unpaid: list[str] = []
    for one in prepared:
        encoder = encoders[one.name]
        wanted: dict[Role, dict[str, None]] = {Role.QUERY: {}, Role.DOCUMENT: {}}
        for split in one.splits if all_splits else [_audited_split(one)]:
            texts = texts_of(one, split)
            wanted[Role.QUERY] |= dict.fromkeys(texts.queries)
            wanted[Role.DOCUMENT] |= dict.fromkeys(texts.documents)
        for role, distinct in wanted.items():
            unpaid += not_cached(encoder, list(distinct), role)
    confirm_spending([estimate(config.model, unpaid, load_prices())], confirm)


def _audited_split(prepared: PreparedDataset) -> str:
    return "train" if "train" in prepared.splits else next(iter(prepared.splits))


def _about(config: JudgeSettings, prepared: PreparedDataset, origin: Origin, cross: CrossJudge | None) -> dict[str, Any]:
    """Where mined rows come from."""
    return {
        "name": prepared.name,
        "data": {"location": prepared.location, "fingerprint": prepared.fingerprint},
        "model": {"name": origin.name, "from": origin.kind, "revision": origin.revision, "sha256": origin.sha256},
        "cross_encoder": None if cross is None else {"name": cross.origin.name, "sha256": cross.origin.sha256},
        "settings": config.mining.model_dump(exclude={"enabled"}),
        "version": MINE_VERSION,
    }


def _audited(config: JudgeSettings, prepared: PreparedDataset, encoder: TextEncoder, cross: CrossJudge | None) -> dict[str, Any]:
    split = _audited_split(prepared)
    texts = texts_of(prepared, split)
    if not len(texts.hide_half(config.mining.seed)[1]):
        say(f"{prepared.name}: no query of {split} has several positives, so there is nothing to hide")
        return MiningAudit(0, 0, 0, {}).as_json() | {"split": split}
    found = audit_mining(texts, *encoded(encoder, texts, config.model), config.mining, encoder.similarity, cross)
    for line in audit_lines(found, config.mining):
        say(f"{prepared.name}: {line}")
    return found.as_json() | {"split": split}


def audit_lines(found: MiningAudit, spec: MiningSpec) -> list[str]:
    """The audit in words."""
    names = {
        "plain": f"the first {spec.negatives} that are not known",
        "window": f"ranks {spec.rank_from} to {spec.rank_to}, no filter",
        "filter": "with the filter",
    }
    lines = [f"{found.queries:,} queries have several positives; {found.hidden:,} positives are hidden"]
    shown = ["plain", "filter"] if found.found["plain"] == found.found["window"] else list(found.found)
    width = max(len(names[name]) for name in shown)
    for name in shown:
        one = found.found[name]
        mined = f"{one.mined:,} of the hidden are mined ({one.mined / found.hidden:.1%})"
        share = one.false / one.negatives if one.negatives else 0
        lines.append(f"  {names[name]:<{width}}  {mined}; {share:.1%} of {one.negatives:,} negatives are false")
    return lines


def _saved(
    config: JudgeSettings,
    prepared: PreparedDataset,
    encoder: TextEncoder,
    cross: CrossJudge | None,
    out: Path,
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """Writes the rows of all splits and, beside them, where they come from; returns the summaries."""
    import yaml

    summaries: dict[str, Any] = {}

    def parts() -> Iterator[pa.Table]:
        grouped = any(has_groups(rows) for rows in prepared.splits.values())
        for split, rows in prepared.splits.items():
            if not len(rows):
                continue
            # nothing is learnt from the negatives of what is judged, so these may come from anywhere
            texts = texts_of(prepared, split) if split == "train" else mining_texts(rows, prepared.corpus)
            vectors = encoded(encoder, texts, config.model)
            mined = mine_texts(texts, vectors, config.mining, encoder, cross)
            if split != "train" and not mined.complete.all():
                mined.fill_from(mine_texts(texts, vectors, unlimited(config.mining), encoder, None))
            summaries[split] = summary(mined, config.mining)
            for line in summary_lines(summaries[split], config.mining):
                say(f"{prepared.name}, {split}: {line}")
            yield from mined_rows(split, rows, texts, mined, grouped=grouped)

    number = write_rows(out, parts())
    beside = out.with_name(f"{out.name}.about.yaml")
    write_text(beside, yaml.safe_dump({**about, "mined": summaries}, sort_keys=False, allow_unicode=True))
    say(f"{number:,} rows with their negatives: {out}; where they come from: {beside}")
    if prepared.own_corpus:
        say(
            "  note: the corpus is not in that file, so a model trained on it is judged on the file's texts only; to be judged on"
            " the whole corpus, train on the data set itself with mining.enabled=true"
        )
    return summaries
