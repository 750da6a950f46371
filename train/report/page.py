"""The run as one self-contained HTML page, readable without network, in light and dark, on a phone.

Everything goes through templates with automatic escaping, so texts of the user cannot become markup. What the page shows is
worked out here and in the `page_*` modules; the templates only place it, and the scripts only draw and filter what is there
without them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from data.findings import finding_words
from train import wording
from train.console import plain
from train.evaluate.results import DatasetResult
from train.report.forest_plot import Forest
from train.report.html_page import CHART, build, moment
from train.report.page_curve import Curve
from train.report.page_examples import Cases, Change
from train.report.page_reproduce import Repeat
from train.report.sentences import verdict_lines
from train.wording import Sides

MANY = 4
"""More data sets have their sentences behind a line to open; the table below says the same."""

_KINDS = {"scored": "scored pairs", "pair": "pairs", "tuple": "pairs with negatives"}


class Tile(NamedTuple):
    """A figure that stands out."""

    label: str
    value: str
    note: str = ""


class Share(NamedTuple):
    """A part of a bar, in percent of its width."""

    colour: str
    label: str
    begin: float
    width: float


def render(
    report: Mapping[str, Any],
    curve: Sequence[Mapping[str, Any]],
    examples: Sequence[Mapping[str, Any]],
    extras: Mapping[str, Any],
) -> str:
    """The page of a run.

    Args:
        report: the content of report.json: `verdict`, `datasets`, and where they are there `cost`, `run`, `base_model`,
            `best_step`, `selection`, `finished_at` and `labels` (`base` and `tuned`: what the two models are called).
        curve: the lines of scores.jsonl (`step`, `dev`, and where they are there `datasets` and `train_seconds`), step 0 is the
            base.
        examples: queries and pairs that changed most, see `examples.pick_examples`.
        extras: any of `data_notes` (data set → list of sentences), `audit` (the content of audit.json), `changes` (data set →
            see `examples.count_changes`), `command` (how to run it again), `config` (YAML text) and `environment` (mapping of
            JSON values).

    Returns:
        A complete HTML document.
    """
    results = [named(DatasetResult.model_validate(entry)) for entry in report["datasets"]]
    sides = Sides(*map(plain, Sides.of(report)))
    environment = extras.get("environment") or {}
    lines = [line for result in results for line in result.lines()]
    forest = Forest.of([line.ci95 for line in lines])
    selection = report.get("selection") or {}
    learned = Curve.of(curve, report.get("best_step"), selection.get("share", 1.0), selection.get("dev"))
    cases = Cases.of(examples)
    context: dict[str, Any] = {
        "run": plain(str(report.get("run", "Run"))),
        "sentences": verdict_lines(results, sides),
        "results": results,
        "lines": lines,
        "many": len(results) > MANY,
        "split": results[0].split if results else "test",
        "metrics": sum(len(result.metrics) for result in results),
        "shortened": {plain(entry["name"]): entry.get("dimensions", ()) for entry in report["datasets"]},
        "forest": forest,
        "bars": [forest.bar(line.delta, line.ci95) for line in lines],
        "sides": sides,
        "columns": tuple(map(_capital, sides.headings())),
        "columns_long": tuple(map(_capital, sides)),
        "comparison": f"{wording.sentence_case(sides.in_sentences()[1])} against {sides.in_sentences()[0]}",
        "legend": sides.legend(),
        "tiles": _tiles(report, results),
        "curve": learned,
        "cases": cases,
        "changes": [Change.of(plain(name), entry) for name, entry in (extras.get("changes") or {}).items()],
        "data_rows": _data_rows(extras.get("audit") or {}),
        "data_notes": _data_notes(extras),
        "cost": wording.cost_lines(report.get("cost", {})),
        "shares": _time_shares(report.get("cost", {})),
        "repeat": Repeat.of(extras, list((report.get("models") or {}).values())),
        "version": (environment.get("packages") or {}).get("embed-tune"),
    }
    return build(
        "page.html.j2",
        styles=["style.css", "page.css"],
        scripts=[*([CHART] if learned else []), "shared.js", "page.js"],
        data={"curve": learned.chart() if learned else None},
        verdict=report["verdict"],
        title=f"{context['run']}: {wording.VERDICT_WORDS[report['verdict']]}",
        parts=_parts(context),
        **context,
    )


def named(result: DatasetResult) -> DatasetResult:
    """The same result with a name that can stand inside a sentence."""
    return result.model_copy(update={"name": plain(result.name)})


def _capital(side: str) -> str:
    """`Base` and `Tuned`; names of models keep their letters."""
    return side.capitalize() if side in Sides() else side


def _tiles(report: Mapping[str, Any], results: Sequence[DatasetResult]) -> list[Tile]:
    """The primary data set's figures, the base model, time and steps."""
    tiles = []
    primary = next((r for r in results if r.name == plain(str(report.get("primary")))), results[0] if results else None)
    if primary is not None:
        where = f" of {primary.split}" if primary.cross_validation is None else ""
        primary = primary.lines()[0]
        scores = f"{wording.fraction(primary.base)} → {wording.fraction(primary.tuned)}"
        judged = wording.counted(primary.n, primary.kind, primary.groups) + where
        tiles.append(Tile(f"{wording.metric_name(primary.metric)} on {primary.name}", scores, judged))
        tiles.append(Tile("Change", wording.change(primary.delta), f"95% interval {wording.interval(primary.ci95)}"))
    seconds = report.get("cost", {}).get("train_seconds")
    if seconds is not None:
        step, share = report.get("best_step"), (report.get("selection") or {}).get("share", 1.0)
        tiles.append(Tile("Training took", wording.duration(seconds), wording.shipped(step, share) if step else ""))
    if report.get("base_model"):
        tiles.append(Tile("Base model", plain(str(report["base_model"]))))
    if report.get("finished_at"):
        tiles.append(Tile("Finished", moment(str(report["finished_at"]))))
    return tiles


