"""Which words name an API model, what it would cost, and that nobody pays without having agreed."""

from __future__ import annotations

from pathlib import Path

import pytest

from train.cli.output import agreement
from train.config.schema import ModelConfig
from train.encode.api.catalog import KNOWN
from train.encode.api.confirm import confirm_spending
from train.encode.api.parse import api_words
from train.encode.api.prices import Estimate, Price, estimate, load_prices
from train.errors import ConfigError, Interrupted, ModelError


@pytest.mark.parametrize(
    ("word", "fields"),
    [
        ("openai:text-embedding-3-small", {"name": "text-embedding-3-small", "api": "openai"}),
        ("text-embedding-ada-002", {"name": "text-embedding-ada-002", "api": "openai"}),
        ("embed-english-v3.0", {"name": "embed-english-v3.0", "api": "cohere"}),
        ("Voyage:voyage-large-2", {"name": "voyage-large-2", "api": "voyage"}),
        ("openai:bge-m3@http://localhost:8080/v1", {"name": "bge-m3", "api": "openai", "base_url": "http://localhost:8080/v1"}),
        (
            "openai:nomic-embed-text:latest@http://localhost:11434/v1",
            {"name": "nomic-embed-text:latest", "api": "openai", "base_url": "http://localhost:11434/v1"},
        ),
        ("openai:@cf/baai/bge@https://h/v1", {"name": "@cf/baai/bge", "api": "openai", "base_url": "https://h/v1"}),
        ("openai:org/model@https://host/v1", {"name": "org/model", "api": "openai", "base_url": "https://host/v1"}),
        ("all-MiniLM-L6-v2", None),
        ("intfloat/e5-small-v2", None),
        ("./voyage-folder", None),
    ],
)
def test_words(word: str, fields: dict[str, str] | None) -> None:
    assert api_words(word) == fields
    if fields is not None:
        ModelConfig.model_validate(fields)


def test_near_misses_are_named() -> None:
    with pytest.raises(ModelError, match="did you mean text-embedding-3-small"):
        api_words("text-embedding-3-smal")
    with pytest.raises(ModelError, match="openai:NAME"):
        api_words("voyage-99")
    for word in ("openai:x@localhost", "openai:", "openai:@", "openai:x@", "openai:x@ftp://host"):
        with pytest.raises(ModelError, match="http"):
            api_words(word)
    with pytest.raises(ModelError, match=r"write cohere:embed-english-v3\.0"):
        api_words("openai:embed-english-v3.0")


def test_every_price_is_dated_and_of_a_known_model() -> None:
    for model, price in load_prices().items():
        provider, name = model.split(":")
        assert KNOWN[name].provider == provider and 0 < price.usd_per_million < 1 and price.date >= "2026-01-01" and price.source


def test_an_estimate_by_hand() -> None:
    config = ModelConfig(name="text-embedding-3-small", api="openai")
    found = estimate(config, ["x" * 400, "y" * 40], load_prices())  # 100 + 1 and 10 + 1 tokens
    assert (found.texts, found.tokens) == (2, 112)
    assert found.usd == pytest.approx(112 / 1e6 * 0.02)
    assert "about 112 tokens, about $2.2e-06 ($0.02 per million on " in found.sentence()


