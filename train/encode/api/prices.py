"""What models behind APIs cost: a dated table that the user may replace, and estimates from it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from data.errors import reason
from train.config.packaged import packaged
from train.config.schema import ModelConfig
from train.encode.api.catalog import longest_input
from train.encode.api.credentials import address_of, in_own_network, is_official
from train.errors import ConfigError

TABLE = packaged("prices.yaml")
BYTES_A_TOKEN = 4.0
"""Of UTF-8 in a token, in the middle: English has about 4.2, other languages and code fewer."""


@dataclass(frozen=True)
class Price:
    """US dollars for a million input tokens, with the page and the day on which it stood there."""

    usd_per_million: float
    source: str
    date: str


@dataclass(frozen=True)
class Estimate:
    """What it would cost to send some texts to a model.

    Attributes:
        model: its name.
        texts: how many.
        tokens: about how many; each provider counts with a tokenizer of its own.
        price: None where it is not known.
    """

    model: str
    texts: int
    tokens: int
    price: Price | None

    @property
    def usd(self) -> float | None:
        """US dollars; None where the price is not known."""
        return None if self.price is None else self.tokens / 1e6 * self.price.usd_per_million

    def sentence(self) -> str:
        """Return one line for the terminal."""
        size = f"{self.model}: {self.texts:,} texts, about {self.tokens:,} tokens"
        if self.price is None:
            return f"{size}, price not known"
        return f"{size}, about {dollars(self.usd or 0)} (${self.price.usd_per_million:g} per million on {self.price.date})"


def dollars(usd: float) -> str:
    """Return an amount for people: cents from one cent on, two digits below."""
    return f"${usd:,.2f}" if usd >= 0.01 or usd == 0 else f"${usd:.2g}"


def load_prices(path: Path | None = None) -> dict[str, Price]:
    """Return prices by model (`openai:text-embedding-3-small`).

    Args:
        path: a file of the user's in the form of configs/prices.yaml; its entries take precedence over those of the table.

    Raises:
        ConfigError: a file is not there or not of that form.
    """
    return _read(TABLE) | ({} if path is None else _read(path))


def price_of(config: ModelConfig, prices: dict[str, Price]) -> Price | None:
    """Return what a model costs; None where that is not known, or for a model that is not behind an API.

    A server on this machine or in a private network costs nothing per token, unless the table names it
    (`openai:NAME@http://HOST:PORT/v1`). A stranger's server may cost anything.
    """
    if config.api is None:
        return None
    name, address = f"{config.api}:{config.name}", address_of(config)
    if is_official(config):
        return prices.get(name)
    listed = prices.get(f"{name}@{address}")
    return Price(0.0, "a server of your own", "any day") if listed is None and in_own_network(address) else listed


def estimate(config: ModelConfig, texts: Sequence[str], prices: dict[str, Price]) -> Estimate:
    """Estimate what it would cost to send these texts. The longer of the prompts counts with each; what is cut is not billed."""
    prompt = max(len((one or "").encode()) for one in (config.query_prompt, config.document_prompt))
    most = longest_input(config)
    sizes = [len(text.encode("utf-8", "replace")) for text in texts if text.strip()]
    tokens = sum(min(most, round((size + prompt) / BYTES_A_TOKEN) + 1) for size in sizes)
    return Estimate(f"{config.api}:{config.name}", len(texts), tokens, price_of(config, prices))


def _read(path: Path) -> dict[str, Price]:
    form = (
        "write `prices:` with entries MODEL: {usd_per_million: 0.02, source: PAGE, date: YYYY-MM-DD}, as configs/prices.yaml does"
    )
    try:
        entries: Any = yaml.safe_load(path.read_text(encoding="utf-8"))["prices"]
        return {str(model): _price(entry) for model, entry in entries.items()}
    except OSError as error:
        raise ConfigError(f"the price table {path} cannot be read ({error.strerror})", hint=form) from None
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"the price table {path} does not have the required form ({reason(error)})", hint=form) from None


def _price(entry: dict[str, Any]) -> Price:
    usd = float(entry["usd_per_million"])
    if not 0 <= usd < 1e4:
        raise ValueError(f"{usd} dollars per million tokens")
    return Price(usd, str(entry["source"]), datetime.date.fromisoformat(str(entry["date"])).isoformat())
