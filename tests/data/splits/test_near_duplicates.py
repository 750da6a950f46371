"""Near duplicates: what counts as one, and that MinHash finds what comparing everything with everything finds."""

from __future__ import annotations

import random
from itertools import combinations
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from datasets import Dataset

from data.schema import text_id
from data.splits.hashes import hash_rows
from data.splits.near_duplicates import NearTexts, near_texts

WORDS = [f"w{chr(97 + i)}{chr(97 + j)}" for i in range(20) for j in range(20)]


def near(texts: list[str], similarity: float = 0.9, path: Path | None = None) -> NearTexts:
    table = Dataset.from_dict(
        {"row": [str(i) for i in range(len(texts))], "group": [""] * len(texts), "anchor": texts, "positive": texts}
    )
    return near_texts({"train": table}, {"train": hash_rows(table)}, similarity, path)


def alike(*texts: str, similarity: float = 0.9) -> bool:
    """Whether two texts are near duplicates."""
    return len(near(list(texts), similarity).texts) == len(texts)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I clean it?", "how do i clean it ?!"),
        ("Swiss tourist 'gang-raped' in India", "Swiss tourist gang-raped in India."),
        ("“Item 8”: Statements", "item 8 statements"),
        (" ".join(WORDS[:60]), " ".join([*WORDS[:30], "other", *WORDS[31:60]])),
        (" ".join(WORDS[:12]), " ".join(WORDS[:13])),
        ("これは机です。", "これは 机です。"),
        ("a man , a plan .", "A man, a plan"),
        ("Qu'est-ce que c'est ?", "qu'est-ce que c'est"),
    ],
)
def test_the_same_but_for_signs_or_a_few_words_out_of_many(one: str, other: str) -> None:
    assert alike(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("what is C++", "what is C#"),
        ("the first of all", "the last of all"),
        ("find type 1 of it in " + " ".join(WORDS[:80]), "find type 2 of it in " + " ".join(WORDS[:80])),
        (" ".join(WORDS[:40]), " ".join([*WORDS[:20], "other", *WORDS[21:40]])),
        (
            "The risk of male prisoners harming themselves is ten times that of female prisoners.",
            "The risk of female prisoners harming themselves is ten times that of male prisoners.",
        ),
        ("これは机です。", "これは椅子です。"),
        ("?!", "..."),
        ("What does () mean in this language", "What does :: mean in this language"),
        ("I love this product :)", "I love this product :("),
        ("take .5 mg", "take 5 mg"),
        ("what is .NET", "what is net"),
    ],
)
def test_what_is_another_matter(one: str, other: str) -> None:
    assert not alike(one, other)


def shingles(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return set(zip(words, words[1:], words[2:], strict=False))


@pytest.mark.parametrize("similarity", [0.5, 0.7, 0.9])
def test_minhash_finds_what_comparing_all_with_all_finds(similarity: float) -> None:
    draw = random.Random(7)
    texts = []
    for _ in range(60):
        words = draw.choices(WORDS, k=draw.randint(60, 200))
        texts.append(" ".join(words))
        changed = list(words)
        for _ in range(draw.randint(0, 4) ** 2):
            changed[draw.randrange(len(changed))] = draw.choice(WORDS)
        texts.append(" ".join(changed))
    expected = {
        frozenset((one, other))
        for one, other in combinations(texts, 2)
        if len(shingles(one) & shingles(other)) >= similarity * len(shingles(one) | shingles(other)) and one != other
    }
    assert 5 < len(expected) < 60
    found = near(texts, similarity)
    name = {int(text_id(text), 16): text for text in texts}
    groups: dict[int, set[str]] = {}
    for text, group in zip(found.texts.tolist(), found.groups.tolist(), strict=True):
        groups.setdefault(group, set()).add(name[text])
    assert {frozenset(group) for group in groups.values()} == expected


def test_a_group_is_named_by_its_first_text_and_others_keep_their_hash() -> None:
    texts = ("one fine day", "something else", "one fine day!", "ONE, FINE DAY?")
    first, other, *copies = (np.array([int(text_id(text), 16)], dtype=np.uint64) for text in texts)
    found = near(list(texts))
    assert [found.of(copy) for copy in copies] == [first, first]
    assert found.of(other) == other and found.of(first) == first
    nothing = NearTexts(0.9, np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.uint64))
    assert nothing.of(first) == first


def test_the_answer_is_kept_and_the_same_each_time(tmp_path: Path) -> None:
    texts = [" ".join(WORDS[i : i + 60 - i % 2]) for i in range(0, 200, 3)] + [" ".join(WORDS[3:62])]
    path = tmp_path / "near.npz"
    found = near(texts, path=path)
    assert [file.name for file in tmp_path.iterdir()] == ["near.npz"]
    kept = near([], path=path)
    again = near(texts)
    assert found.texts.tolist() == kept.texts.tolist() == again.texts.tolist()
    assert found.groups.tolist() == kept.groups.tolist() == again.groups.tolist()
    assert len(found.texts)


def test_two_processes_that_finish_together_keep_out_of_each_other_s_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both write the same content: under one temporary name the second would find it renamed away."""
    names: list[str] = []

    def both(file: IO[bytes], **arrays: np.ndarray) -> None:
        names.append(Path(file.name).name)
        np.savez_compressed(file, **arrays)

    monkeypatch.setattr(np, "savez", both)
    for _ in range(2):
        near(["one fine day", "one fine day!"], path=tmp_path / "near.npz")
        (tmp_path / "near.npz").unlink()
    assert len(set(names)) == 2


def test_no_texts() -> None:
    assert len(near([]).texts) == 0
