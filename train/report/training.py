"""Two verdicts of a run: on such training, of which another seed is another case, and on the very model that is shipped."""

from __future__ import annotations

from collections.abc import Sequence

from train.evaluate.luck import LUCK_SD, with_luck
from train.evaluate.proven import is_proven
from train.evaluate.results import DatasetResult, overall, run_verdict
from train.evaluate.statistics import Comparison
from train.evaluate.verdict import DatasetVerdict, dataset_verdict
from train.report.sentences import dataset_sentence, figures_of, shipped_sentence, training_sentence
from train.runs.records import ShippedVerdict, TrainingVerdict
from train.wording import fraction, interval

OPTION = "export.unproven=base"


def on_training(results: Sequence[DatasetResult]) -> TrainingVerdict:
    """Return the verdict on training with this recipe, and the sentence that says it."""
    if not results:
        return TrainingVerdict(verdict="no_evidence", sentence="Nothing was judged, so nothing is known about such training.")
    judged = [result for result in results if result.training is not None]
    if judged:
        sentences = [training_sentence(result, result.training) for result in judged if result.training is not None]
        verdicts = [result.training.verdict if result.kept_base else result.settled for result in judged if result.training]
        return TrainingVerdict(verdict=overall(verdicts), sentence=" ".join(sentences))
    return TrainingVerdict(verdict=overall([_with_luck(result)[0] for result in results]), sentence=_one_seed(results))


def _with_luck(result: DatasetResult) -> tuple[DatasetVerdict, tuple[float, float]]:
    """Return what is known of other models of this training from one of them: its interval holds items and declared luck."""
    found = Comparison(result.n, result.base, result.tuned, result.delta, result.ci95, result.shown_p, result.groups)
    wide = with_luck(found, LUCK_SD**2, bound=2.0 if result.kind == "scored" else 1.0)
    verdict = dataset_verdict(wide.ci95, wide.independent, wide.p_value, against_scores=result.against_scores)
    return ("no_evidence" if result.kept_base else verdict), wide.ci95


def _one_seed(results: Sequence[DatasetResult]) -> str:
    size = f"differ from each other by chance (standard deviation {fraction(LUCK_SD)}, declared and not measured)"
    start = f"One seed was trained. Models of other seeds {size}"
    measure = "training.seeds=3 measures it."
    if all(result.kept_base for result in results):
        return f"{start}, and may beat the base on dev where this one did not; {measure}"
    if len(results) > 1:
        return f"{start}, which the intervals do not hold; {measure}"
    (result,) = results
    return f"{start}: with this, the interval of the gain of such training is {interval(_with_luck(result)[1])}; {measure}"


def on_shipped(results: Sequence[DatasetResult], *, withheld: bool = False) -> ShippedVerdict:
    """Return the verdict on what is in model/.

    Args:
        results: of the run.
        withheld: the base is shipped, since the gain of what was judged is unproven.
    """
    proven = is_proven(results)
    kept = bool(results) and all(result.kept_base for result in results)
    if withheld:
        sentence = f"The model that is shipped is the base itself, since the gain of what was trained is unproven ({OPTION})."
        return ShippedVerdict(verdict="no_evidence", sentence=sentence, headline=f"The base is shipped: {_doubt(results)}.")
    sentences = [dataset_sentence(one) if one.training is None else shipped_sentence(one) for one in results]
    headline = None if proven or kept else f"Unproven: {_doubt(results)}. {OPTION} would ship the base instead."
    sentence = " ".join(sentences) or "The model that is shipped was not judged: there is no test split."
    verdict = overall([result.on_test for result in results])
    return ShippedVerdict(verdict=verdict, sentence=sentence, proven=proven, headline=headline)


def _doubt(results: Sequence[DatasetResult]) -> str:
    """Say that what was trained is not shown to be better, with the figures of a single data set."""
    if not results:
        return "what was trained was not judged, as there is no test split"
    worse = run_verdict(results) == "regressed"
    known = "what was trained is worse than the base" if worse else "nothing shows that what was trained is better than the base"
    if len(results) > 1:
        none = f"better on none of {len(results)} data sets"
        return f"{known}, and {none}" if worse else f"{known}: it is {none}"
    (result,) = results
    decides = result.cross_validation if result.cross_validation is not None and not worse else None
    return f"{known} on {result.name} ({figures_of(decides or result, result.kind)})"
