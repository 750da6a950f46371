"""Settings given as Python values reach the commands unchanged."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from train.api.session import session
from train.api.settings import column_settings, setting_words
from train.config.load import load_config
from train.errors import ConfigError


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_every_text_stays_as_it_is(text: str) -> None:
    loaded = load_config(None, data="pairs.csv", overrides=setting_words({"model.query_prompt": text}))
    assert loaded.model.query_prompt == text


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(), st.lists, max_leaves=5))
def test_every_value_is_read_back(value: Any) -> None:
    try:
        (word,) = setting_words({"a.b": value})
    except ConfigError as error:
        assert "surrogate" in error.message
        return
    assert yaml.safe_load(word.removeprefix("a.b=")) == value


def test_numbers_of_numpy_and_sections_as_mappings() -> None:
    words = setting_words({"training": {"learning_rate": np.float64(1e-5), "seed": np.int64(3)}, "training.matryoshka": (8, 4)})
    loaded = load_config(None, data="pairs.csv", overrides=words)
    assert (loaded.training.learning_rate, loaded.training.seed, list(loaded.training.matryoshka)) == (1e-5, 3, [8, 4])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (({"training.epochs": 2}, {"training": {"epochs": 3}}), "training.epochs is given twice, with different values"),
        ((["training.epochs=2"],), "settings are a mapping"),
        (({"training.epochs": object()},), "a object cannot be a setting"),
        (({"model.query_prompt": "\ud800"},), "half a character"),
    ],
)
def test_what_cannot_be_a_setting_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ConfigError) as problem:
        setting_words(*given)
    assert message in problem.value.message and problem.value.hint


def test_the_same_value_may_be_given_twice() -> None:
    assert setting_words({"model.device": "cpu"}, {"model": {"device": "cpu"}}) == ['model.device="cpu"']


def test_columns_are_named_by_texts() -> None:
    assert column_settings({"anchor": "q", "positive": None, "negatives": ["a", "b"]}) == {
        "data.columns.anchor": "q",
        "data.columns.negatives": ["a", "b"],
    }
    with pytest.raises(ConfigError, match="anchor=3"):
        column_settings({"anchor": 3})  # type: ignore[dict-item]


def test_random_numbers_and_warnings_are_the_users_own() -> None:
    random.seed(1)
    np.random.seed(1)
    expected = random.random(), np.random.rand()
    random.seed(1)
    np.random.seed(1)
    with session(None):
        random.seed(42)
        np.random.seed(42)
        warnings.filterwarnings("ignore")
    assert (random.random(), np.random.rand()) == expected
    with pytest.warns(UserWarning, match="mine"):
        warnings.warn("mine", stacklevel=1)
