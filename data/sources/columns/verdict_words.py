"""Words of a column that say of two texts whether they belong together, whatever the column is called."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from enum import IntEnum

from data.sources.columns.label_names import parts, words_of
from data.sources.columns.truth_words import are_polar, negated

INFERENCE_WORDS = frozenset({"entailment", "entails", "entailed", "contradiction", "contradicts", "neutral", "not_entailment"})
"""Classes of natural language inference; two of them in a column leave no doubt."""


class Speaks(IntEnum):
    """What the words of a column say."""

    NOTHING = 0
    NEGATED = 1
    """Something and its contrary, of which it is not known what it is about: published and unpublished."""
    POLAR = 2
    """A verdict, which may be about something else than the pair: accept and reject, positive and negative."""
    OF_THE_PAIR = 3
    """How the two texts stand to each other: duplicate and unrelated, supports and refutes."""


OF_THE_PAIR = words_of(
    "duplicate duplicates duplicated dupe paraphrase paraphrases paraphrased equivalent same identical similar dissimilar"
    " different distinct related unrelated entailment entails entailed contradiction contradicts contradictory match matches"
    " matched matching mismatch unmatched relevant irrelevant nonrelevant nonmatch nonduplicate nonparaphrase supports"
    " supported refutes refuted opposite synonym antonym correct incorrect unsimilar"
    " Duplikat Dublette gleich verschieden ähnlich unähnlich identisch gleichbedeutend verwandt richtig falsch"
    " doublon identique différent similaire pertinent duplicado igual diferente parecido distinto relevante irrelevante"
    " semelhante simile diverso uguale rilevante gelijk verschillend relevant"
    " 相似 不相似 相关 不相关 重复 不重复 相同 不同 類似 重複 중복 유사 дубликат похожи релевантно нерелевантно"
)
"""Words that speak of two texts, without accents."""

BESIDE = words_of(
    "not non no nor a an is are highly very partially partly partial somewhat slightly near nearly almost exact exactly fully"
    " perfectly perfect completely un kein keine nicht pas sehr teilweise très peu no muy poco não pouco text texts pair info"
    " information enough evidence the in meaning question questions topic 0 1 2 3 4 5"
)
"""Words beside them that change the degree alone."""

UNDECIDED = words_of(
    "other others none neutral unsure unclear unknown maybe ignore ignored skip skipped partial yes no true false nei exact"
    " substitute complement notenoughinfo unentschieden andere sonstige autre otro"
)
"""What stands beside them in the same column."""

OTHER_CODES = words_of(
    "en de fr es it pt nl pl ru zh ja ko ar tr sv da no nb nn fi cs hu ro el he hi th vi id uk bg hr sk sl et lv lt ca eu gl fa"
    " us uk gb at ch be ie ca au in br mx jp cn kr eng deu ger fra fre spa ita por nld rus zho jpn english german french spanish"
    " italian portuguese dutch polish russian chinese japanese korean arabic deutsch englisch französisch train training dev"
    " test val valid validation eval"
)
"""Languages, countries and splits."""

OTHER_FORMS = re.compile(
    r"\d{4}([-/.]\d{1,2}){0,2}.*|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\w+://\S+|www\.\S+|\S+@\S+\.\w+|\S+\.\w{2,5}|v\d+(\.\d+)*"
    r"|[a-z]{2}[-_][a-z]{2}"
)
"""Dates, addresses, names of files, versions and locales."""


def speaks(words: Mapping[str, int]) -> Speaks:
    """Return what the words of a column say of the two texts beside it.

    Args:
        words: how often each occurs, as `plain_word` returns them.

    >>> speaks({"equivalent": 9, "opposite": 3, "unrelated": 1}), speaks({"paraphrase": 2, "non-paraphrase": 2})
    (<Speaks.OF_THE_PAIR: 3>, <Speaks.OF_THE_PAIR: 3>)
    >>> speaks({"accept": 9, "reject": 3, "ignore": 1}), speaks({"red": 2, "blue": 2})
    (<Speaks.POLAR: 2>, <Speaks.NOTHING: 0>)
    """
    if len(words) < 2:
        return Speaks.NOTHING
    if len(INFERENCE_WORDS & words.keys()) >= 2:
        return Speaks.OF_THE_PAIR
    known = {word for word in words if _is_of_the_pair(word)}
    beside = {word for word in words if word not in known and _is_undecided(word)}
    if known and sum(words[word] for word in known | beside) >= 0.9 * sum(words.values()):
        return Speaks.OF_THE_PAIR
    if are_polar(words) and len(words) <= 5:
        return Speaks.POLAR
    return Speaks.NEGATED if negated(words.keys()) else Speaks.NOTHING


def _is_of_the_pair(word: str) -> bool:
    found = parts(word)
    return any(part in OF_THE_PAIR for part in found) and all(part in OF_THE_PAIR or part in BESIDE for part in found)


def _is_undecided(word: str) -> bool:
    found = parts(word)
    return "".join(found) in UNDECIDED or bool(found and all(part in BESIDE or part in UNDECIDED for part in found))


DEGREES = words_of("high medium low strong weak good fair bad poor excellent perfect hit miss fit full niedrig mittel hoch")
"""Words for how well, of whatever."""


def may_be_topics(words: Collection[str]) -> bool:
    """Tell whether words are names of something, rather than verdicts, degrees, letters or numbers."""
    if are_polar(words) or negated(words):
        return False
    verdicts = OF_THE_PAIR | UNDECIDED | DEGREES | INFERENCE_WORDS | BESIDE
    names = [word for word in words if len(word) > 2 and not any(part in verdicts for part in parts(word))]
    return len(names) == len(words) or are_of_something_else(words)


def are_of_something_else(words: Collection[str]) -> bool:
    """Tell whether all words are languages, countries, splits, dates, addresses, names of files or versions."""
    return all(word in OTHER_CODES or OTHER_FORMS.fullmatch(word) for word in words)
