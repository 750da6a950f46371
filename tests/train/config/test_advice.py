"""What to write instead of a value that a setting does not take."""

from __future__ import annotations

import pytest

from train.config.load import load_config
from train.errors import ConfigError


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("evaluation.margin=2%", "write 0.02; evaluation.margin means"),
        ("evaluation.margin=2.5 %", "write 0.025; "),
        ("training.interpolation=on", "write auto or off; training.interpolation means"),
        ("evaluation.margin=small", "give another value; "),
    ],
)
def test_a_value_that_is_meant_is_named(words: str, advice: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_config(None, data="pairs.csv", overrides=[words])
    assert str(refused.value.hint).startswith(advice)
