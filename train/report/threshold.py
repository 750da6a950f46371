"""What a threshold is worth, for a terminal: the figures with their intervals, and what they depend on."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from train.runs.thresholds import FiguresRecord, Threshold, percent

WIDTH = 80
"""Columns of a terminal."""


def threshold_story(found: Threshold | None, reason: str, notes: Sequence[str]) -> str:
    """Return the words for people.

    Args:
        found: what was chosen; None where there is none.
        reason: why there is none, or why nothing can be said of it.
        notes: what else must be known.
    """
    if found is None:
        hint = "Ask for less than that (--precision), or judge on more rows: data.split.dev=… when training."
        return _joined([f"No threshold: {reason}.", hint, *map(_sentence, notes)])
    unit = "the first document of a search" if found.use == "search" else "a pair"
    what = "is taken for an answer" if found.use == "search" else "is taken for a match"
    lines = [f"Threshold: {found.threshold:g} ({found.similarity}): from there on {unit} {what}.", ""]
    lines += [*_split("dev", found.dev, found), *_split("test", found.test, found), ""]
    lines += [_sentence(reason) if reason else _agreement(found), *_scope(found), *_moved(found)]
    return _joined([*lines, *map(_sentence, notes)])


def _split(name: str, one: FiguresRecord, found: Threshold) -> list[str]:
    things = "queries" if found.use == "search" else "pairs"
    grouped = f" (in {one.units:,} groups)" if one.units < one.n else ""
    share = f"{one.taken:,} of {one.n:,} {things}{grouped} reach it"
    right = f"{one.taken_right:,} of these are right"
    precision = "" if one.precision is None else f": precision {percent(one.precision)}"
    first = f"{name + ':':<6}{right}{precision}" if one.taken else f"{name + ':':<6}nothing is taken"
    covered = f"{share}: {percent(one.coverage)}" if one.taken else share
    lines = [first, f"      {covered}"]
    if name == "dev" and one.taken == one.n:
        lines.append("      so it is reached by everything on dev: no threshold is needed for this precision")
    if one.found is not None:
        whose = "answers that stand first" if found.use == "search" else "matches"
        lines.append(f"      of all {one.right:,} {whose} it finds {percent(one.found)}")
    return lines


def _agreement(found: Threshold) -> str:
    """Say whether test keeps what was asked for."""
    precision = found.test.precision
    if found.share_asked is not None:
        precision = next((one.precision for one in found.at_share if one.share == found.share_asked), None)
    asked = f"the {found.precision_asked:.1%} that were asked for"
    at = "" if found.share_asked is None else f", where {found.share_asked:.1%} of all are right"
    if precision is None:
        return f"Test has too few right or wrong ones to tell the precision{at}."
    if precision.low >= found.precision_asked:
        return f"Test has more than {asked}{at}, beyond doubt."
    if precision.high < found.precision_asked:
        return f"Test has less than {asked}{at}, beyond doubt: ask for more, or trust the figure on test."
    return f"On test {asked} lie within the interval{at}."


def _scope(found: Threshold) -> list[str]:
    """Say for which share of right ones the figures hold, and what they are at others."""
    share = f"{found.test.share:.1%}"
    if found.use == "search":
        first = (
            f"This holds where the first document of {share} of all queries is right, as in test. Precision falls where fewer"
            " are: in test every query has an answer among the documents. A document that nobody judged counts as wrong."
        )
    else:
        low, high = found.scale or (0.0, 1.0)
        first = (
            f"This holds where {share} of all pairs are matches, as in test, and falls where fewer are. A pair counts as a match"
            f" from a score of {found.match_from:g} on (scale {low:g} to {high:g}; --match-from)."
        )
    told = [f"{one.share:g}: {percent(one.precision)}" for one in found.at_share]
    return [first, *(["Precision on test at another share:", *(f"      {one}" for one in told)] if told else [])]


def _moved(found: Threshold) -> list[str]:
    """Say how the threshold moved by training."""
    base = found.base
    if base is None:
        return []
    if base.threshold is None:
        return ["Thresholds move when a model is trained: with the base, none reached this precision on dev."]
    first = (
        f"Thresholds move when a model is trained: the base would need {base.threshold:g}, the tuned model {found.threshold:g}."
    )
    if base.tuned is None or base.tuned.precision is None:
        return [first]
    covered = f"{base.tuned.coverage.value:.1%} taken"
    return [
        first,
        f"At the base's threshold the tuned model has a precision of {percent(base.tuned.precision)} on test ({covered}).",
    ]


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(part for line in lines for part in _wrapped(line))


def _wrapped(line: str) -> list[str]:
    """Return a line in as many as it takes, none of them broken within a word; what is indented stays so."""
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) or [""]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith(".") else ".")
