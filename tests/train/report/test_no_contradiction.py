"""First line, summary, sentences, tables, page, text and `--fail-on` say the same of every kind of run.

All kinds of runs are made: what is shown of training (one model alone, cross-validation, seeds) times what is shown of the model
on test, times what is shipped, times one data set or two.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from rich.console import Console

from train.config.fail_on import Condition
from train.evaluate.facts import RunFacts
from train.evaluate.holm import together
from train.evaluate.results import CrossValidation, DatasetResult, overall, run_verdict
from train.evaluate.seeds import SeedResult, SeedsResult
from train.evaluate.verdict import DatasetVerdict
from train.report.failing import why_it_fails
from train.report.index import render_index
from train.report.page import render
from train.report.sentences import verdict_lines
from train.report.terminal import story
from train.report.training import on_shipped, on_training
from train.runs.figures import headline_figure, verdict_line
from train.runs.listing import read_run
from train.runs.records import JudgedDataset, RunReport, Selection
from train.selection.unproven import marked_withheld
from train.wording import VERDICT_WORDS

VERDICTS: tuple[DatasetVerdict, ...] = ("improved", "no_evidence", "regressed")
FIGURES = {
    "improved": (0.08, (0.05, 0.11), 0.001),
    "no_evidence": (0.0, (-0.03, 0.03), 0.9),
    "regressed": (-0.08, (-0.11, -0.05), 0.001),
}
CHANGED = {"improved": "better", "regressed": "worse"}


def figures(verdict: DatasetVerdict) -> dict[str, object]:
    delta, ci95, p_value = FIGURES[verdict]
    values = {"n": 300, "base": 0.5, "tuned": 0.5 + delta, "delta": delta, "ci95": ci95, "p_value": p_value, "verdict": verdict}
    return values | {"item_ci95": ci95}


def one(name: str, by: str, training: DatasetVerdict, test: DatasetVerdict, ships: str) -> DatasetResult:
    """The result of a data set; `by`: what judges training besides the one model."""
    fields = figures("no_evidence" if ships == "kept" else test) | {"low95": figures(test)["ci95"][0], "item_ci95": None}
    found = DatasetResult.model_validate(
        fields
        | {"name": name, "kind": "pair", "split": "test", "metric": "ndcg@10", "margin": 0.02, "kept_base": ships == "kept"}
    )
    if ships == "kept":
        found = found.model_copy(update={"tuned": 0.5, "ci95": (0.0, 0.0), "p_value": 1.0}).of_one_model()
    if by == "cross":
        found = found.model_copy(update={"cross_validation": CrossValidation(folds=5, **figures(training))})
    if by == "seeds":
        deltas = [float(found.delta), 0.01, 0.02]
        seeds = [SeedResult(seed=i, tuned=0.5 + d, delta=d, shipped=not i and ships != "kept") for i, d in enumerate(deltas)]
        found = found.model_copy(update={"seeds": SeedsResult(seeds=tuple(seeds), sd=0.01, **figures(training))})
    return found


def runs() -> Iterator[tuple[str, list[DatasetResult]]]:
    kinds = [("alone", verdict, verdict) for verdict in VERDICTS]
    kinds += [(by, training, test) for by in ("cross", "seeds") for training, test in product(VERDICTS, VERDICTS)]
    for (by, training, test), ships in product(kinds, ("tuned", "kept", "withheld")):
        first = one("first", by, training, test, ships)
        for second in (None, *((t, v) for t, v in product(VERDICTS, VERDICTS) if by != "alone" or t == v)):
            results = together([first, *([] if second is None else [one("second", by, *second, ships)])])
            if ships == "withheld":
                if RunFacts.of(results).proven:
                    continue  # then nothing is withheld
                results = marked_withheld(results)
            yield ships, results


RUNS = list(runs())


def told(results: list[DatasetResult], ships: str) -> tuple[RunReport, str]:
    training, shipped = on_training(results), on_shipped(results)
    return (
        RunReport(
            verdict=run_verdict(results), run="r", best_step=4, training=training, shipped=shipped,
            datasets=tuple(JudgedDataset.of_result(result) for result in results),
            selection=Selection(step=4, share=0 if ships == "kept" else 1, withheld=ships == "withheld"), cost={},
        ),
        shipped.headline or verdict_lines(results)[0],
    )  # fmt: skip


def fails(condition: str, results: list[DatasetResult]) -> str | None:
    return why_it_fails(Condition.read(condition), run_verdict(results), results)


def test_the_first_line_says_what_matters_most() -> None:
    for ships, results in RUNS:
        facts = RunFacts.of(results)
        report, first = told(results, ships)
        assert facts.ships == ships and (facts.verdict == "improved") <= facts.proven and report.shipped.proven == facts.proven
        assert report.shipped.verdict == facts.shipped and report.training.verdict == facts.training
        if ships != "tuned":
            assert first.startswith("The base is shipped: ") and (facts.verdict, facts.shipped) == ("no_evidence", "no_evidence")
        elif "regressed" in [result.shipped for result in results]:
            assert first.startswith("Worse: ") and "is worse than the base on " in first
        elif not facts.proven:
            assert first.startswith("Unproven: ")
        elif facts.verdict == "improved":
            assert report.shipped.headline is None and "better than the base" in first
        else:
            assert first.startswith("Better, as far as this one model goes: ")
        assert ("would ship the base instead" in first) == (ships == "tuned" and not facts.proven)


def test_nothing_says_that_a_model_is_shipped_which_is_not() -> None:
    for ships, results in RUNS:
        report, first = told(results, ships)
        said = " ".join([first, *verdict_lines(results), report.shipped.sentence])
        lines = [line.name for result in results for line in result.lines()]
        for sentence in re.findall(r"The model that is shipped is ([^.]*)", said):
            assert sentence.startswith("the base itself") == (ships != "tuned"), sentence
        assert ships != "withheld" or not any("the shipped model" in name for name in lines)


def test_the_summary_counts_what_the_sentences_say() -> None:
    for _, results in RUNS:
        if len(results) == 1:
            continue
        summary, *sentences = verdict_lines(results)
        starts = ("Training makes a model that is ", "The tuned model is ")
        counts = {w: sum(s.startswith(tuple(f"{a}{w} than" for a in starts)) for s in sentences) for w in CHANGED.values()}
        better = re.search(r"better than the base on (\d) of 2 data sets", summary)
        worse = re.search(r"worse than the base on (\d) of 2 data sets|and worse on (\d)", summary)
        assert (int(better[1]) if better else 0) == counts["better"], summary
        assert (int(worse[1] or worse[2]) if worse else 0) == counts["worse"], summary
        assert summary.startswith("Whether ") == (not any(counts.values()))
        facts = RunFacts.of(results)
        if facts.ships == "tuned" and facts.several:
            for result in results:
                shown = re.search(rf"The model that is shipped is .*(better|worse) than the base on {result.name}", summary)
                assert (
                    shown is None or shown[1] == CHANGED.get(result.shipped) or len(re.findall("on (first|second)", summary)) > 1
                )
                assert result.shipped != "regressed" or result.settled == "regressed" or f"on {result.name}" in summary


def test_each_sentence_says_its_verdict() -> None:
    words = {"improved": "better than the base", "regressed": "worse than the base", "no_evidence": "is unproven"}
    for _, results in RUNS:
        for result, sentence in zip(results, verdict_lines(results)[-len(results) :], strict=True):
            verdict = result.settled if result.training is None else result.on_training
            assert words[verdict] in sentence.split(":")[0]
        if any(result.training is not None for result in results):
            assert on_training(results).verdict == overall([result.on_training for result in results])


def test_the_exit_code_goes_with_what_is_shipped() -> None:
    for ships, results in RUNS:
        facts = RunFacts.of(results)
        regressed, unclear, worse = (fails(word, results) for word in ("regressed", "no_evidence", "worse-than=0.02"))
        assert (regressed is None) == (facts.verdict not in ("regressed", "mixed"))
        assert (unclear is None) == (facts.verdict == "improved")
        if ships != "tuned":
            assert regressed is None and worse is None and unclear is not None and "The base is shipped: " in unclear
        if facts.shipped in ("regressed", "mixed"):
            assert regressed is not None and "is unproven" not in regressed
        if regressed is not None:
            assert "worse" in regressed


@pytest.mark.parametrize("ships", ["tuned", "kept", "withheld"])
def test_terminal_and_text_begin_with_the_first_line(ships: str) -> None:
    seen = set()
    for found, results in RUNS:
        report, first = told(results, found)
        kind = (first.split(":")[0], len(results), report.verdict)
        if found != ships or kind in seen:
            continue
        seen.add(kind)
        printed = story(results, headline=report.shipped.headline, console=Console(width=2000)).splitlines()
        assert printed[0].removeprefix("Verdict: ") == first
        assert report.shipped.headline is None or str(report).startswith(first)
    assert len(seen) >= (8 if ships == "tuned" else 2)


def test_the_figures_that_stand_for_a_run_go_with_its_verdict() -> None:
    for ships, results in RUNS:
        report, _ = told(results, ships)
        figure, line, facts = headline_figure(report), verdict_line(report), RunFacts.of(results)
        assert figure is not None
        word = {"tuned": VERDICT_WORDS[report.verdict].capitalize(), "kept": "The base is kept: nothing"}
        assert line.startswith(word.get(ships, "The base is shipped: what was trained is ")), line
        if ships != "kept":
            assert line.endswith(figure.figures)
            assert figure.line.delta == pytest.approx(figure.line.tuned - figure.line.base)
        if ships == "tuned" and report.verdict in ("improved", "regressed"):
            assert (figure.line.delta > 0) == (report.verdict == "improved"), line
            assert figure.line.settled == report.verdict and figure.result.whole == report.verdict
        if ships == "withheld":
            assert f" is {VERDICT_WORDS[figure.line.settled]}, " in line and figure.line.settled != "improved"
        if len(results) > 1 and (counted := re.search(r"better than the base on (\d) of", verdict_lines(results)[0])):
            assert ships != "tuned" or report.verdict != "improved" or f"on {counted[1]} of {len(results)} data sets" in line
        assert not facts.several or ships == "kept" or figure.found is not None or "all 5 parts" not in line


def test_page_and_index_show_the_same_figures(tmp_path: Path) -> None:
    seen = set()
    for ships, results in RUNS:
        report, _ = told(results, ships)
        line = verdict_line(report)
        kind = (line.split(" (")[0], len(results), results[0].training is None)
        if kind in seen:
            continue
        seen.add(kind)
        folder = tmp_path / f"run-{len(seen)}"
        folder.mkdir()
        report.write(folder / "report.json")
        page = render(RunReport.model_validate(report.to_dict()), [], [])
        heading = re.search("<h1>.*?</span> (.*?)</h1>", page, flags=re.DOTALL)
        assert heading and html.unescape(re.sub("<[^>]*>", "", heading[1])) == line
        assert f"<title>{line.split(' (')[0]} · r</title>" in html.unescape(page)
        found, figure = read_run(folder).headline, headline_figure(report)
        assert found is not None and figure is not None and found.model_dump() == figure.line.model_dump()
        shown = re.search(r"(\d\.\d{3}) → (\d\.\d{3})", line)
        assert (shown is None) == (ships == "kept")
        if shown:
            row = re.search(r"(\d\.\d{3}) → (\d\.\d{3})", render_index([read_run(folder)], tmp_path))
            assert row and row.groups() == shown.groups()
    assert len(seen) > 20
