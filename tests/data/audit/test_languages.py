"""Languages of a column: told by prose alone, by enough of it."""

from __future__ import annotations

import pytest
from datasets import Dataset

from data.audit.languages import ENOUGH, languages

ENGLISH = "The weather was so fine yesterday that we all went to the river together, and stayed there until number"
GERMAN = "Gestern war das Wetter so schön, dass wir alle zusammen an den Fluss gegangen und dort geblieben sind, bis"
HINDI = "कल मौसम इतना अच्छा था कि हम सब एक साथ नदी के किनारे गए और शाम तक वहीं बैठे रहे"
CHINESE = "如何重置我的密码并登录系统"
FRENCH = "Hier, il faisait si beau que nous sommes tous allés ensemble au bord de la rivière, et nous y sommes restés"


def of(texts: list[str]) -> dict[str, float]:
    return languages(Dataset.from_dict({"text": texts}), "text")


def test_shares_of_prose_in_several_languages() -> None:
    texts = [f"{text} {i}" for i in range(40) for text in (ENGLISH, ENGLISH, GERMAN, FRENCH)]
    assert of(texts) == {"en": 0.5, "de": 0.25, "fr": 0.25}


@pytest.mark.parametrize("text", ["for i in range(10): x[i] += f(y[i]) ** 2 # {}", "ok, thanks", "1 2 3 4 5 6 7 8 9 10 11", ""])
def test_code_short_texts_and_numbers_tell_no_language(text: str) -> None:
    assert of([text] * 100) == {}


@pytest.mark.parametrize(("text", "language"), [(HINDI, "hi"), (CHINESE, "zh")])
def test_scripts_with_marks_and_without_blanks_are_prose(text: str, language: str) -> None:
    assert of([text] * 100) == {language: 1.0}


def test_too_few_texts_tell_none() -> None:
    assert of([ENGLISH] * (ENOUGH - 1)) == {}
    assert of([ENGLISH] * ENOUGH) == {"en": 1.0}
    assert of([]) == {}
