"""The run as one self-contained HTML page, readable without network, in light and dark, on a phone.

Everything goes through templates with automatic escaping, so texts of the user cannot become markup. What the page shows is
worked out here and in the `page_*` modules; the templates only place it, and the scripts only draw and filter what is there
without them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from data.findings import finding_words
from train import wording
from train.console import plain
from train.deploy.use_it import UseIt
from train.report.cost import time_shares
from train.report.dev_gain import dev_gain_lines, dev_scope
from train.report.drawing.intervals import Forest
from train.report.first_base import first_base_on_page
from train.report.hero import Hero
from train.report.html_page import build
from train.report.page_curve import Curve
from train.report.page_examples import Cases, Change
from train.report.page_panel import PanelView, loss_warnings
from train.report.page_pictures import pictures
from train.report.page_reproduce import Repeat
from train.report.page_slices import slice_remarks, sliced
from train.report.pictures.similarities import Similarities
from train.report.pictures.training import TrainedStep
from train.report.references import references_on_page, tuned_in_words
from train.report.seeds_table import seed_lines
from train.report.sentences import verdict_lines
from train.report.sentences_doubt import independence
from train.report.sentences_looks import looks_sentence
from train.runs.records import AuditedDataset, AuditRecord, EnvironmentRecord, JudgedDataset, RunReport, ScoreLine
from train.wording import Sides

MANY = 4
"""More data sets have their sentences behind a line to open; the table below says the same."""

_KINDS = {"scored": "scored pairs", "pair": "pairs", "tuple": "pairs with negatives"}


@dataclass(frozen=True)
class Extras:
    """What a page may show besides the report; what is empty is not known and left out.

    Attributes:
        data_notes: sentences about each data set, by name.
        audit: what is in the data.
        changes: how many queries or pairs of each data set changed, see `examples.count_changes`.
        command: how to run it again.
        config: settings, as YAML.
        environment: on what it was run.
        use: how to use the model; None of an evaluation.
        training: the lines of training.jsonl.
        similarities: of the queries or pairs of each data set, by name; they hold no texts.
    """

    data_notes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    audit: AuditRecord | None = None
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    command: str = ""
    config: str = ""
    environment: EnvironmentRecord | None = None
    use: UseIt | None = None
    training: Sequence[TrainedStep] = ()
    similarities: Mapping[str, Similarities] = field(default_factory=dict)

    def without_texts(self) -> Extras:
        """Return what may be shown where no text of the data may appear.

        Notes and findings quote cells, and what is taken for a column's name may be one: of the audit only counts stay.
        """
        audited = () if self.audit is None else self.audit.datasets
        counts = tuple(AuditedDataset(name=one.name, kind=one.kind, counts=one.counts) for one in audited)
        return replace(self, data_notes={}, audit=AuditRecord(datasets=counts))


def render(
    report: RunReport,
    curve: Sequence[ScoreLine],
    examples: Sequence[Mapping[str, Any]],
    extras: Extras = Extras(),
) -> str:
    """Return the page of a run.

    Args:
        report: of a run, or of an evaluation of two models.
        curve: the lines of scores.jsonl; an evaluation has none.
        examples: queries and pairs that changed most, see `examples.pick_examples`.
        extras: what else is known.

    Returns:
        A complete HTML document.
    """
    results = [named(entry) for entry in report.datasets]
    hero = Hero.of(report.model_copy(update={"datasets": tuple(results), "primary": plain(report.primary or "") or None}))
    sides = Sides(*map(plain, report.sides))
    lines = [line for result in results for line in result.lines()]
    forest = Forest.of([line.ci95 for line in lines])
    learned = Curve.of(curve, report.best_step, report.selection)
    cases = Cases.of(examples)
    divided, panel = sliced(results), PanelView.of(report)
    context: dict[str, Any] = {
        "hero": hero,
        "sentences": verdict_lines(results, sides),
        "looked": looks_sentence(results),
        "about_training": _one_seed(report),
        "seeds": seed_lines(results),
        "use": extras.use,
        "results": results,
        "lines": lines,
        "many": len(results) > MANY,
        "split": results[0].split if results else "test",
        "metrics": sum(len(result.metrics) for result in results),
        "metric_intervals": any(pair.ci95 is not None for result in results for pair in result.metrics.values()),
        "shortened": {result.name: result.dimensions for result in results},
        "forest": forest,
        "bars": [forest.bar(line.delta, line.ci95) for line in lines],
        "sides": sides,
        "columns": tuple(map(_capital, sides.headings())),
        "columns_long": tuple(map(_capital, sides)),
        "comparison": f"{wording.sentence_case(sides.in_sentences()[1])} against {sides.in_sentences()[0]}",
        "legend": sides.legend(),
        **references_on_page(report, plain),
        **first_base_on_page(report, plain, tuned_in_words(report)),
        "curve": learned,
        "dev_gains": dev_gain_lines(results),
        "dev_scope": dev_scope(results),
        "independence": independence(results),
        "slices": divided,
        "slice_remarks": slice_remarks(results),
        "panel": panel,
        "lost_elsewhere": loss_warnings(report.panel, report.selection),
        "cases": cases,
        "changes": [Change.of(plain(name), one) for name, one in extras.changes.items() if one["gained"] or one["lost"]],
        "data_rows": _data_rows(extras.audit),
        "data_notes": _data_notes(extras),
        "cost": wording.cost_lines(report.cost),
        "shares": time_shares(report.cost),
        "repeat": Repeat.of(extras.environment, extras.config, extras.command, list(report.models.values())),
        **pictures(
            results,
            sides,
            curve=learned,
            scores=curve,
            training=extras.training,
            slices=divided,
            panel=panel,
            similarities=extras.similarities,
        ),
        "version": None if extras.environment is None else extras.environment.packages.get("embed-tune"),
    }
    return build(
        "page.html.j2",
        styles=["style.css", "page.css", "drawing.css"],
        scripts=["shared.js", "page.js"],
        data={},
        verdict=report.verdict,
        title=hero.tab,
        parts=_parts(context),
        **context,
    )


def named(result: JudgedDataset) -> JudgedDataset:
    """Return the same result with a name that can stand inside a sentence."""
    return result.model_copy(update={"name": plain(result.name)})


def _one_seed(report: RunReport) -> str:
    """Return what another seed would come to, where one was trained; elsewhere the verdict's sentences say it."""
    told = report.training is None or any(one.training is not None for one in report.datasets)
    return "" if told or report.training is None else plain(report.training.sentence)


