"""Words for true and false, as tables are exported in many languages: a column that holds one such pair holds ones and zeros."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

PAIRS = (
    *("true false", "t f", "yes no", "y n", "wahr falsch", "richtig falsch", "ja nein", "j n", "vrai faux"),
    *("oui non", "verdadero falso", "sí no", "si no", "s n", "verdadeiro falso", "sim não", "sim nao"),
    *("vero falso", "sì no", "waar onwaar", "ja nee", "prawda fałsz", "tak nie", "да нет", "истина ложь"),
    *("правда ложь", "так ні", "evet hayır", "evet hayir", "doğru yanlış", "kyllä ei", "tosi epätosi"),
    *("ja nej", "sant falskt", "sand falsk", "sann falsk", "ano ne", "igen nem", "igaz hamis", "da nu"),
    *("ναι όχι", "αληθές ψευδές", "是 否", "对 错", "真 假", "正确 错误", "相同 不同", "はい いいえ", "真 偽"),
    *("예 아니오", "예 아니요", "네 아니요", "참 거짓", "نعم لا", "כן לא", "हाँ नहीं", "có không", "ya tidak"),
    *("ใช่ ไม่ใช่", "same different", "similar different", "similar dissimilar", "equivalent different", "match mismatch"),
    *("relevant irrelevant", "gleich verschieden", "identique différent", "igual diferente", "uguale diverso"),
    *("same other", "duplicate unrelated", "related unrelated", "equivalent opposite", "identical different"),
    *("similar unrelated", "match nomatch", "correct incorrect", "correct wrong", "valid invalid"),
)
"""True and false, case-folded, without blanks, hyphens and underscores."""

POLAR = (
    *("accept reject", "accepted rejected", "approve reject", "approved rejected", "pass fail", "passed failed"),
    *("positive negative", "pos neg", "good bad", "right wrong", "thumbsup thumbsdown", "upvote downvote", "like dislike"),
    *("helpful unhelpful", "gut schlecht", "positiv negativ", "bon mauvais", "bueno malo", "ok nok", "ok notok"),
    *("👍 👎", "✓ ✗", "✔ ✘", "✅ ❌", "☑ ☒"),
)
"""The same of verdicts, which may be about something else than the pair: the sentiment of a review, the result of a test."""

NEGATIONS = ("not", "non", "no", "nicht", "kein", "keine", "pas", "un", "niet", "geen", "não", "nao", "не", "inte", "ikke", "nie")
"""What turns the other word of a pair round, blanks and hyphens left out: "not a duplicate", "non-match", "unrelated"."""


def plain_word(text: str) -> str:
    """Return a word as it is compared: without case and surrounding white space."""
    return text.strip().casefold()


def truth_of(words: Collection[str]) -> Mapping[str, float] | None:
    """Return 1 or 0 by word where all are of one pair of true and false; None otherwise.

    Args:
        words: distinct, as `plain_word` returns them.

    >>> truth_of(["falsch", "wahr"]), truth_of(["not_duplicate", "duplicate"]), truth_of(["neutral", "entailment"])
    ({'falsch': 0.0, 'wahr': 1.0}, {'not_duplicate': 0.0, 'duplicate': 1.0}, None)
    """
    if not 1 <= len(words) <= 2:
        return None
    bare = {word: squeezed(word) for word in words}
    for pair in (*PAIRS, *POLAR):
        true, false = pair.split()
        if set(bare.values()) <= {true, false}:
            return {word: float(key == true) for word, key in bare.items()}
    return negated(words)


def negated(words: Collection[str]) -> Mapping[str, float] | None:
    """Return 1 or 0 by word where one of two is the other with a negation ("published", "unpublished"); None otherwise."""
    if len(words) == 2:
        for true, false in (tuple(words), tuple(words)[::-1]):
            if _negates(false, true):
                return {word: float(word == true) for word in words}
    return None


def are_polar(words: Collection[str]) -> bool:
    """Tell whether words are those of a verdict of which they do not say that it is about a pair, both of them among others."""
    found = {squeezed(word) for word in words}
    return any(set(pair.split()) <= found for pair in POLAR)


def squeezed(word: str) -> str:
    """Return a word without blanks, hyphens, underscores and the shades of emoji.

    >>> squeezed("thumbs_up"), squeezed("non-match")
    ('thumbsup', 'nonmatch')
    """
    return re.sub(r"[\s_\-\ufe0f\U0001f3fb-\U0001f3ff]+", "", word)


def truth_among(words: Collection[str]) -> Mapping[str, float] | None:
    """Return 1 or 0 by word for the pair of which both words are there, whatever stands beside it; None where there is none."""
    by_key = {squeezed(word): word for word in words}
    both = next((pair.split() for pair in (*PAIRS, *POLAR) if set(pair.split()) <= by_key.keys()), None)
    return None if both is None else truth_of([by_key[key] for key in both])


def _negates(false: str, true: str) -> bool:
    false, true = (re.sub(r"[\W_]+(?:an?[\W_]+)?", "", word) for word in (false, true))
    # whether one text follows from another is no matter of likeness: which label is the higher one cannot be known
    if len(true) <= 3 or "entail" in true:
        return False
    return any(false in (negation + true, true + negation) for negation in NEGATIONS if negation != "no" or false != true + "no")