def test_a_table_of_ones_own_takes_precedence(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text('prices:\n  "openai:text-embedding-3-small": {usd_per_million: 0.01, source: contract, date: 2026-11-01}\n')
    prices = load_prices(path)
    assert prices["openai:text-embedding-3-small"] == Price(0.01, "contract", "2026-11-01")
    assert prices["openai:text-embedding-3-large"].usd_per_million == 0.13
    for text in (
        "prices: 3",
        "[",
        "prices:\n  a: {usd_per_million: -1, source: x, date: 2026-11-01}",
        "prices:\n  a: {source: x}",
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match="does not have the required form"):
            load_prices(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_prices(tmp_path / "absent.yaml")


def test_a_server_of_ones_own_costs_nothing() -> None:
    found = estimate(
        ModelConfig(name="text-embedding-3-small", api="openai", base_url="http://localhost/v1"), ["a"], load_prices()
    )
    assert found.usd == 0
    confirm_spending([found], agreement(False, lambda _: pytest.fail("asked")))


PAID = Estimate("openai:x", 10, 1_000_000, Price(0.5, "page", "2026-11-01"))
UNKNOWN = Estimate("voyage:y", 10, 1_000_000, None)


class Terminal:
    def isatty(self) -> bool:
        return True


def test_nobody_to_ask_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", type("Pipe", (), {"isatty": lambda self: False})())
    with pytest.raises(ConfigError, match=r"about \$0.50.*nobody") as refused:
        confirm_spending([PAID], agreement(False))
    assert "--yes" in str(refused.value)
    confirm_spending([PAID], agreement(True))


@pytest.mark.parametrize(("answer", "goes_on"), [("y", True), (" YES ", True), ("", False), ("n", False), ("maybe", False)])
def test_the_person_decides(
    answer: str, goes_on: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal())
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return answer

    if goes_on:
        confirm_spending([PAID, UNKNOWN], agreement(False, ask))
    else:
        with pytest.raises(Interrupted, match="nothing was spent"):
            confirm_spending([PAID, UNKNOWN], agreement(False, ask))
    assert len(asked) == 1 and "$0.50, plus models whose price is not known" in asked[0]
    assert "price not known" in capsys.readouterr().out


def test_nothing_to_send_asks_nothing() -> None:
    confirm_spending([Estimate("openai:x", 0, 0, PAID.price)], agreement(False, lambda _: pytest.fail("asked")))


def test_a_strangers_server_may_cost_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a machine of one's own is free; a provider's address is the provider's, whoever wrote it down."""
    monkeypatch.setattr("sys.stdin", type("Pipe", (), {"isatty": lambda self: False})())
    prices = load_prices()

    def at(address: str) -> Estimate:
        return estimate(ModelConfig(name="text-embedding-3-small", api="openai", base_url=address), ["a text"], prices)

    assert at("https://api.openai.com/v1/").price == prices["openai:text-embedding-3-small"]
    assert at("https://api.example.org/v1").usd is None
    with pytest.raises(ConfigError, match="price is not known"):
        confirm_spending([at("https://api.example.org/v1")], agreement(False))
    prices["openai:text-embedding-3-small@https://api.example.org/v1"] = Price(0.01, "contract", "2026-11-01")
    assert at("https://api.example.org/v1").price == Price(0.01, "contract", "2026-11-01")


def test_what_is_not_read_is_not_estimated() -> None:
    prices = load_prices()
    cohere = ModelConfig(name="embed-english-v3.0", api="cohere")
    assert estimate(cohere, ["x" * 40_000], prices).tokens == 512
    assert estimate(cohere.model_copy(update={"max_tokens": 100}), ["x" * 40_000], prices).tokens == 100
    assert estimate(cohere, ["", " "], prices).tokens == 0  # blank texts are not sent
    prompted = cohere.model_copy(update={"query_prompt": "p" * 36, "document_prompt": "p" * 4})
    assert estimate(prompted, ["x" * 4, "x" * 4], prices).tokens == 2 * (10 + 1)


def test_no_answer_is_no(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("sys.stdin", Terminal())
    with pytest.raises(Interrupted):
        confirm_spending([PAID], agreement(False, closed))


def test_every_known_model_has_a_price() -> None:
    assert {f"{model.provider}:{name}" for name, model in KNOWN.items()} == set(load_prices())


@pytest.mark.slow  # importing mteb takes seconds
def test_what_is_known_of_models_agrees_with_mteb() -> None:
    """mteb's wrappers hold dimensions and maximum tokens of the same models, written by others."""
    pytest.importorskip("mteb")
    from mteb.models.model_implementations import cohere_models, openai_models, voyage_models

    theirs = {}
    for module in (cohere_models, openai_models, voyage_models):
        for meta in vars(module).values():
            if type(meta).__name__ == "ModelMeta":
                theirs.setdefault(meta.name.rpartition("/")[2].lower(), meta)
    shared = [name for name in KNOWN if name in theirs]
    assert len(shared) >= 12
    for name in shared:
        dimensions = theirs[name].embed_dim
        assert KNOWN[name].dimensions in (dimensions if isinstance(dimensions, list) else [dimensions]), name