def _parts(context: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Anchor and name of each part that is there."""
    parts = (
        ("results", "Results", context["results"]),
        ("curve", "Learning curve", context["curve"]),
        ("changed", "What changed", context["cases"] or context["changes"]),
        ("data", "Data", context["data_rows"] or context["data_notes"]),
        ("cost", "Cost and time", context["cost"]),
        ("repeat", "Run it again", context["repeat"]),
    )
    return [(anchor, name) for anchor, name, there in parts if there]


def _data_rows(audit: Mapping[str, Any]) -> list[dict[str, str]]:
    """A line for each data set of audit.json: its kind, rows (and queries) of each split, and documents."""
    lines = []
    for found in audit.get("datasets", ()):
        counts = found.get("counts", {})
        line = {"name": plain(found["name"]), "kind": _KINDS.get(found.get("kind"), "")}
        for split in ("train", "dev", "test"):
            rows, queries = counts.get(f"rows_{split}"), counts.get(f"queries_{split}")
            line[split] = "" if rows is None else f"{rows:,}" if queries in (None, rows) else f"{rows:,} ({queries:,} queries)"
        line["documents"] = f"{counts['documents']:,}" if "documents" in counts else ""
        lines.append(line)
    return lines


def _data_notes(extras: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """(severity, sentence) for each data set: what its loading noted and what the audit found."""
    notes = {plain(name): [("note", note) for note in found] for name, found in (extras.get("data_notes") or {}).items()}
    for found in (extras.get("audit") or {}).get("datasets", ()):
        own = notes.setdefault(plain(found["name"]), [])
        for finding in found.get("findings", ()):
            advice = f". What to do: {finding['mend']}" if finding["severity"] != "info" and finding.get("mend") else ""
            own.append((finding["severity"], finding_words(finding) + advice))
    return {name: sorted(found, key=lambda note: note[0] != "warning") for name, found in notes.items() if found}


def _time_shares(cost: Mapping[str, float]) -> list[Share]:
    """Training, evaluation and the rest as parts of the whole time; none where that was not measured."""
    total, parts = cost.get("total_seconds"), [cost.get("train_seconds"), cost.get("eval_seconds")]
    known = [part for part in parts if part is not None]
    if not total or len(known) < 2 or sum(known) > total * 1.001:
        return []
    shares, begin = [], 0.0
    for colour, what, seconds in zip("abc", ("training", "evaluation", "the rest"), (*known, total - sum(known)), strict=True):
        spent = max(seconds, 0.0)
        width = 100 * spent / total
        shares.append(Share(colour, f"{what} {wording.duration(spent)} ({width:.0f}%)", round(begin, 2), round(width, 2)))
        begin += width
    return shares
