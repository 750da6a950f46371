"""One look at a window: a figure, how sure it is, and a sentence for people who are no statisticians."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from scipy import special

Level = Literal["quiet", "look", "alarm"]
"""What a window calls for: nothing; a look, as something moved a little; or action."""

LEVELS: tuple[Level, ...] = ("quiet", "look", "alarm")
"""From the mildest to the gravest."""

SURROUNDING = ("index", "documents", "canaries")
"""Checks of what surrounds the model: what they find is no fault of the window's texts."""

SIGNIFICANCE = 0.05
"""Share of windows of the same kind of texts in which any check may say `look` or `alarm`, all checks together."""

TOLERATED = 0.02
"""Share of canaries that may lose their first place without a cause for alarm: in an index that lives, documents are added that
answer as well, and others are reworded."""

LOST_TO_LOOK_AT, LOST_ALARM = 0.1, 0.5
"""Shares of canaries whose document is gone from the index. Canaries are drawn without regard to their documents, so about the
same share of all documents is gone. A tenth is more than tidying up takes between two looks, yet may be meant; where half is,
every other query finds nothing right, however good the model is: this is a broken build, or another index."""


@dataclass(frozen=True)
class Effect:
    """How large a figure must be to matter; what is beyond chance but smaller is told and stays `quiet`.

    Attributes:
        look, alarm: the least figures for these levels; `alarm` None where the check alone never calls for action.
    """

    look: float
    alarm: float | None

    def level(self, figure: float) -> Level:
        """Return the level of a figure that is beyond chance."""
        if self.alarm is not None and figure >= self.alarm:
            return "alarm"
        return "look" if figure >= self.look else "quiet"


@dataclass(frozen=True)
class Check:
    """What one check found.

    Attributes:
        name: by which JSON and dashboards know it.
        level: see `Level`.
        sentence: what was found, in plain English.
        figure: what was measured; None where nothing could be.
        interval: its 95% interval (low, high), by itself; None where there is none.
        p: chance of something as unusual in any check of a window of the same kind of texts; None where no chance is involved.
        p_alone: the same for this check alone.
        least: the figure from which the level is `look` and `alarm` (None: never), where it is beyond chance.
        told: False where the texts are too few, or something is missing, so that the check says nothing.
        named: what it found one by one, such as the canaries that moved.
    """

    name: str
    level: Level
    sentence: str
    figure: float | None = None
    interval: tuple[float, float] | None = None
    p: float | None = None
    p_alone: float | None = None
    least: tuple[float, float | None] | None = None
    told: bool = True
    named: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """Return the sentence."""
        return self.sentence


@dataclass(frozen=True)
class CanaryResult:
    """What became of queries whose right document stood first when the model was judged.

    Attributes:
        total: how many were asked.
        moved: the queries (or their ids) whose expected document is in the index but no longer first.
        gone: those whose expected document is not in the index any more; they say nothing of the model and are not counted.
        tolerated: share that may move without a cause for alarm.
    """

    total: int
    moved: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    tolerated: float = TOLERATED

    @property
    def asked(self) -> int:
        """Return how many have their document in the index."""
        return self.total - len(self.gone)

    @property
    def share(self) -> float:
        """Return the share that moved, 0..1."""
        return len(self.moved) / self.asked if self.asked else 0.0

    def interval(self) -> tuple[float, float]:
        """Return the exact 95% interval of the share (Clopper and Pearson, Biometrika 26(4), 1934)."""
        k, n = len(self.moved), self.asked
        low = 0.0 if k == 0 else float(special.betaincinv(k, n - k + 1, 0.025))
        return low, 1.0 if k == n else float(special.betaincinv(k + 1, n - k, 0.975))

    def p_value(self) -> float:
        """Return the chance that as many or more move where the tolerated share moves: the exact binomial test, one-sided."""
        k = len(self.moved)
        return 1.0 if k == 0 else float(special.betainc(k, self.asked - k + 1, self.tolerated))


@dataclass(frozen=True)
class LostDocuments:
    """Which canaries have no document in the index of production any more.

    Attributes:
        total: canaries that were looked for.
        queries: those of which none of the right documents is there.
        name: what the index is called in sentences.
    """

    total: int
    queries: tuple[str, ...] = ()
    name: str = "the index"


def check_lost(lost: LostDocuments) -> Check:
    """Tell whether the documents of the canaries are still in the index: counted, without chance."""
    k, n = len(lost.queries), lost.total
    share = k / n if n else 0.0
    level: Level = "alarm" if share >= LOST_ALARM else "look" if share > LOST_TO_LOOK_AT else "quiet"
    whose = "canary" if n == 1 else "canaries"
    if not k:
        sentence = f"{lost.name} has the right document of {f'all {n}' if n > 1 else 'the'} {whose}."
    elif level == "quiet":
        sentence = f"{lost.name} no longer has the right document of {k} of {n} {whose}: few enough to be on purpose."
    else:
        sentence = (
            f"{lost.name} no longer has the right document of {k} of {n} {whose} ({share:.0%}): it has lost documents, or is the "
            "index of others. Queries for these cannot find them, whatever the model does."
        )
    return Check("documents", level, sentence, figure=share, least=(LOST_TO_LOOK_AT, LOST_ALARM), named=lost.queries)


@dataclass(frozen=True)
class IndexFacts:
    """Which model made the vectors of an index.

    Attributes:
        of_model: digest of the model's space for documents (`TextEncoder.space`).
        of_index: that with which the index was built; None where the index does not say.
        name: what the index is called in sentences.
    """

    of_model: str
    of_index: str | None
    name: str = "the index"


def check_index(facts: IndexFacts) -> Check:
    """Tell whether an index was built with this model: yes or no, without chance."""
    if facts.of_index is None:
        sentence = f"{facts.name} does not say with which model it was built, so this could not be checked."
        return Check("index", "quiet", sentence, told=False)
    if facts.of_index == facts.of_model:
        return Check("index", "quiet", f"{facts.name} was built with this model.", figure=0.0)
    sentence = (
        f"{facts.name} was built with another model, or with other settings of this one: similarities between its vectors and "
        "those of new queries mean nothing. Build it again with this model."
    )
    return Check("index", "alarm", sentence, figure=1.0)
