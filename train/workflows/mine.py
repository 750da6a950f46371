"""`embed-tune mine`: rows with mined hard negatives, and an audit of how many positives the settings would mine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.audit.usable import refuse_stand_ins
from data.errors import DataError
from data.load import prepare
from data.mining.false_negatives import MiningAudit, audit_mining
from data.mining.file import check_file, has_groups, mined_rows, write_rows
from data.mining.mine import MINE_VERSION, unlimited
from data.mining.texts import mining_texts
from data.prepared import PreparedDataset
from data.schema import RowKind
from data.spec import MiningSpec, with_least_dev
from data.storage import write_text
from train.config.schema import JudgeSettings
from train.console import notebook_view, quiet_libraries, say
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
    import pandas as pd
    import pyarrow as pa

AUDITED = ("plain", "window", "filter")
"""Ways of mining that an audit compares, see `MiningAudit`."""

SHOWN = 10
"""Mined rows that a notebook shows of those in memory."""


@dataclass(frozen=True)
class MinedRows:
    """Rows with their hard negatives, or an audit, and how they came about.

    Attributes:
        datasets: a mapping for each data set: `name`, `data`, `model`, `cross_encoder`, `settings`, `version`, and `mined`
            (summaries by split) or `audit` or both.
        lines: the same in words.
        rows: the mined rows, where they were not written to a file; for the columns see `data.mining.file.mined_rows`.
        file: with the mined rows, if it was asked for.
        about: where the rows in `file` come from, beside it.
    """

    datasets: tuple[dict[str, Any], ...]
    lines: tuple[str, ...]
    rows: pa.Table | None = None
    file: Path | None = None
    about: Path | None = None

    def to_dict(self) -> list[dict[str, Any]]:
        """Return what `--json` prints: a mapping for each data set."""
        return list(self.datasets)

    def to_pandas(self) -> pd.DataFrame:
        """Return the mined rows, also those in the file; of an audit alone one row for each data set and way of mining."""
        import pandas as pd

        if self.rows is not None:
            return pd.DataFrame(self.rows.to_pylist(), columns=self.rows.column_names)
        if self.file is None:
            return pd.DataFrame(
                [
                    {"name": one["name"], "split": one["audit"]["split"], "way": way, **one["audit"][way]}
                    for one in self.datasets
                    for way in AUDITED
                    if way in one["audit"]
                ]
            )
        if self.file.suffix == ".parquet":
            import pyarrow.parquet as pq

            return pd.DataFrame(pq.ParquetFile(self.file).read().to_pylist())
        with self.file.open(encoding="utf-8") as lines:  # pandas' own reader takes texts that look like numbers or dates for such
            return pd.DataFrame([json.loads(line) for line in lines])

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def _repr_html_(self) -> str:
        return notebook_view(str(self), self.to_pandas().head(SHOWN) if self.file is None else None)


def mine_data(
    config: JudgeSettings,
    *,
    out: Path | None = None,
    audit: bool = False,
    confirm: Confirm | None = None,
    debug: bool = False,
) -> MinedRows:
    """Mine hard negatives, or audit how many positives the settings would mine.

    Args:
        config: data sets, base model, `mining` (`enabled` plays no part).
        out: new .jsonl or .parquet file for the rows of one data set, all its splits, with their negatives. Without it, and
            without `audit`, the rows stay in memory.
        audit: hide half of the known positives and count how many are mined.
        confirm: asked before money is spent, see `Confirm`; None refuses.
        debug: show what libraries log.

    Raises:
        ConfigError: rows of several data sets.
        DataError: the data cannot be read or mined; the file cannot be written.
        ModelError: a model is not there.
        Interrupted: money was not to be spent.
    """
    saving = out is not None or not audit
    if saving and len(config.data.datasets) > 1:
        raise ConfigError("several data sets for one file", hint="mine one at a time")
    if out is not None:
        check_file(out)
    quiet_libraries(debug)
    candidate = find_candidate(config.model.name, config.model, config.output_dir)
    config = config.model_copy(update={"model": candidate.config})
    for note in candidate.notes:
        say(note)
    prepared = [
        prepare(spec, with_least_dev(config.data.split), config.cache, say, leak_rules(config.data))
        for spec in config.data.datasets
    ]
    for one in prepared:
        refuse_stand_ins(one)
        _refuse_kind(one, saving=saving)
    opened = open_model(config.model, batch_size=config.evaluation.batch_size, tokens=config.cache)
    say(f"base model: {opened.origin.sentence()}")
    cross = cross_encoder(config)
    cache = open_cache(config.vector_cache, config.cache, say)
    prompts = {one.name: spec.prompts for one, spec in zip(prepared, config.data.datasets, strict=True)}
    encoders = for_judging(opened.encoder, prompts, cache=cache, remembered=False)
    _confirm(config, prepared, encoders, all_splits=saving, confirm=confirm)
    datasets: list[dict[str, Any]] = []
    lines: list[str] = []
    rows, about = None, None if out is None else out.with_name(f"{out.name}.about.yaml")
    for one in prepared:
        remembering = wrapped(encoders[one.name], remembered=True)
        found = _about(config, one, opened.origin, cross)
        if audit:
            found["audit"], words = _audited(config, one, remembering, cross)
            lines += words
        if saving:
            summaries: dict[str, Any] = {}
            parts = _mined(config, one, remembering, cross, summaries, lines)
            if out is not None and about is not None:
                saved = _save(out, about, parts, found, summaries, own_corpus=one.own_corpus)
                lines += saved  # behind those of the splits, which are mined while they are saved
            else:
                rows = _together(parts)
            found["mined"] = summaries
        datasets.append(found)
    if cache is not None:
        cache.close()
    return MinedRows(tuple(datasets), tuple(lines), rows, out, about)


def _refuse_kind(prepared: PreparedDataset, *, saving: bool) -> None:
    if saving and prepared.kind is RowKind.TUPLE:
        raise DataError(
            "its rows bring their own negatives, so no others are saved beside them",
            where=prepared.location,
            hint="give a file without them; --audit reads such rows as well",
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
    """Return where mined rows come from."""
    return {
        "name": prepared.name,
        "data": {"location": prepared.location, "fingerprint": prepared.fingerprint},
        "model": {"name": origin.name, "from": origin.kind, "revision": origin.revision, "sha256": origin.sha256},
        "cross_encoder": None if cross is None else {"name": cross.origin.name, "sha256": cross.origin.sha256},
        "settings": config.mining.model_dump(exclude={"enabled"}) | {"sampling": str(config.mining.sampling)},
        "version": MINE_VERSION,
    }


def _audited(
    config: JudgeSettings, prepared: PreparedDataset, encoder: TextEncoder, cross: CrossJudge | None
) -> tuple[dict[str, Any], list[str]]:
    """Hide half of the known positives and mine. Returns the figures, and the same in words."""
    split = _audited_split(prepared)
    texts = texts_of(prepared, split)
    if not len(texts.hide_half(config.mining.seed)[1]):
        lines = [f"{prepared.name}: no query of {split} has several positives, so there is nothing to hide"]
        return MiningAudit(0, 0, 0, {}).as_json() | {"split": split}, lines
    found = audit_mining(texts, *encoded(encoder, texts, config.model), config.mining, encoder.similarity, cross)
    lines = [f"{prepared.name}: {line}" for line in audit_lines(found, config.mining)]
    return found.as_json() | {"split": split}, lines


def audit_lines(found: MiningAudit, spec: MiningSpec) -> list[str]:
    """Put the audit into words."""
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


def _mined(
    config: JudgeSettings,
    prepared: PreparedDataset,
    encoder: TextEncoder,
    cross: CrossJudge | None,
    summaries: dict[str, Any],
    lines: list[str],
) -> Iterator[pa.Table]:
    """Mine one split after another and yield its rows with their negatives, some thousand at a time.

    Args:
        summaries: gets the figures of each split.
        lines: gets the same in words.
    """
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
        lines += [f"{prepared.name}, {split}: {line}" for line in summary_lines(summaries[split], config.mining)]
        yield from mined_rows(split, rows, texts, mined, grouped=grouped)


def _together(parts: Iterator[pa.Table]) -> pa.Table:
    """Put the parts of a table together; a column of one of them may hold nothing."""
    import pyarrow as pa

    tables = list(parts)
    return pa.concat_tables(tables, promote_options="permissive") if tables else pa.table({})


def _save(
    out: Path,
    about: Path,
    parts: Iterator[pa.Table],
    found: Mapping[str, Any],
    summaries: Mapping[str, Any],
    *,
    own_corpus: bool,
) -> list[str]:
    """Write the rows of all splits and, beside them, where they come from. Returns what the user should know, line by line."""
    import yaml

    number = write_rows(out, parts)
    write_text(about, yaml.safe_dump({**found, "mined": dict(summaries)}, sort_keys=False, allow_unicode=True))
    lines = [f"{number:,} rows with their negatives: {out}; where they come from: {about}"]
    if own_corpus:
        lines.append(
            "  note: the corpus is not in that file, so a model trained on it is judged on the file's texts only; to be judged on"
            " the whole corpus, train on the data set itself with mining.enabled=true"
        )
    return lines
