"""Hard negatives for training rows, mined with the base; also what `embed-tune mine` needs for that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from data.arrow import batches_of, facts_of, open_table
from data.mining.file import mined_table
from data.mining.mine import MINE_VERSION, Mined, mine
from data.mining.texts import MiningTexts, mining_texts
from data.prepared import PreparedDataset
from data.progress import progress
from data.schema import RowKind
from data.spec import MiningSpec
from data.storage import write_json
from train import distributed
from train.config.schema import BaseSettings, ModelConfig, TrainSettings
from train.console import detail, say
from train.encode.cache.open import open_shared_cache
from train.encode.contract import Role
from train.encode.cross_encoder import CrossJudge
from train.encode.local import Encoder, resolve_device
from train.encode.prompts import prompted
from train.encode.protocol import TextEncoder
from train.encode.wrappers import wrapped
from train.fit.recipe import mining_pays

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor


@dataclass(frozen=True)
class MinedSet:
    """Training rows of one data set with hard negatives.

    Attributes:
        table: the rows; `negative_1`, … stand behind their own columns.
        summary: numbers of what was mined and refused, see `summary`.
    """

    table: Dataset
    summary: Mapping[str, Any]


def mine_training_rows(config: TrainSettings, datasets: Mapping[str, PreparedDataset], encoder: Encoder) -> dict[str, MinedSet]:
    """Mine negatives with the base for the training rows of data sets of pairs, by `mining.enabled`; what was mined is said.

    By the rule ("auto") they are mined only where every row finds some: none is lost that nobody asked to lose. Unchanged rows,
    base and settings are not mined again. Every process must call it at the same time.

    Raises:
        ModelError: the cross-encoder cannot be loaded.
    """
    asked = config.mining.enabled
    if not asked:
        return {}
    out: dict[str, MinedSet] = {}
    cross = cross_encoder(config)
    for spec, (name, prepared) in zip(config.data.datasets, datasets.items(), strict=True):
        if not spec.train or "train" not in prepared.splits:
            continue
        if asked == "auto" and not _by_rule(config, prepared):
            continue
        if prepared.kind is not RowKind.PAIR:
            why = "scored pairs take no negatives" if prepared.kind is RowKind.SCORED else "its rows bring their own negatives"
            detail(f"{name}: no hard negatives are mined: {why}")
            continue
        found = _mined_set(config, prepared, prompted(encoder, spec.prompts), cross)
        if asked == "auto" and found.summary["rows_without"]:
            detail(f"{name}: no hard negatives are mined: {found.summary['rows_without']:,} rows have none")
            continue
        out[name] = found
        for line in summary_lines(out[name].summary, config.mining):
            detail(f"{name}: {line}")
    return out


def _by_rule(config: TrainSettings, prepared: PreparedDataset) -> bool:
    """Tell whether the rules ask for mined negatives of a data set."""
    rows = prepared.splits["train"]
    documents = len(prepared.corpus) if prepared.corpus is not None and prepared.own_corpus else 0
    positives = len(np.unique(prepared.hashes["train"].second)) if prepared.hashes else len(rows)
    return mining_pays(config.training, prepared.kind, len(rows), positives, documents)


def _mined_set(config: TrainSettings, prepared: PreparedDataset, encoder: Encoder, cross: CrossJudge | None) -> MinedSet:
    rows = prepared.splits["train"]
    key = _key(config.mining, prepared, encoder, cross)
    path = config.cache / "mined" / f"{prepared.name}-{key[:16]}.arrow"
    beside = path.with_suffix(".summary.json")
    if not distributed.share(facts_of(path) is not None and beside.exists()):
        say(f"{prepared.name}: mining hard negatives with the base …")
        texts = texts_of(prepared, "train")
        cache = open_shared_cache(config.vector_cache, config.cache, say)  # the base is judged on many of these texts, too
        vectors = encoded(wrapped(encoder, cache=cache, shared=True), texts, config.model)
        if cache is not None:
            cache.close()

        def write() -> None:
            mined = mine_texts(texts, vectors, config.mining, encoder, cross)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(beside, summary(mined, config.mining))
            mined_table(rows, texts, mined, path, key)

        distributed.on_main(write)
    return MinedSet(open_table(path), json.loads(beside.read_text("utf-8")))


def _key(spec: MiningSpec, prepared: PreparedDataset, encoder: TextEncoder, cross: CrossJudge | None) -> str:
    """Return a digest of everything that decides what is mined."""
    rows = hashlib.sha256()
    for batch in batches_of(prepared.splits["train"], ["row"]):
        rows.update("\n".join(batch[0]).encode("utf-8", "surrogatepass"))
    parts = [
        MINE_VERSION,
        prepared.fingerprint,
        rows.hexdigest(),
        [encoder.space(role) for role in (Role.QUERY, Role.DOCUMENT)],
        encoder.similarity,
        spec.model_dump(exclude={"enabled", "cross_encoder"}),
        None if cross is None else [cross.origin.name, cross.origin.revision, cross.origin.sha256],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def texts_of(prepared: PreparedDataset, split: str) -> MiningTexts:
    """Return what is mined for the rows of one split.

    Negatives come from the corpus of the source. Where the source has none, they come from the split's own rows: what is judged
    is not used in training, not even as what a query does not mean.
    """
    related = prepared.left_out if split == "train" else None
    return mining_texts(prepared.splits[split], prepared.corpus if prepared.own_corpus else None, related)


def encoded(encoder: TextEncoder, texts: MiningTexts, model: ModelConfig) -> tuple[Tensor, Tensor]:
    """Return the vectors of queries and documents, on the device where the search should run."""
    device = "cpu" if model.api is not None else resolve_device(model.device)
    queries, documents = encoder.encode(texts.queries, Role.QUERY), encoder.encode(texts.documents, Role.DOCUMENT)
    if not device.startswith("cuda"):
        return queries, documents
    return queries.to(device), documents.to(device)


def mine_texts(
    texts: MiningTexts, vectors: tuple[Tensor, Tensor], spec: MiningSpec, encoder: TextEncoder, cross: CrossJudge | None
) -> Mined:
    """Call `data.mining.mine.mine` with a progress bar."""
    with progress("mining", len(texts)) as tick:
        return mine(texts, *vectors, spec, encoder.similarity, cross, tick)


def cross_encoder(config: BaseSettings) -> CrossJudge | None:
    """Open the cross-encoder that the config names, if any.

    Raises:
        ModelError: there is none of that name.
    """
    name = config.mining.cross_encoder
    return None if name is None else CrossJudge(name, resolve_device(config.model.device))


def summary(mined: Mined, spec: MiningSpec) -> dict[str, Any]:
    """Return what was mined, as numbers: `Mined.counts`, `negatives` a row, `mean_rank` and `mean_score` of those out of the
    window."""
    ranked = mined.ranks > 0
    return {
        "rows": int(mined.complete.sum()),
        "rows_without": mined.counts["rows_without"],
        "rows_refused": mined.counts["rows_refused"],
        "negatives": spec.negatives,
        **{k: mined.counts[k] for k in ("candidates", "refused_near", "refused_margin", "cross_scored", "refused_cross")},
        **{k: mined.counts[k] for k in ("drawn", "repeated")},
        "median_rank": float(np.median(mined.ranks[ranked])) if ranked.any() else None,
        "mean_score": float(mined.scores[ranked].mean()) if ranked.any() else None,
        "mean_positive_score": float(mined.positive_scores.mean()) if len(mined.positive_scores) else None,
    }


def summary_lines(found: Mapping[str, Any], spec: MiningSpec) -> list[str]:
    """Put the summary into words."""
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
        lines.append(f"  the cross-encoder refused {found['refused_cross']:,} of {found['cross_scored']:,} that it scored")
    if found["drawn"] or found["repeated"]:
        again = f", {found['repeated']:,} are repeated" if found["repeated"] else ""
        lines.append(f"  too few candidates: {found['drawn']:,} negatives are drawn from outside the window{again}")
    if refused_rows := found["rows_refused"]:
        refused_by = limits_in_words(spec)
        lines.append(f"  {refused_rows:,} rows are left out: all documents that were tried for them are refused by {refused_by}")
    if known := found["rows_without"] - found["rows_refused"]:
        lines.append(f"  {known:,} rows are left out: no other document was found that does not belong to their query")
    return lines


def limits_in_words(spec: MiningSpec) -> str:
    """Name the settings that refuse documents, of those that are set."""
    limits: dict[str, float | str | None] = {
        "near_positive": spec.near_positive,
        "max_share_of_positive": spec.max_share_of_positive,
        "margin": spec.margin or None,
        "cross_encoder": spec.cross_encoder,
    }
    return ", ".join(f"mining.{name}" for name, value in limits.items() if value is not None)
