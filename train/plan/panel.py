"""The panel: a little other work on which a run is judged, too, to see what its training costs elsewhere.

Half of each part's items may take part in the choice of what is shipped, the other half judges it; no item does both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import numpy as np

from data.errors import DataError
from data.load import prepare
from data.prepared import PreparedDataset
from data.schema import RowKind, text_id
from data.spec import DatasetSpec, SplitSpec
from train.config.choices import PanelUse
from train.config.schema import TrainSettings
from train.encode.local import Encoder
from train.errors import ConfigError
from train.evaluate.halves import fewer_documents, halves, take
from train.evaluate.tasks import RetrievalTask, Task, build_task
from train.plan.plan import Plan
from train.wording import joined

QUERIES, DOCUMENTS, PAIRS = 200, 1000, 500
"""Items of a part at most: queries and the documents that they search, and scored pairs. Where the choice of dev stands,
all-MiniLM-L6-v2 takes 17 seconds for all three parts on 2 cores with matrix units; each further share tried adds to it."""

FEWEST = 20
"""Items below which a part says nothing: its halves would be of ten."""

LONGEST = 1024
"""Characters of a text that count: about 256 tokens of English."""

CHARACTERS, WEIGHTS, SMALLEST = 400_000, 11_000_000, 0.2
"""Characters of a part at most on a CPU, for a model with that many weights beside its word vectors (all-MiniLM-L6-v2 has 10.7
million); fewer in proportion for larger ones, down to that share. The size decides and not a measured speed, so that the same run
makes the same choice on a busy machine."""

KNOWN = 0.02
"""Share of a part's texts that train has, from which the part is no other work."""


@dataclass(frozen=True)
class Panel:
    """What is judged beside the run's own data.

    Attributes:
        choosing: one half of each part, by its name.
        judged: the other half.
        left_out: sentences about what is not judged, and why.
    """

    choosing: Mapping[str, Task] = field(default_factory=dict)
    judged: Mapping[str, Task] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


def panel_wanted(plan: Plan) -> bool:
    """Tell whether the run judges other work, too: a run that is cut to a number of steps is a trial, and does not by itself,
    unless the user names other work."""
    wanted, trial = plan.config.evaluation.panel, plan.config.training.max_steps is not None
    return wanted == PanelUse.ALWAYS or (wanted == PanelUse.AUTO and (not trial or bool(plan.config.panel)))


def panel_sentence(plan: Plan) -> str:
    """Say on which other work a run judges its models, nothing loaded; "" where it does not."""
    if not panel_wanted(plan):
        return ""
    names = joined([spec.name or Path(spec.source).stem for spec in (*_packaged(), *plan.config.panel)])
    return (
        f"other work: base and tuned are judged on {names}, too; a model of the size of all-MiniLM-L6-v2 takes about a minute for"
        " it on 2 cores (evaluation.panel=off leaves it out)"
    )


def check_panel(config: TrainSettings) -> None:
    """Load the parts of the panel that the user named, so that one that cannot be judged stops the run before it begins.

    Raises:
        ConfigError: two parts have one name.
        DataError: one cannot be read, or has nothing to judge.
    """
    if config.evaluation.panel == PanelUse.OFF:
        return
    names = {spec.name for spec in _packaged()}
    for spec in _named(config):
        task = build_task(_read(spec, config), "test")
        if task.name in names:
            raise _twice(task.name)
        names.add(task.name)


def _read(spec: DatasetSpec, config: TrainSettings) -> PreparedDataset:
    return prepare(spec, SplitSpec(), config.cache)


def _named(config: TrainSettings) -> list[DatasetSpec]:
    """Return the parts that the user named: nothing of them is trained on, so all rows may be judged."""
    return [spec.model_copy(update={"train": False}) for spec in config.panel]


def _twice(name: str) -> ConfigError:
    return ConfigError(f"two parts of the panel are called {name!r}", hint="give one of them a name: panel.0.name=NAME")


def make_panel(plan: Plan) -> Panel:
    """Load the parts of the panel that are other work than the run's, at a size that suits the model.

    Raises:
        ConfigError: two parts have one name.
        DataError: a part that the user named cannot be judged.
    """
    trained = _trained_texts(plan)
    parts: dict[str, Task] = {}
    left_out = []
    for number, spec in enumerate([*_packaged(), *_named(plan.config)]):
        packaged = number < len(_packaged())
        try:
            prepared = _read(spec, plan.config)
            name = prepared.name
            if (why := _not_elsewhere(prepared, plan, trained)) is not None:
                left_out.append(f"{name} is left out: {why}")
                continue
            task = _without(_sized(build_task(prepared, "test"), plan.encoder), trained)
        except DataError as error:
            if not packaged:
                raise
            left_out.append(f"{spec.name or spec.source} is left out: {error}")
            continue
        if name in parts:
            raise _twice(name)
        if task is None:
            left_out.append(f"{name} is left out: fewer than {FEWEST} of its items are new to the model")
            continue
        parts[name] = task
    both = {name: halves(task) for name, task in parts.items()}
    return Panel({name: one for name, (one, _) in both.items()}, {name: one for name, (_, one) in both.items()}, tuple(left_out))


