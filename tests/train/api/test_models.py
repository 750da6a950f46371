"""Lists of texts from Python: what is one, and what is named that is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from train.api.models import texts_of
from train.errors import ConfigError


@pytest.mark.parametrize(
    "texts",
    [
        ["a", "b"],
        ("a", "b"),
        pd.Series(["a", "b"], index=[7, 9]),
        np.array(["a", "b"]),
        {"a": 1, "b": 2}.keys(),
        (t for t in "ab"),
    ],
    ids=["list", "tuple", "Series", "array", "keys", "generator"],
)
def test_any_list_of_texts_will_do(texts: Any) -> None:
    assert texts_of(texts) == ("a", "b")


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["a", None], "texts: number 2: the cell is empty (null)"),
        (["a", float("nan")], "texts: number 2: the cell is empty (NaN)"),
        (pd.Series(["a", None, "b"], dtype="string"), "texts: number 2: the cell is empty (NA)"),
        (pd.Series(["a", np.nan], dtype=object), "texts: number 2: the cell is empty (NaN)"),
        (np.array([1, 2]), "texts: number 1 is the number 1, not a text"),
        (["a", 5], "texts: number 2 is the number 5, not a text"),
        (["a", True], "texts: number 2 is the truth value True, not a text"),
        (["a", ["b"]], "texts: number 2 is a list, not a text"),
    ],
)
def test_what_is_no_text_is_named_with_its_number(texts: Any, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        texts_of(texts)
    assert refused.value.what == said and refused.value.hint == "leave it out, or fill it in"
