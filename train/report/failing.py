"""Why `--fail-on` ends with a failure, in words."""

from __future__ import annotations

from collections.abc import Sequence

from train.config.choices import FailOn
from train.config.fail_on import Condition
from train.evaluate.facts import RunFacts
from train.evaluate.results import DatasetResult
from train.evaluate.verdict import not_worse
from train.report.first_line import first_line
from train.report.sentences import verdict_lines
from train.wording import BASE_AND_TUNED, VERDICT_WORDS, Sides, change, counted, metric_name


def why_it_fails(
    condition: Condition, verdict: str, results: Sequence[DatasetResult], sides: Sides = BASE_AND_TUNED
) -> str | None:
    """Return why a verdict, or the results behind it, are a failure under a condition of `--fail-on`; None where they pass.

    `worse`: something got worse (regressed or mixed). `unproven`: nothing but `improved` passes. `worse-than`: every data
    set must show that the loss is smaller, by its lower one-sided 95% bound; as all of them must, a model that is that much worse
    on one passes in at most 5% of cases, whatever their number (Berger, "Multiparameter hypothesis testing and acceptance
    sampling", Technometrics 24(4), 1982).
    """
    if condition.margin is not None:
        return _not_shown(condition.margin, results, sides)
    failing = verdict in ("regressed", "mixed") if condition.what is FailOn.WORSE else verdict != "improved"
    if not failing:
        return None
    word, sentence = VERDICT_WORDS[verdict], _most_important(condition, results, sides)
    said, _, rest = sentence.partition(": ")
    sentence = rest[0].upper() + rest[1:] if said.lower() == word else sentence
    return f"the verdict is {word}. {sentence}"


def _most_important(condition: Condition, results: Sequence[DatasetResult], sides: Sides) -> str:
    """Return the sentence that says why: the shipped model is worse, or the base is shipped; else the verdict's first."""
    facts = RunFacts.of(results)
    lost = sides == BASE_AND_TUNED and facts.several and facts.shipped in ("regressed", "mixed")
    base = facts.ships != "tuned" and condition.what is not FailOn.WORSE
    first = first_line(facts) if lost or base else None
    return first or verdict_lines(results, sides)[0]


def _not_shown(margin: float, results: Sequence[DatasetResult], sides: Sides) -> str | None:
    before, after = sides.in_sentences()
    if not results:
        return f"nothing was judged, so nothing shows that {after} is not worse than {before}"
    open_ = [one for one in results if not one.ships_base and not not_worse(one.low95, margin)]
    if not open_:
        return None
    found = "; ".join(_bound(one) for one in open_)
    return f"a loss of {margin:g} or more from {before} to {after} is not ruled out on {found}"


def _bound(result: DatasetResult) -> str:
    known = "not known" if result.low95 is None else change(result.low95)
    return (
        f"{result.name} ({metric_name(result.metric)} {change(result.delta)} over"
        f" {counted(result.n, result.kind, result.groups)}; lower one-sided 95% bound {known})"
    )
