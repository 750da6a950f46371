"""How metrics, figures and verdicts are written for people; the terminal table and the page share it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

METRIC_NAMES = {
    "ndcg@10": "nDCG@10",
    "mrr@10": "MRR@10",
    "recall@10": "Recall@10",
    "recall@100": "Recall@100",
    "map@10": "MAP@10",
    "spearman": "Spearman",
    "pearson": "Pearson",
}
"""Usual spelling of the metrics."""

VERDICT_WORDS = {"improved": "better", "regressed": "worse", "mixed": "mixed", "no_evidence": "unproven"}
"""One word for each verdict, by its word in JSON. People read these everywhere; colour never is the only sign of a verdict."""

COMPARED_WORDS = {
    "taken": "take this",
    "as good": "not worse",
    "unclear": "unproven",
    "worse": "worse",
    "out": "over a limit",
    "same": "same weights",
}
"""One word for what `compare` finds of a model against the best, by its word in JSON: *not worse* where a loss of the margin is
ruled out, *worse* where there is one beyond chance, *unproven* where neither is shown, *same weights* where another model is
the very same."""

_IN_SENTENCES = {"base": "the base", "tuned": "the tuned model"}

WIDEST_HEADING = 9
"""Characters of a side's name that still stand above a column of figures; longer ones are called A and B there."""


class Sides(NamedTuple):
    """What the two compared models are called. A run compares `tuned` with `base`; others have names of their own."""

    before: str = "base"
    after: str = "tuned"

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> Sides:
        """Return the names in the `labels` of a report.json; those of a run have none."""
        labels = report.get("labels") or {}
        return cls(str(labels.get("base", "base")), str(labels.get("tuned", "tuned")))

    def in_sentences(self) -> tuple[str, str]:
        """Return both as they stand inside a sentence: ("the base", "the tuned model"), or their names."""
        return _IN_SENTENCES.get(self.before, self.before), _IN_SENTENCES.get(self.after, self.after)

    def headings(self) -> tuple[str, str]:
        """Return both as they stand above columns: their names where these are short and differ, else ("A", "B")."""
        short = max(len(self.before), len(self.after)) <= WIDEST_HEADING
        return (self.before, self.after) if short and self.before != self.after else ("A", "B")

    def legend(self) -> str | None:
        """Return what A and B stand for, where the headings are those."""
        return f"A is {self.before}, B is {self.after}" if self.headings() == ("A", "B") else None


BASE_AND_TUNED = Sides()
"""The two sides of a run."""


def joined(words: Sequence[str]) -> str:
    """Return words as they stand in a sentence: "prompts", "prompts and pooling", "a, b and c"."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def sentence_case(text: str) -> str:
    """Return the text with a capital first letter if it begins with an article; names keep their letters."""
    return f"T{text[1:]}" if text.startswith("the ") else text


def metric_name(metric: str) -> str:
    """Return a metric as people write it; unknown ones as they are."""
    return METRIC_NAMES.get(metric, metric)


def fraction(value: float) -> str:
    """Return a metric's value with three decimals: 0.532; one that rounds to zero has no sign."""
    return f"{round(value, 3) + 0.0:.3f}"


def change(value: float) -> str:
    """Return a difference with its sign and three decimals: +0.089; a difference that rounds to zero has the sign +."""
    return f"{round(value, 3) + 0.0:+.3f}"


def interval(ci95: tuple[float, float] | list[float]) -> str:
    """Return an interval of a difference: "+0.075 to +0.103".

    An end keeps its sign when it rounds to zero: it decides the verdict.
    """
    low, high = (f"{end + 0.0:+.3f}" for end in ci95)
    return f"{low} to {high}"


def span(ci95: tuple[float, float] | list[float]) -> str:
    """Return an interval of a value: "0.801 to 0.838"."""
    return f"{fraction(ci95[0])} to {fraction(ci95[1])}"


def p_value(value: float) -> str:
    """Return a p-value with three decimals, or "<0.001"."""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def things(kind: str) -> str:
    """Return what is counted in a data set of that row kind."""
    return "pairs" if kind == "scored" else "queries"


def counted(n: int, kind: str, groups: int | None = None) -> str:
    """Return how many were judged: "300 queries", and "300 queries in 45 groups" where groups were resampled."""
    what = things(kind) if n != 1 else "pair" if kind == "scored" else "query"
    return f"{n:,} {what}" + (f" in {groups:,} group{'s' * (groups != 1)}" if groups is not None else "")


