"""Gather what a run found into `report.json`, `per_query.parquet`, `report.html` and the closing words on the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.prepared import PreparedDataset
from data.storage import write_text
from train.config.schema import TrainSettings
from train.console import detail, now, say
from train.deploy.card import write_card
from train.deploy.use_it import UseIt
from train.evaluate.first_base import first_base_sentences
from train.evaluate.results import DatasetResult, run_verdict
from train.evaluate.score import Scores
from train.evaluate.tasks import Task
from train.fit.trainer import Work
from train.report.closing import closing
from train.report.cost import cost
from train.report.examples import count_changes, pick_examples, worst_examples
from train.report.page import Extras, render
from train.report.page_panel import language_note, loss_warnings
from train.report.pictures.similarities import similarities_of
from train.report.references import references_story, tuned_in_words
from train.report.terminal import side_by_side, story
from train.report.training import on_shipped, on_training
from train.runs.folder import RunFolder
from train.runs.per_query import write_per_query
from train.runs.progress import begin
from train.runs.read import RunRecords, read_audit, read_environment
from train.runs.records import CutScore, JudgedDataset, PanelRecord, RunReport, Selection
from train.runs.score_log import ScoreLog
from train.runs.training_log import read_training_log
from train.selection.interpolation import Winner
from train.selection.judged import BaseScores, TestScores
from train.selection.references import Beside
from train.tracking.base import Tracker
from train.wording import BASE_AND_TUNED, fraction, metric_name


def shortened_rows(datasets: Sequence[JudgedDataset]) -> list[tuple[str, str, str]]:
    """Return what was judged, base and tuned, for each data set and length."""
    return [
        (f"{one.name}, {metric_name(one.metric)}, {cut.dimensions} dimensions", fraction(cut.base), fraction(cut.tuned))
        for one in datasets
        for cut in one.dimensions
    ]


def report_run(
    run: Path,
    config: TrainSettings,
    datasets: Mapping[str, PreparedDataset],
    results: Sequence[DatasetResult],
    base: BaseScores,
    tuned: TestScores,
    log: ScoreLog,
    winner: Winner,
    work: Work,
    seconds: Mapping[str, float],
    tracker: Tracker,
    beside: Beside | None = None,
    panel: PanelRecord | None = None,
) -> RunReport:
    """Write all reports of a run, say how it went, and tell the dashboard.

    Args:
        run: the run folder.
        config: the resolved configuration.
        datasets: all data sets, for their notes.
        results: tuned against base on every test split.
        base, tuned: the scores behind them.
        log: scores of every checkpoint on dev.
        winner: what was judged on test.
        work: what training consumed.
        seconds: `base`, `test` (with the choice of what is judged) and `total` (with earlier sessions), wall clock.
        tracker: gets the report, too.
        beside: words alone, and models that nobody trained; None in a run that is part of another.
        panel: what was found on other work; None where it was not judged.

    Returns:
        The content of `report.json`.
    """
    begin("report")
    files, audit = RunFolder(run), read_audit(run)
    if panel is not None:
        panel = panel.model_copy(update={"notes": language_note(audit)})
    training, shipped = on_training(results), on_shipped(results, kept=winner.share == 0, passed_over=winner.held_back)
    selection = Selection.model_validate(winner.as_json())
    report = RunReport(
        verdict=run_verdict(results),
        primary=results[0].name if results else None,
        run=run.name,
        best_step=winner.step,
        selection=selection,
        base_model=config.model.name,
        datasets=tuple(JudgedDataset.of_result(one, _dimensions(base, tuned, one.name)) for one in results),
        training=training,
        shipped=shipped,
        cost=cost(run, log, work, seconds, panel) | ({"vectors_from_cache": base.from_cache} if base.from_cache else {}),
        finished_at=now(),
        references=() if beside is None else beside.results,
        reference_notes=() if beside is None else beside.notes,
        **({} if beside is None or beside.first_base is None else {"first_base": beside.first_base}),
        **({} if panel is None else {"panel": panel, "warnings": loss_warnings(panel, selection)}),
    )
    write_per_query(files.per_query, base.test.full, tuned.full, base.other)
    extras = Extras(
        config=files.config.read_text(encoding="utf-8"),
        environment=read_environment(run),
        audit=audit,
        data_notes={name: list(prepared.notes) for name, prepared in datasets.items()},
        changes={name: count_changes(task, base.test.full[name][1], scores) for name, (task, scores) in tuned.full.items()},
        use=UseIt.of(RunRecords.of(run, report), str(files.model), str(run)) if files.model.is_dir() else None,
        training=read_training_log(run),
        similarities=similarities_of(base.test.full, tuned.full),
        command=f"embed-tune train --config {shlex.quote(str(files.config))} run_name={run.name}-again",
    )
    examples = [one for name, judged in tuned.full.items() for one in _examples(*judged, base.test.full[name][1])]

    def page(texts: bool) -> str:
        return render(report, log.lines, examples if texts else [], extras if texts else extras.without_texts())

    write_text(files.page, page(texts=True))
    write_card(run, report)
    report.write(files.report)  # last: a run with a report.json is finished
    one_seed = None if any(one.training is not None for one in results) else training.sentence
    said = story(
        results,
        log.lines,
        report.cost,
        share=winner.share,
        panel=panel,
        selection=report.selection,
        headline=shipped.headline,
        about_training=one_seed,
    )
    detail(said)
    if lines := shortened_rows(report.datasets):
        detail("\n" + side_by_side("Test scores with shortened vectors", lines, BASE_AND_TUNED))
    if said := references_story(report.references, report.reference_notes, tuned_in_words(report)):
        detail("\n" + said)
    for sentence in first_base_sentences(report.first_base, tuned_in_words(report)):
        detail(f"  {sentence}")
    for line in closing(report, files, config):
        say(line)
    tracker.log_report(report.to_dict(), page, examples)
    return report


def _examples(task: Task, tuned: Scores, base: Scores) -> list[dict[str, Any]]:
    """Return what changed most; where nothing did, as the base was kept, where it fails."""
    return pick_examples(task, base, tuned) or worst_examples(task, base)


def _dimensions(base: BaseScores, tuned: TestScores, name: str) -> tuple[CutScore, ...]:
    """Return the scores of a data set with cut vectors; none where no vectors were cut."""
    before = base.test.shortened
    return tuple(
        CutScore(dimensions=length, base=before[length][name], tuned=values[name]) for length, values in tuned.shortened.items()
    )
