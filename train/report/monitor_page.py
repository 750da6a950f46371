"""What `embed-tune monitor` says of a window, in the words of terminal and page alike; and the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from train.console import plain
from train.machine import own_version
from train.report.drawing.picture import Picture, Table
from train.report.drawing.rows import DrawnRow, row_chart
from train.report.html_page import build, moment
from train.watch.alarm import WindowVerdict
from train.watch.checks import LEVELS, SURROUNDING, Check
from train.watch.measure import NEARLY_ALL
from train.wording import fraction, span

NOT_TOLD = "not told"
"""What stands for the level of a check, or of a window, that says nothing."""
LEVEL_SIGNS = {"quiet": "○", "look": "◆", "alarm": "▲"}
LEVEL_LOOKS = {"quiet": "improved", "look": "mixed", "alarm": "regressed"}
"""Classes of the style sheet; the word stands beside the colour everywhere."""

CHECK_NAMES = {
    "index": "Model of the index",
    "documents": "Documents in the index",
    "canaries": "Canaries",
    "classifier": "Told apart",
    "mmd": "Distribution of vectors",
    "novelty": "Far from all known texts",
    "similarity": "Similarity to documents",
    "length": "Length",
    "unknown": "Unknown tokens",
    "cut": "Cut texts",
}
"""What a check is called on the page; its name in JSON stands beside it in docs/monitoring.md."""

FIGURES = {
    "documents": "share gone",
    "canaries": "share moved",
    "classifier": "AUC",
    "mmd": "of the spread",
    "novelty": "share",
    **dict.fromkeys(("similarity", "length", "unknown", "cut"), "chance of more"),
}
"""What the figure of a check is."""

CAUSES = {
    "index": "the index was not built with this model",
    "documents": "documents that known queries ask for are gone from the index",
    "canaries": "known queries no longer find their documents",
    "classifier": "its texts are of another kind than those that the model was judged on",
    "mmd": "its texts are of another kind than those that the model was judged on",
    "novelty": "its texts are of another kind than those that the model was judged on",
    "similarity": "its texts and the documents are not as similar as they were",
    "length": "its texts are of another length",
    "unknown": "it has more words that the tokenizer does not know",
    "cut": "more of its texts are cut",
}
"""Why a level is not quiet, the gravest first, as it stands in the first line behind the name of the window."""

SHOWN_NAMES = 5
"""Canaries that are named beside their check."""
NEWEST = 30
"""Windows that the history shows."""


@dataclass(frozen=True)
class NewText:
    """A text of a window that stands for others of its kind, and what is nearest to it.

    Attributes:
        id, text: of the window.
        nearest: the nearest text of the reference.
        similarity: cosine to it.
        like: further texts of the window that are of its kind, a few of them.
        count: texts of that kind among the most foreign ones, this one included.
    """

    id: str
    text: str
    nearest: str
    similarity: float
    like: tuple[str, ...]
    count: int

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return asdict(self)


class Past(NamedTuple):
    """A window that was looked at: name, when (ISO 8601), level in a word, and the share of texts of another kind; None where
    there are none beyond chance, or nothing could be told."""

    name: str
    finished_at: str
    level: str
    foreign: float | None


def headline(name: str, verdict: WindowVerdict) -> str:
    """Return the first line of every report, without the level."""
    grave = {one.name for one in verdict.checks if one.level == verdict.level and one.told}
    around = [cause for check, cause in CAUSES.items() if check in grave and check in SURROUNDING]
    of_texts = list(dict.fromkeys(cause for check, cause in CAUSES.items() if check in grave and check not in SURROUNDING))
    if verdict.level != "quiet":
        # what makes a window another one moves nearly every check: the first two say what there is to say
        texts = f"{name}: {', and '.join(of_texts[:2])}"
        surroundings = ", and ".join(around[:2])
        return f"{surroundings} (window {name})" if not of_texts else "; ".join([surroundings, texts] if around else [texts])
    if not verdict.told:
        return f"{name} has too few texts to say anything about them"
    return f"nothing in {name} is unlike what the model was judged on, beyond chance"


def render(found: Mapping[str, Any], verdict: WindowVerdict, past: Sequence[Past], notes: Sequence[str]) -> str:
    """Return the page about a window.

    Args:
        found: what its JSON holds.
        verdict: level and checks.
        past: the windows until now, this one last.
        notes: what should be known.
    """
    window, level = found["window"], str(found["level"])
    ordered = sorted(verdict.checks, key=lambda one: (not one.told, -LEVELS.index(one.level)))
    return build(
        "monitor.html.j2",
        styles=["style.css", "page.css", "drawing.css", "monitor.css"],
        scripts=["shared.js", "monitor.js"],
        data={},
        verdict="no_evidence" if verdict.heading == NOT_TOLD else LEVEL_LOOKS[level],
        title=plain(f"{verdict.heading}: {window['name']}"),
        sign=sign_of(verdict),
        level=verdict.heading,
        headline=plain(str(found["headline"])),
        lead=_lead(verdict),
        known=[(name, plain(str(value))) for name, value in _known(found)],
        notes=[plain(note) for note in (*notes, *verdict.notes)],
        checks=[_line(one) for one in ordered],
        new=[
            {
                **one,
                "text": plain(one["text"]),
                "id": plain(one["id"]),
                "nearest": plain(one["nearest"]),
                "like": [plain(text) for text in one["like"]],
            }
            for one in (found["new"] if verdict.texts_speak else ())
        ],
        history=_history(past) if len(past) > 1 else "",
        next_steps=[(plain(one["command"]), plain(one["for"])) for one in found["next"]],
        finished=moment(str(found["finished_at"])),
        version=own_version(),
    )


def sign_of(verdict: WindowVerdict) -> str:
    """Return the sign of a window's level."""
    return "·" if verdict.heading == NOT_TOLD else LEVEL_SIGNS[verdict.level]


