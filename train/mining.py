"""Hard negatives for training rows, mined with the base; and `embed-tune mine`, which saves them or audits how they are mined."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from data.arrow import batches_of, facts_of, open_table
from data.load import prepare
from data.mine import MINE_VERSION, Mined, mine
from data.mine_audit import MiningAudit, audit_mining
from data.mine_file import check_file, mined_rows, mined_table, write_rows
from data.mine_rows import MiningTexts, mining_texts
from data.progress import progress
from data.schema import DataError, PreparedDataset, RowKind
from data.spec import MiningSpec
from train import ranks
from train.auditing import leak_rules
from train.config import Config, ModelConfig
from train.encode.contract import Role
from train.encode.encoder import Encoder, resolve_device
from train.encode.locate import WeightsOrigin, locate
from train.encode.memo import RememberingEncoder
from train.encode.opened import TextEncoder, open_model
from train.encode.shared import SharedEncoder
from train.errors import ConfigError, ModelError
from train.runfolder import write_json, write_text
from train.terminal import quiet_libraries, say

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset
    from sentence_transformers import CrossEncoder
    from torch import Tensor

PAIRS_AT_ONCE = 64
"""Texts in one forward pass of the cross-encoder."""


class Vectors(Protocol):
    """What mining asks of an encoder."""

    @property
    def similarity(self) -> Any:
        """How two vectors are compared."""
        ...

    def encode(self, texts: Sequence[str], role: Role) -> Tensor:
        """[N, D] float32 on the CPU."""
        ...


@dataclass(frozen=True)
class MinedSet:
    """Training rows of one data set with hard negatives.

    Attributes:
        table: the rows; `negative_1`, … stand behind their own columns.
        summary: numbers of what was mined and refused, see `summary`.
    """

    table: Dataset
    summary: Mapping[str, Any]


class CrossJudge:
    """A cross-encoder as what `data.mine` asks for: probabilities that a document belongs to a query. Loaded when first asked."""

    def __init__(self, name: str, device: str) -> None:
        self.device = device
        self.origin: WeightsOrigin = locate(ModelConfig(name=name))

    @cached_property
    def _model(self) -> CrossEncoder:
        from sentence_transformers import CrossEncoder

        try:
            model = CrossEncoder(str(self.origin.path), device=self.device)
        except Exception as error:  # a damaged file raises whatever the library that reads it raises
            reason = (str(error).splitlines() or [type(error).__name__])[0][:300]
            raise ModelError(
                f"mining.cross_encoder: {self.origin.name} could not be loaded: {reason}",
                mend="check that the folder is complete, or leave it out",
            ) from error
        if model.num_labels != 1:
            raise ModelError(
                f"mining.cross_encoder: {self.origin.name} gives {model.num_labels} labels, not one score",
                mend="name a cross-encoder for ranking, such as cross-encoder/ms-marco-MiniLM-L6-v2",
            )
        return model

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """[P] in 0..1."""
        import torch

        found = self._model.predict(
            list(pairs), batch_size=PAIRS_AT_ONCE, show_progress_bar=False, activation_fn=torch.nn.Sigmoid()
        )
        return np.asarray(found, dtype=np.float32)


def mine_training_rows(config: Config, datasets: Mapping[str, PreparedDataset], encoder: Encoder) -> dict[str, MinedSet]:
    """By `mining.enabled`, the training rows of every data set of pairs with negatives mined by the base; what was mined is said.

    Unchanged rows, base and settings are not mined again. Every process must call it at the same time.

    Raises:
        ModelError: the cross-encoder cannot be loaded.
    """
    if not config.mining.enabled:
        return {}
    out: dict[str, MinedSet] = {}
    cross = _cross_encoder(config)
    for spec, (name, prepared) in zip(config.data.datasets, datasets.items(), strict=True):
        if not spec.train or "train" not in prepared.splits:
            continue
        if prepared.kind is not RowKind.PAIR:
            why = "scored pairs take no negatives" if prepared.kind is RowKind.SCORED else "its rows bring their own negatives"
            say(f"{name}: no hard negatives are mined: {why}")
            continue
        out[name] = _mined_set(config, prepared, encoder, cross)
        for line in summary_lines(out[name].summary, config.mining):
            say(f"{name}: {line}")
    return out


def _mined_set(config: Config, prepared: PreparedDataset, encoder: Encoder, cross: CrossJudge | None) -> MinedSet:
    rows = prepared.splits["train"]
    key = _key(config.mining, prepared, encoder, cross)
    path = config.cache / "mined" / f"{prepared.name}-{key[:16]}.arrow"
    beside = path.with_suffix(".summary.json")
    if not ranks.share(facts_of(path) is not None and beside.exists()):
        say(f"{prepared.name}: mining hard negatives with the base …")
        texts = texts_of(prepared, "train")
        vectors = encoded(SharedEncoder(encoder), texts, config.model)

        def write() -> None:
            mined = _mine(texts, vectors, config.mining, encoder, cross)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(beside, summary(mined, config.mining))
            mined_table(rows, texts, mined, path, key)

        ranks.on_main(write)
    return MinedSet(open_table(path), json.loads(beside.read_text("utf-8")))


def _key(spec: MiningSpec, prepared: PreparedDataset, encoder: TextEncoder, cross: CrossJudge | None) -> str:
    """A digest of everything that decides what is mined."""
    rows = hashlib.sha256()
    for batch in batches_of(prepared.splits["train"], ["row"]):
        rows.update("\n".join(batch[0]).encode("utf-8", "surrogatepass"))
    parts = [
        MINE_VERSION,
        prepared.fingerprint,
        rows.hexdigest(),
        [encoder.space(role) for role in ("query", "document")],
        encoder.similarity,
        spec.model_dump(exclude={"enabled", "cross_encoder"}),
        None if cross is None else [cross.origin.name, cross.origin.revision, cross.origin.sha256],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def texts_of(prepared: PreparedDataset, split: str) -> MiningTexts:
    """What is mined for the rows of one split.

    Negatives come from the corpus of the source. Where the source has none, they come from the split's own rows: what is judged
    is not used in training, not even as what a query does not mean.
    """
    return mining_texts(prepared.splits[split], prepared.corpus if prepared.own_corpus else None)


def encoded(encoder: Vectors, texts: MiningTexts, model: ModelConfig) -> tuple[Tensor, Tensor]:
    """Vectors of queries and documents, on the device where the search should run."""
    device = "cpu" if model.api is not None else resolve_device(model.device)
    queries, documents = encoder.encode(texts.queries, "query"), encoder.encode(texts.documents, "document")
    if not device.startswith("cuda"):
        return queries, documents
    return queries.to(device), documents.to(device)


def _mine(
    texts: MiningTexts, vectors: tuple[Tensor, Tensor], spec: MiningSpec, encoder: Vectors, cross: CrossJudge | None
) -> Mined:
    with progress("mining", len(texts)) as tick:
        return mine(texts, *vectors, spec, encoder.similarity, cross, tick)


def _cross_encoder(config: Config) -> CrossJudge | None:
    name = config.mining.cross_encoder
    return None if name is None else CrossJudge(name, resolve_device(config.model.device))


def summary(mined: Mined, spec: MiningSpec) -> dict[str, Any]:
    """What was mined, as numbers: `Mined.counts`, `negatives` a row, `mean_rank` and `mean_score` of those out of the window."""
    ranked = mined.ranks > 0
    return {
        "rows": int(mined.complete.sum()),
        "rows_without": mined.counts["rows_without"],
        "negatives": spec.negatives,
        **{k: mined.counts[k] for k in ("candidates", "refused_near", "refused_margin", "cross_scored", "refused_cross")},
        **{k: mined.counts[k] for k in ("drawn", "repeated")},
        "median_rank": float(np.median(mined.ranks[ranked])) if ranked.any() else None,
        "mean_score": float(mined.scores[ranked].mean()) if ranked.any() else None,
        "mean_positive_score": float(mined.positive_scores.mean()) if len(mined.positive_scores) else None,
    }


def summary_lines(found: Mapping[str, Any], spec: MiningSpec) -> list[str]:
    """The summary in words."""
    rank = "" if found["median_rank"] is None else f", median {found['median_rank']:.0f}"
    number = f"{spec.negatives} hard negative{'s' if spec.negatives > 1 else ''}"
    lines = [f"{number} a row for {found['rows']:,} rows, ranks {spec.rank_from} to {spec.rank_to} of the base's search{rank}"]
    if candidates := found["candidates"]:
        refused = [
            f"{found[key]:,} ({found[key] / candidates:.1%}) {why}"
            for key, why in (("refused_margin", "too near to the positive"), ("refused_near", "near duplicates of a positive"))
        ]
        lines.append(f"  refused of {candidates:,} candidates: {', '.join(refused)}")
    if found["cross_scored"]:
        lines.append(f"  the cross-encoder refused {found['refused_cross']:,} of {found['cross_scored']:,} that it looked at")
    if found["drawn"] or found["repeated"]:
        again = f", {found['repeated']:,} are repeated" if found["repeated"] else ""
        lines.append(f"  too few candidates: {found['drawn']:,} negatives are drawn from outside the window{again}")
    if found["rows_without"]:
        lines.append(f"  {found['rows_without']:,} rows are left out: every other document belongs to their query")
    return lines


def mine_data(
    config: Config, *, out: Path | None = None, audit: bool = False, as_json: bool = False, debug: bool = False
) -> list[dict[str, Any]]:
    """Mine hard negatives and save them, or audit how many positives the settings would mine; print what came out.

    Args:
        config: data sets, base model, `mining` (`enabled` plays no part).
        out: new .jsonl or .parquet file for the rows of one data set, all its splits, with their negatives.
        audit: hide half of the known positives and count how many are mined.
        as_json: print JSON on standard output, and everything else on standard error.
        debug: show what libraries log.

    Returns:
        One mapping a data set: `name`, `model`, `settings`, and `mined` (summaries by split) or `audit`.

    Raises:
        ConfigError: neither `out` nor `audit`, or several data sets for one file.
        DataError: the data cannot be read or mined; the file cannot be written.
        ModelError: a model is not there.
    """
    _refuse(config, out, audit)
    quiet_libraries(debug)
    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        prepared = [prepare(spec, config.data.split, config.cache, say, leak_rules(config.data)) for spec in config.data.datasets]
        for one in prepared:
            _refuse_kind(one)
        opened = open_model(config.model, batch_size=config.evaluation.batch_size, tokens=config.cache)
        say(f"base model: {opened.origin.sentence()}")
        cross = _cross_encoder(config)
        remembering = RememberingEncoder(opened.encoder)
        results = []
        for one in prepared:
            result = _about(config, one, opened.origin, cross)
            if audit:
                result["audit"] = _audited(config, one, remembering, cross)
            if out is not None:
                result["mined"] = _saved(config, one, remembering, cross, out, result)
            results.append(result)
    if as_json:
        say(json.dumps(results, indent=2, ensure_ascii=False, allow_nan=False))
    return results


def _refuse(config: Config, out: Path | None, audit: bool) -> None:
    if out is None and not audit:
        raise ConfigError("nothing to do", mend="--out FILE saves rows with their negatives, --audit counts false negatives")
    if out is not None:
        if len(config.data.datasets) > 1:
            raise ConfigError("several data sets for one file", mend="mine one at a time")
        check_file(out)


def _refuse_kind(prepared: PreparedDataset) -> None:
    if prepared.kind is RowKind.SCORED:
        raise DataError(
            "scored pairs take no negatives",
            where=prepared.location,
            mend="name the columns of queries and of what belongs to them: data.columns.anchor=NAME data.columns.positive=NAME",
        )


def _about(config: Config, prepared: PreparedDataset, origin: Any, cross: CrossJudge | None) -> dict[str, Any]:
    """Where mined rows come from."""
    return {
        "name": prepared.name,
        "data": {"location": prepared.location, "fingerprint": prepared.fingerprint},
        "model": {"name": origin.name, "from": origin.kind, "revision": origin.revision, "sha256": origin.sha256},
        "cross_encoder": None if cross is None else {"name": cross.origin.name, "sha256": cross.origin.sha256},
        "settings": config.mining.model_dump(exclude={"enabled"}),
        "version": MINE_VERSION,
    }


def _audited(config: Config, prepared: PreparedDataset, encoder: RememberingEncoder, cross: CrossJudge | None) -> dict[str, Any]:
    split = "train" if "train" in prepared.splits else next(iter(prepared.splits))
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
    config: Config,
    prepared: PreparedDataset,
    encoder: RememberingEncoder,
    cross: CrossJudge | None,
    out: Path,
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """Writes the rows of all splits and, beside them, where they come from; returns the summaries."""
    import yaml

    summaries: dict[str, Any] = {}

    def parts() -> Iterator[pa.Table]:
        for split, rows in prepared.splits.items():
            if not len(rows):
                continue
            texts = texts_of(prepared, split)
            mined = _mine(texts, encoded(encoder, texts, config.model), config.mining, encoder, cross)
            summaries[split] = summary(mined, config.mining)
            for line in summary_lines(summaries[split], config.mining):
                say(f"{prepared.name}, {split}: {line}")
            yield from mined_rows(split, rows, texts, mined)

    number = write_rows(out, parts())
    beside = out.with_suffix(".about.yaml")
    write_text(beside, yaml.safe_dump({**about, "mined": summaries}, sort_keys=False, allow_unicode=True))
    say(f"{number:,} rows with their negatives: {out}; where they come from: {beside}")
    if prepared.own_corpus:
        say(
            "  note: the corpus is not in that file, so a model trained on it is judged on the file's texts only; to be judged on"
            " the whole corpus, train on the data set itself with mining.enabled=true"
        )
    return summaries
