"""What a model costs a million tokens, and what one pass over the user's data costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from train.config.schema import ModelConfig
from train.encode.api.prices import BYTES_A_TOKEN, Price, estimate, price_of
from train.workflows.compare.speed import Speed


@dataclass(frozen=True)
class PriceTag:
    """What a model costs.

    Attributes:
        usd_per_million: US dollars for a million tokens; None where it is not known.
        usd_data: US dollars for every distinct text of the data once.
        tokens: about how many tokens these are.
        basis: where the price is from, in words.
    """

    usd_per_million: float | None
    usd_data: float | None
    tokens: int
    basis: str

    def as_json(self) -> dict[str, Any]:
        """Return it for files."""
        return dict(vars(self))


def price_tag(
    config: ModelConfig, texts: Sequence[str], speed: Speed | None, prices: dict[str, Price], usd_per_hour: float | None
) -> PriceTag:
    """Price a model.

    Args:
        config: which model.
        texts: every distinct text of the data.
        speed: of the model on this machine.
        prices: of models behind APIs.
        usd_per_hour: of this machine; None counts the machine as there anyway.
    """
    if config.api is not None:
        found, price = estimate(config, texts, prices), price_of(config, prices)
        if price is None:
            return PriceTag(None, None, found.tokens, "price not known; give one with --prices")
        return PriceTag(price.usd_per_million, found.usd, found.tokens, f"{price.source}, {price.date}")
    tokens = sum(round(len(text.encode("utf-8", "replace")) / BYTES_A_TOKEN) + 1 for text in texts)
    if usd_per_hour is None:
        return PriceTag(0.0, 0.0, tokens, "no charge for tokens; your machine is not counted (measure.usd_per_hour)")
    if speed is None or not speed.tokens_per_second:
        return PriceTag(None, None, tokens, "its tokens a second are not known")
    usd = usd_per_hour / 3600 / speed.tokens_per_second * 1e6
    basis = f"${usd_per_hour:g} an hour at {speed.tokens_per_second:,.0f} tokens a second"
    return PriceTag(usd, usd * tokens / 1e6, tokens, basis)
