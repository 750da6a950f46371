"""What models cost, worked out by hand."""

from __future__ import annotations

import pytest

from tests.support.made_up_comparison import speed
from train.config.schema import ModelConfig
from train.encode.api.prices import Price
from train.workflows.compare.pricing import price_tag

TEXTS = ["x" * 396] * 10
"""100 tokens each, as they are estimated: 396 bytes / 4, and one."""
PRICES = {"openai:m": Price(0.5, "their page", "2026-01-01")}


def test_a_model_behind_an_api_has_its_listed_price() -> None:
    found = price_tag(ModelConfig(name="m", api="openai"), TEXTS, None, PRICES, None)
    assert (found.usd_per_million, found.tokens, found.usd_data) == (0.5, 1000, pytest.approx(0.0005))
    assert found.basis == "their page, 2026-01-01"


def test_a_price_that_is_not_known_is_not_zero() -> None:
    found = price_tag(ModelConfig(name="other", api="openai"), TEXTS, None, PRICES, None)
    assert found.usd_per_million is None and found.usd_data is None


def test_this_machine_costs_nothing_or_what_its_hour_costs() -> None:
    local = ModelConfig(name="a/b")
    assert price_tag(local, TEXTS, speed(), PRICES, None).usd_per_million == 0
    # 100 texts of 20 tokens a second are 7.2 million tokens an hour
    found = price_tag(local, TEXTS, speed(rate=100.0), PRICES, 0.72)
    assert found.usd_per_million == pytest.approx(0.1) and found.usd_data == pytest.approx(0.0001)
    assert price_tag(local, TEXTS, None, PRICES, 0.72).usd_per_million is None
