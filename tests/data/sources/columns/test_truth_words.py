"""True and false in words."""

from __future__ import annotations

import pytest

from data.sources.columns.truth_words import plain_word, truth_among, truth_of


@pytest.mark.parametrize(
    ("true", "false"),
    [
        *(("TRUE", "FALSE"), ("True", "False"), ("yes", "no"), ("Y", "N"), ("T", "F"), ("WAHR", "FALSCH"), ("ja", "nein")),
        *(
            ("vrai", "faux"),
            ("oui", "non"),
            ("VERDADERO", "FALSO"),
            ("sí", "no"),
            ("si", "no"),
            ("sim", "não"),
            ("VERO", "FALSO"),
        ),
        *(
            ("да", "нет"),
            ("ИСТИНА", "ЛОЖЬ"),
            ("是", "否"),
            ("はい", "いいえ"),
            ("예", "아니요"),
            ("tak", "nie"),
            ("evet", "hayır"),
        ),
        *(("duplicate", "not duplicate"), ("duplicate", "not_a_duplicate"), ("match", "non-match"), ("related", "unrelated")),
        *(("relevant", "not relevant"), ("relevant", "irrelevant"), ("same", "different"), ("paraphrase", "non_paraphrase")),
    ],
)
def test_pairs_of_words(true: str, false: str) -> None:
    words = [plain_word(false), plain_word(true)]
    assert truth_of(words) == {plain_word(true): 1.0, plain_word(false): 0.0}


@pytest.mark.parametrize(
    "words", [["yes", "nein"], ["yes", "no", "maybe"], ["entailment", "not_entailment"], ["good", "worse"], ["cat", "dog"], []]
)
def test_other_words_say_nothing_of_true_and_false(words: list[str]) -> None:
    assert truth_of(words) is None


def test_a_pair_among_other_words() -> None:
    assert truth_among(["maybe", "yes", "no"]) == {"yes": 1.0, "no": 0.0}
    assert truth_among(["yes", "maybe"]) is None
