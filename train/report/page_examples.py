"""The queries and pairs that changed most, or on which the base fails, as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, NamedTuple

from markupsafe import escape

from train import wording
from train.console import plain

BUDGET = 1_000_000
"""Bytes of examples in a page, so that it stays below 1.5 MB with its scripts and tables."""

_PER_PART = 400
"""Bytes of markup around a case and each of its documents, about."""


KINDS = {"gained": "gained most", "lost": "lost most", "failed": "where the base fails"}
"""Kinds of examples, as headings say them."""


class Group(NamedTuple):
    """Examples of one data set (by its number) and of one kind, "gained", "lost" or "failed": the largest change, or the worst,
    first."""

    dataset: int
    kind: str
    list: list[dict[str, Any]]

    @property
    def heading(self) -> str:
        """What is common to them."""
        return KINDS[self.kind]


@dataclass(frozen=True)
class Cases:
    """Examples in the order in which they are shown.

    Attributes:
        datasets: names of the data sets.
        groups: the examples with their own fields; `head` is the text of the closed case, `pair` tells pairs from queries,
            documents of a ranking have `moved`, relevant ones `ranks`; `wrong` are the wrong documents that come first.
        left_out: examples that would have made the page too large.
    """

    datasets: list[str]
    groups: list[Group]
    left_out: int

    @classmethod
    def of(cls, examples: Sequence[Mapping[str, Any]]) -> Cases | None:
        """Choose the examples (see `examples.pick_examples`) that fit into `BUDGET`, the largest changes of each kind before
        others."""
        if not examples:
            return None
        kept = _fitting(examples, BUDGET)
        names = list(dict.fromkeys(example["dataset"] for example in examples))
        groups: dict[tuple[int, str], list[dict[str, Any]]] = {}
        for example in kept:
            groups.setdefault((names.index(example["dataset"]), example["kind"]), []).append(_case(example))
        ordered = [Group(number, kind, found) for (number, kind), found in groups.items()]
        return cls([plain(name) for name in names], ordered, len(examples) - len(kept))

    @property
    def changed(self) -> bool:
        """Tell whether anything gained or lost, and not only where the base fails."""
        return any(group.kind != "failed" for group in self.groups)

    @property
    def title(self) -> str:
        """What the part of the page is called."""
        return "What changed" if self.changed else "Where the base fails"

    @property
    def introduction(self) -> str:
        """Say what is listed."""
        counts = {kind: sum(len(group.list) for group in self.groups if group.kind == kind) for kind in KINDS}
        changed = [f"the {counts[kind]:,} that {kind}" for kind in ("gained", "lost") if counts[kind]]
        told = [f"{wording.joined(changed)} most"] if changed else []
        told += [f"the {counts['failed']:,} on which the base does worst"] if counts["failed"] else []
        what = "figures" if all(case["pair"] for group in self.groups for case in group.list) else "right and wrong documents"
        text = f"{wording.joined(told)}. Open one to see its {what}."
        text = text[:1].upper() + text[1:]
        return f"{text} {self.left_out:,} more were left out to keep the page small." if self.left_out else text


class Change(NamedTuple):
    """How many queries or pairs of a data set gained, lost or stayed, with the parts of a bar."""

    name: str
    sentence: str
    shares: list[Any]

    @classmethod
    def of(cls, name: str, found: Mapping[str, Any]) -> Change:
        """Build it from the name and `examples.count_changes`."""
        gained, lost, same = (int(found[key]) for key in ("gained", "lost", "same"))
        total = max(gained + lost + same, 1)
        things = wording.things(found["kind"])
        sentence = f"{gained:,} of {total:,} {things} gained, {lost:,} lost, {same:,} stayed the same."
        shares, begin = [], 0.0
        for colour, part in (("gained", gained), ("same", same), ("lost", lost)):
            width = 100 * part / total
            shares.append({"colour": colour, "begin": round(begin, 2), "width": round(width, 2)})
            begin += width
        return cls(name, sentence, shares)


def _fitting(examples: Sequence[Mapping[str, Any]], budget: int) -> list[Mapping[str, Any]]:
    """Return the examples within the budget, in their order; each data set and direction gives its next largest in turn."""
    groups: dict[tuple[str, str], list[int]] = {}
    for number, example in enumerate(examples):
        groups.setdefault((example["dataset"], example["kind"]), []).append(number)
    kept: list[int] = []
    for round_ in zip_longest(*groups.values()):
        for number in (n for n in round_ if n is not None):
            budget -= _size(examples[number])
            if budget < 0:
                return [examples[n] for n in sorted(kept)]
            kept.append(number)
    return list(examples)


def _size(value: Any) -> int:
    """Estimate the bytes of an example or a part of it in the page."""
    if isinstance(value, str):
        return len(escape(value).encode("utf-8", "replace"))
    if isinstance(value, Mapping):
        return _PER_PART + sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, list) else 0


def _case(example: Mapping[str, Any]) -> dict[str, Any]:
    case = {"place": "", **example, "pair": "sentence1" in example, "failed": example["kind"] == "failed"}
    if case["pair"]:
        return case | {"head": example["sentence1"]}
    places = {document["id"]: rank for rank, document in enumerate(example["base_ranking"], start=1)}
    tuned = [
        _placed(document) | {"moved": _moved(rank, places.get(document["id"]), len(places))}
        for rank, document in enumerate(example["tuned_ranking"], start=1)
    ]
    base = [_placed(document) | {"moved": ""} for document in example["base_ranking"]]
    relevant = [_placed(document) | {"ranks": _ranks(document, case["failed"])} for document in example.get("relevant", ())]
    found = {"base_ranking": base, "tuned_ranking": [] if case["failed"] else tuned, "relevant": relevant}
    return case | found | {"head": example["query"], "wrong": _wrong(base, found["tuned_ranking"])}


def _placed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with where it stands: file and line, else its id."""
    return {**document, "place": document.get("place") or document["id"]}


def _wrong(base: Sequence[Mapping[str, Any]], tuned: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the wrong document that came first in each ranking, once where it is the same; `sides` says in which."""
    found: dict[str, dict[str, Any]] = {}
    for side, ranking in (("before", base), ("after", tuned)):
        first = next(((rank, one) for rank, one in enumerate(ranking, start=1) if not one["relevant"]), None)
        if first is not None:
            rank, one = first
            found.setdefault(one["id"], {**one, "sides": []})["sides"].append((side, rank))
    return list(found.values())


def _moved(rank: int, before: int | None, depth: int) -> str:
    if before is None:
        return f"↑ new among the first {depth}"
    if before == rank:
        return "= same rank"
    return f"{'↑' if before > rank else '↓'} from rank {before}"


def _ranks(document: Mapping[str, Any], alone: bool) -> str:
    """Say where a relevant document stood: "rank 3 → 1"; of a model alone "rank 3"."""
    before, after = ("beyond 100" if document[key] is None else f"{document[key]:,}" for key in ("base_rank", "tuned_rank"))
    return f"rank {before}" if alone else f"rank {before} → {after}"