def _lead(verdict: WindowVerdict) -> str:
    if not verdict.told:
        return "The texts themselves could not be compared."
    if verdict.shown_share is None:
        return "" if verdict.texts_speak else "No texts of another kind are shown."
    share, (low, high) = verdict.shown_share
    if share >= NEARLY_ALL:
        return f"Nearly all of the texts are of another kind (95% interval from {low:.0%})."
    return f"At least about {share:.0%} of the texts are of another kind (95% interval {low:.0%} to {high:.0%})."


def _known(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    window, reference = found["window"], found["reference"]
    texts = f"{window['rows']:,}" + ("" if window["rows"] == window["different"] else f", {window['different']:,} different")
    return [
        ("Run", found["run"]),
        ("Window", f"{window['name']} ({texts} texts)"),
        ("Reference", f"{reference['given']:,} texts of {found['dataset']}"),
        ("Encoded by", found["model"]),
    ]


def _line(check: Check) -> dict[str, Any]:
    # a share that chance alone gives would contradict the word beside it
    hidden = check.name == "index" or (check.name == "novelty" and check.level == "quiet")
    return {
        "name": CHECK_NAMES.get(check.name, check.name),
        "level": check.level if check.told else NOT_TOLD,
        "look": LEVEL_LOOKS[check.level] if check.told else "no_evidence",
        "sign": LEVEL_SIGNS[check.level] if check.told else "·",
        "unit": FIGURES.get(check.name, ""),
        "figure": "" if check.figure is None or hidden else fraction(check.figure),
        "interval": "" if check.interval is None or hidden else span(check.interval),
        "sentence": plain(check.sentence),
        "named": [plain(name) for name in check.named[:SHOWN_NAMES]],
        "more": max(0, len(check.named) - SHOWN_NAMES),
    }


def _history(past: Sequence[Past]) -> Picture:
    """Return the picture of the windows until now."""
    shown = list(past[-NEWEST:])
    rows = [
        DrawnRow(
            f"{one.finished_at[5:10]} {one.name}",
            100 * (one.foreign or 0.0),
            note=one.level if not one.foreign else f"{one.level}, {one.foreign:.0%}",
            look=LEVEL_LOOKS.get(one.level, "no_evidence"),
            title=f"{one.name}, {moment(one.finished_at)}: {one.level}",
        )
        for one in shown
    ]
    count = sum(one.level == "alarm" for one in shown)
    said = f"{len(shown):,} windows, {count:,} with an alarm; the last is {shown[-1].level}."
    label = f"Least share of texts of another kind in {len(shown)} windows"
    table = Table(
        "Windows, the oldest first",
        ("Window", "Finished", "Level", "Of another kind"),
        [(one.name, moment(one.finished_at), one.level, "" if one.foreign is None else f"{one.foreign:.0%}") for one in shown],
        words=(1, 2),
    )
    drawn = row_chart(rows, label, "texts of another kind, %, at least; 0: none beyond chance", signed=False)
    return Picture("windows", "", said, drawn, table)