def duration(seconds: float) -> str:
    """Return a time in the two largest units that fit: "42 s", "6 min 40 s", "3 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min"


def time_left(seconds: float | None) -> str:
    """Return how long something will still take, no more exact than it is known: "about 4 min left"; "" where it is not known."""
    if seconds is None:
        return ""
    if seconds < 10:
        return "a few seconds left"
    if seconds < 55:
        return f"about {round(seconds / 5) * 5} s left"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"about {minutes} min left"
    minutes = round(minutes / 5) * 5
    return f"about {minutes // 60} h{f' {minutes % 60} min' * (minutes % 60 > 0)} left"


def cost_lines(cost: Mapping[str, float]) -> list[tuple[str, str]]:
    """Return the `cost` of a report as (what, how much), leaving out what was not measured."""
    units = (
        ("train_seconds", "training", duration),
        ("train_rows_per_second", "training speed", lambda value: f"{value:,.1f} rows/s"),
        ("train_tokens_per_second", "tokens (padding not counted)", lambda value: f"{value:,.0f} tokens/s"),
        ("eval_seconds", "evaluation", duration),
        ("vectors_from_cache", "vectors that came from the cache", lambda value: f"{value:,}"),
        ("panel_seconds", "of which other work", duration),
        ("total_seconds", "everything", duration),
        ("cross_validation_seconds", "of which cross-validation", duration),
        ("seeds_seconds", "of which further seeds", duration),
        ("peak_memory_mb", "peak memory", lambda value: f"{value:,.0f} MB"),
    )
    return [(label, write(value)) for key, label, write in units if (value := cost.get(key)) is not None]


def best_word(highest: bool) -> str:
    """Return what the chosen checkpoint is called: "best" only where its score is the highest."""
    return "best" if highest else "taken"


def best_mark(share: float, highest: bool = True) -> str:
    """Return the note beside the chosen checkpoint of a learning curve.

    Args:
        share: of the way from the base to it, which the judged model went.
        highest: whether it has the highest score, or only one that cannot be told from that.
    """
    word = best_word(highest)
    if share == 1:
        return f"{word}: judged on test"
    return f"{word}: {share:.0%} of the way to it judged on test" if share else f"{word}, but the base was kept"


WITHOUT_LOSING = " without losing on documents that train did not teach"


def nothing_better(passed_over: bool = False) -> str:
    """Say why the base is kept; `passed_over`: although something scored higher on dev, since it lost on new documents."""
    return f"nothing was better on dev{WITHOUT_LOSING if passed_over else ''}"


def shipped(step: int, share: float, *, passed_over: bool = False) -> str:
    """Return what a run ships, in a few words; `passed_over` as in `nothing_better`."""
    if share == 0:
        return f"ships the base: {nothing_better(passed_over)}"
    return f"ships step {step:,}" if share == 1 else f"ships {share:.0%} of the way to step {step:,}"


def ordinal(number: int) -> str:
    """Return a number as a place: "third", "21st"."""
    words = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
    if number < len(words):
        return words[number]
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number:,}{ending}"


def chosen_weights(step: int, share: float) -> str:
    """Return which weights of a run are meant: "step 240", or "90% of the way to step 240"."""
    return f"step {step:,}" if share == 1 else f"{share:.0%} of the way to step {step:,}"


def less_elsewhere(share: float, dev_choice: float) -> str:
    """Return why weights that lose less on other work were taken, as a sentence.

    Args:
        share: of the way from the base to the checkpoint, which they went.
        dev_choice: the share that is the best on dev.
    """
    instead = "the checkpoint itself" if dev_choice == 1 else f"{dev_choice:.0%} of the way"
    return (
        f"Weights {share:.0%} of the way from the base to the checkpoint were taken instead of {instead}: dev"
        " cannot tell the two apart, and they lose less elsewhere, on items that are not judged here."
    )


def judged_sentence(share: float, *, as_good: bool = False, passed_over: bool = False, dev_choice: float | None = None) -> str:
    """Return what became of the best checkpoint, as a sentence.

    Args:
        share: of the way from the base to it, which the judged model went.
        as_good: whether the judged model is no better than it on dev: of equals the one that changes least may be taken.
        passed_over: whether weights that scored higher on dev were not taken, as they lose on new documents.
        dev_choice: the share that is the best on dev, where one that loses less elsewhere was taken.
    """
    if dev_choice is not None:
        return less_elsewhere(share, dev_choice)
    if share == 1:
        return "It was judged on test."
    if share == 0:
        return f"The base was kept instead: {nothing_better(passed_over)}."
    if passed_over:
        weights = f"Weights {share:.0%} of the way from the base to it were judged on test"
        return f"{weights}: what scores higher on dev loses on documents that train did not teach."
    than = "as good on dev, and change less" if as_good else "better on dev"
    return f"Weights {share:.0%} of the way from the base to it are {than}: these were judged on test."


def against_scores(model: str) -> str:
    """Say that a model ranks pairs against their scores, and what to do about it."""
    return (
        f"{model} ranks the pairs clearly against their scores, which may be distances or classes, and a model that is turned"
        " round is no better one. Say which way the scores run: data.score_range=[LOW,HIGH] if more means more similar,"
        " [HIGH,LOW] if less does"
    )
