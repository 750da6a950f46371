"""Two verdicts of a run: on such training, of which another seed is another case, and on the very model that is shipped."""

from __future__ import annotations

from collections.abc import Sequence

from train.evaluate.facts import RunFacts, with_declared_luck
from train.evaluate.luck import LUCK_SD
from train.evaluate.results import DatasetResult
from train.report.first_line import OPTION, first_line
from train.report.sentences import dataset_sentence, shipped_sentence, training_sentence
from train.runs.records import ShippedVerdict, TrainingVerdict
from train.wording import fraction, interval, nothing_better


def on_training(results: Sequence[DatasetResult]) -> TrainingVerdict:
    """Return the verdict on training with this recipe, and the sentence that says it."""
    if not results:
        return TrainingVerdict(verdict="no_evidence", sentence="Nothing was judged, so nothing is known about such training.")
    facts = RunFacts.of(results)
    sentences = [training_sentence(result, result.training) for result in results if result.training is not None]
    return TrainingVerdict(verdict=facts.training, sentence=" ".join(sentences) or _one_seed(results))


def _one_seed(results: Sequence[DatasetResult]) -> str:
    size = f"differ from each other by chance (standard deviation {fraction(LUCK_SD)}, declared and not measured)"
    start = f"One seed was trained. Models of other seeds {size}"
    measure = "training.seeds=3 measures it."
    if all(result.kept_base for result in results):
        return f"{start}, and may beat the base on dev where this one did not; {measure}"
    if len(results) > 1:
        return f"{start}, which the intervals do not hold; {measure}"
    (result,) = results
    if result.ci95 == (0, 0):  # nothing changed, and luck alone would look like an interval
        return f"{start}, which the interval does not hold; {measure}"
    wide = interval(with_declared_luck([result])[0][1])
    return f"{start}: with this, the interval of the gain of such training is {wide}; {measure}"


def on_shipped(results: Sequence[DatasetResult], *, kept: bool = False, passed_over: bool = False) -> ShippedVerdict:
    """Return the verdict on what is in model/.

    Args:
        results: of the run.
        kept: the base was kept, which results do not say where nothing was judged.
        passed_over: as in `DatasetResult`.
    """
    facts = RunFacts.of(results, kept=kept)
    match facts.ships:
        case "kept":
            over = passed_over or any(one.passed_over for one in results)
            sentence = f"The model that is shipped is the base itself: in this run {nothing_better(over)}."
        case "withheld":
            sentence = f"The model that is shipped is the base itself, since the gain of what was trained is unproven ({OPTION})."
        case "tuned":
            sentences = [dataset_sentence(one) if one.training is None else shipped_sentence(one) for one in results]
            sentence = " ".join(sentences) or "The model that is shipped was not judged: there is no test split."
    first = first_line(facts, passed_over=passed_over)
    return ShippedVerdict(verdict=facts.shipped, sentence=sentence, proven=facts.proven, headline=first)