def _packaged() -> list[DatasetSpec]:
    """Return scored pairs about operations, functions by their descriptions, and everyday questions with their answers."""
    samples = Path(str(files("data"))) / "samples"
    return [
        DatasetSpec(source=str(samples / "devops.csv"), name="devops"),
        DatasetSpec(source="python_api", name="python_api"),
        DatasetSpec(source=str(samples / "everyday.csv"), name="everyday", train=False),
    ]


def _trained_texts(plan: Plan) -> np.ndarray:
    """Return [U] uint64, ascending: the hashes of all texts that the run trains on."""
    found = [np.empty(0, dtype=np.uint64)]
    for name in plan.sets:
        hashes = (plan.datasets[name].hashes or {}).get("train")
        found += [] if hashes is None else [hashes.first, hashes.second, *hashes.negatives]
    return np.unique(np.concatenate(found))


def _not_elsewhere(prepared: PreparedDataset, plan: Plan, trained: np.ndarray) -> str | None:
    """Say why a part is the run's own work; None where it is not."""
    for name, own in plan.datasets.items():
        if own.source_fingerprint and own.source_fingerprint == prepared.source_fingerprint:
            return "the run trains on it" if name in plan.sets else "the run judges it among its own data"
    texts = [side for one in (prepared.hashes or {}).values() for side in (one.first, one.second)]
    distinct = np.unique(np.concatenate(texts)) if texts else np.empty(0, dtype=np.uint64)
    known = np.isin(distinct, trained, assume_unique=True).mean() if len(distinct) else 0.0
    return f"the run trains on {known:.0%} of its texts" if known >= KNOWN else None


def _without(task: Task, trained: np.ndarray) -> Task | None:
    """Return the items of which no text was trained on; None where too few are left."""
    if isinstance(task, RetrievalTask):
        texts = dict(zip(task.document_ids, task.documents, strict=True))
        items = [
            [query, *(texts[one] for one, grade in task.qrels[identity].items() if grade > 0)]
            for identity, query in zip(task.query_ids, task.queries, strict=True)
        ]
    else:
        items = [list(pair) for pair in zip(task.sentences1, task.sentences2, strict=True)]
    hashes = [np.array([int(text_id(text), 16) for text in item], dtype=np.uint64) for item in items]
    keep = [number for number, own in enumerate(hashes) if not np.isin(own, trained).any()]
    return take(task, keep) if len(keep) >= FEWEST else None


def _sized(task: Task, encoder: Encoder) -> Task:
    """Return at most so many items, those with the lowest hash; on a CPU fewer of long texts, the larger the model is."""
    if not isinstance(task, RetrievalTask):
        return _lowest(task, task.sentences1, PAIRS)
    most = CHARACTERS * size_allowed(encoder)
    queries, documents = QUERIES, DOCUMENTS
    while True:
        found = _lowest(task, task.queries, queries)
        assert isinstance(found, RetrievalTask)
        found = fewer_documents(found, documents)
        if sum(min(len(text), LONGEST) for text in found.documents) <= most or queries // 2 < 2 * FEWEST:
            return found
        queries, documents = queries // 2, documents // 2


def _lowest(task: Task, texts: list[str] | object, most: int) -> Task:
    assert isinstance(texts, list)
    order = sorted(range(len(texts)), key=lambda item: text_id(texts[item]))
    return take(task, order[:most])


def size_allowed(encoder: Encoder) -> float:
    """Return the share of the panel's long texts that the model reads: all of them on a GPU, and where it is small."""
    if encoder.model.device.type != "cpu":
        return 1.0
    weights = sum(one.numel() for name, one in encoder.model.named_parameters() if "embed" not in name.lower())
    return min(1.0, max(SMALLEST, WEIGHTS / weights)) if weights else 1.0


def in_words(panel: Panel) -> list[str]:
    """Return what is judged elsewhere, and what is not."""
    sizes = [
        f"{name} ({len(one) + len(panel.judged[name]):,} {'pairs' if one.kind is RowKind.SCORED else 'queries'})"
        for name, one in panel.choosing.items()
    ]
    return [*([f"other work: {', '.join(sizes)}"] if sizes else ["there is no other work to judge"]), *panel.left_out]