def _capital(side: str) -> str:
    """Capitalise `base` and `tuned`; names of models keep their letters."""
    return side.capitalize() if side in Sides() else side


def _parts(context: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return anchor and name of each part that is there."""
    parts = (
        ("use", "Use it", context["use"]),
        ("results", "Results", context["results"]),
        ("near", "Similarities", context["near"]),
        ("first-base", "First base", context["first_base"]),
        ("references", "Without fine-tuning", context["references"] or context["reference_notes"]),
        ("slices", "Parts", context["slices"]),
        ("seeds", "Seeds" if context["seeds"] else "Cross-validation", context["seeds"] or context["repeats_picture"]),
        ("curve", "Learning curve", context["curve"]),
        ("training", "Training", context["training_picture"]),
        ("elsewhere", "Elsewhere", context["panel"]),
        ("changed", context["cases"].title if context["cases"] else "What changed", context["cases"] or context["changes"]),
        ("data", "Data", context["data_rows"] or context["data_notes"]),
        ("cost", "Cost and time", context["cost"]),
        ("repeat", "Run it again", context["repeat"]),
    )
    return [(anchor, name) for anchor, name, there in parts if there]


def _data_rows(audit: AuditRecord | None) -> list[dict[str, str]]:
    """Return a line for each data set: its kind, rows (and queries) of each split, and documents."""
    lines = []
    for found in () if audit is None else audit.datasets:
        counts = found.counts
        line = {"name": plain(found.name), "kind": _KINDS.get(found.kind, "")}
        for split in ("train", "dev", "test"):
            rows, queries = counts.get(f"rows_{split}"), counts.get(f"queries_{split}")
            line[split] = "" if rows is None else f"{rows:,}" if queries in (None, rows) else f"{rows:,} ({queries:,} queries)"
        line["documents"] = f"{counts['documents']:,}" if "documents" in counts else ""
        lines.append(line)
    return lines


def _data_notes(extras: Extras) -> dict[str, list[tuple[str, str]]]:
    """Return (severity, sentence) pairs for each data set: what its loading noted and what the audit found."""
    notes = {plain(name): [("note", note) for note in found] for name, found in extras.data_notes.items()}
    for found in () if extras.audit is None else extras.audit.datasets:
        own = notes.setdefault(plain(found.name), [])
        for finding in found.findings:
            severity = str(finding["severity"])
            advice = f". What to do: {finding['mend']}" if severity != "info" and finding.get("mend") else ""
            own.append((severity, finding_words(finding) + advice))
    return {name: sorted(found, key=lambda note: note[0] != "warning") for name, found in notes.items() if found}
