"""What training cost on other work, in sentences, as a table of the terminal and as a part of the page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from train import wording
from train.console import plain, plain_table
from train.report.drawing.intervals import Bar, Forest
from train.runs.records import AuditRecord, PanelPart, PanelRecord, RunReport, Selection

OWN_LANGUAGE = "en"
"""The language of the packaged texts of the panel."""


class Traded(NamedTuple):
    """What a share of the way to the checkpoint scores on dev and elsewhere; `change` is against the base there."""

    share: float
    dev: float | None
    elsewhere: float | None
    change: float | None
    note: str


@dataclass(frozen=True)
class PanelView:
    """The part of the page about other work.

    Attributes:
        parts: of the panel, as they were judged.
        bars: their intervals, drawn in `forest`.
        traded: the weights that were tried, by their share; empty where none were.
        summary: what they say, in a sentence or two.
        notes: what was not judged and what the panel cannot see.
    """

    parts: tuple[PanelPart, ...]
    forest: Forest
    bars: list[Bar]
    traded: list[Traded]
    summary: str
    notes: tuple[str, ...]

    @classmethod
    def of(cls, report: RunReport) -> PanelView | None:
        """Return the part; None where no other work was judged."""
        if (panel := report.panel) is None or not (panel.parts or panel.notes or panel.left_out):
            return None
        parts = tuple(one.model_copy(update={"name": plain(one.name)}) for one in panel.parts)
        forest = Forest.of([one.ci95 for one in parts])
        bars = [forest.bar(one.delta, one.ci95) for one in parts]
        notes = tuple(map(plain, (*panel.left_out, *panel.notes)))
        return cls(parts, forest, bars, _traded(report.selection, panel), panel_sentence(panel, report.selection), notes)


def loss_warnings(panel: PanelRecord | None, selection: Selection | None = None) -> tuple[str, ...]:
    """Return a sentence where something was lost elsewhere: by what was judged, which `selection` tells from what is shipped."""
    lost = [] if panel is None else [one for one in panel.parts if one.lost]
    if not lost:
        return ()
    told = "; ".join(
        f"{plain(one.name)} {wording.change(one.delta)} ({wording.metric_name(one.metric)} {wording.fraction(one.base)} →"
        f" {wording.fraction(one.tuned)}, 95% interval {wording.interval(one.ci95)},"
        f" {wording.counted(one.n, one.kind, one.groups)})"
        for one in lost
    )
    by = ", by what was trained and is not shipped" if selection is not None and selection.withheld else ""
    return (f"lost elsewhere{by}: {told}",)


def panel_sentence(panel: PanelRecord, selection: Selection) -> str:
    """Say what the panel found, and whether it had a say in the choice."""
    if not panel.parts:
        return ""
    lost, names = [one for one in panel.parts if one.lost], wording.joined([plain(one.name) for one in panel.parts])
    if lost:
        found = f"On other work the model lost more than the margin on {wording.joined([plain(one.name) for one in lost])}."
    else:
        found = f"On other work ({names}) no loss beyond the margin is shown{_ruled_out(panel.parts)}."
    if selection.dev_choice is None:
        return found
    return f"{found} {wording.less_elsewhere(selection.share, selection.dev_choice)}"


def _ruled_out(parts: Sequence[PanelPart]) -> str:
    """Return whether such a loss is ruled out; "" for reports that do not tell."""
    if any(one.not_worse is None for one in parts):
        return ""
    open_ = [plain(one.name) for one in parts if not one.not_worse]
    if not open_:
        return ", and one is ruled out"
    return ", nor is one ruled out" + ("" if len(open_) == len(parts) else f" on {wording.joined(open_)}")


def language_note(audit: AuditRecord | None) -> tuple[str, ...]:
    """Say so where the run's texts are mostly of another language than the panel's."""
    shares: dict[str, float] = defaultdict(float)
    for found in () if audit is None else audit.datasets:
        spoken = found.languages if isinstance(found.languages, dict) else {}
        columns = spoken.get("train") or spoken.get("test")
        for column in columns.values() if isinstance(columns, dict) else ():
            for name, part in column.items() if isinstance(column, dict) else ():
                shares[name] += part if isinstance(part, float | int) else 0.0
    language, share = max(shares.items(), key=lambda one: one[1], default=(OWN_LANGUAGE, 0.0))
    if language == OWN_LANGUAGE or share <= shares[OWN_LANGUAGE]:
        return ()
    return (
        f"the packaged parts of the panel are English, and the run's texts are mostly of another language ({language}): what is"
        " lost in that language does not show here; `panel` in the config names data sets of your own",
    )


def panel_table(panel: PanelRecord | None) -> Table | None:
    """Return the table of the terminal; None where nothing was judged."""
    if panel is None or not panel.parts:
        return None
    table = plain_table("Other work, the half that took no part in the choice")
    table.add_column("part", overflow="fold")
    table.add_column("metric", no_wrap=True)
    for heading in ("n", "base", "tuned", "change", "95% interval", "p"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in panel.parts:
        figures = (wording.fraction(one.base), wording.fraction(one.tuned), wording.change(one.delta))
        table.add_row(
            Text(one.name),
            wording.metric_name(one.metric),
            f"{one.n:,}",
            *figures,
            wording.interval(one.ci95),
            wording.p_value(one.p_value),
        )
    return table


def _traded(selection: Selection, panel: PanelRecord) -> list[Traded]:
    if not any(one.panel is not None for one in selection.tried):
        return []
    rows = []
    for one in selection.tried:
        change = None if one.panel is None or panel.base_choosing is None else one.panel - panel.base_choosing
        note = "base" if one.share == 0 else "taken" if one.share == selection.share else ""
        if one.share == selection.dev_choice:
            note = "the best on dev"
        rows.append(Traded(one.share, one.dev, one.panel, None if one.share == 0 else change, note))
    return rows
