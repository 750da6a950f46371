"""Every model type that is packed gives, packed, what transformers gives for it padded: embeddings and gradients."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling
from torch import Tensor
from transformers import AutoConfig, AutoModel, PreTrainedModel

from train.encode.forward import attention, packed
from train.encode.forward.layout import Route
from train.encode.forward.packed import FAMILIES, embed_packed, grouped, why_not_packed
from train.encode.tokens.ragged import Tokens

WINDOW = 6
"""ModernBERT's sliding layers see 6 tokens to each side here."""

SIZES = {
    "vocab_size": 50,
    "hidden_size": 32,
    "embedding_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}
ROBERTA = {"pad_token_id": 3}
OF_THEIR_OWN = {
    "distilbert": {"dim": 32, "hidden_dim": 48, "n_layers": 3, "n_heads": 4},
    "eurobert": {"num_key_value_heads": 2},
    "modernbert": {"local_attention": 2 * WINDOW, "global_attn_every_n_layers": 2, "cls_token_id": 1, "sep_token_id": 2},
    "qwen3": {"num_key_value_heads": 2, "head_dim": 8},
    "qwen3-sliding": {
        "num_key_value_heads": 2,
        "head_dim": 8,
        "use_sliding_window": True,
        "sliding_window": WINDOW,
        "max_window_layers": 1,
    },
    "roberta": ROBERTA,
    "xlm-roberta": ROBERTA,
    "camembert": ROBERTA,
    "gte": {"type_vocab_size": 2},
}
ENCODERS = {kind: kind for kind in FAMILIES} | {"qwen3-sliding": "qwen3"}
LENGTHS = [1, 2, 2, 3, 5, 8, 8, 13, 21, 30]
"""Up to several windows."""


def tiny(name: str) -> PreTrainedModel:
    """A model of a type with random weights, in fp32, without dropout."""
    kind = ENCODERS.get(name, name)
    try:
        config = AutoConfig.for_model(kind, **SIZES | OF_THEIR_OWN.get(name, {}))
    except ValueError:
        pytest.skip(f"this transformers has no {kind}")
    for key in vars(config):
        if "dropout" in key and isinstance(getattr(config, key), float):
            setattr(config, key, 0.0)
    torch.manual_seed(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = AutoModel.from_config(config, dtype=torch.float32, attn_implementation="eager")
    for (
        parameter
    ) in model.parameters():  # initial weights are so small that attention is all but uniform: a test would see nothing
        parameter.data.add_(torch.randn_like(parameter) * 0.2)
    return model.train()


@pytest.fixture(scope="module")
def host(tiny_model: Path) -> SentenceTransformer:
    """Sentence Transformers' modules around whatever encoder a test puts in."""
    return SentenceTransformer(str(tiny_model), device="cpu")


def dress(host: SentenceTransformer, encoder: PreTrainedModel, pooling: str) -> SentenceTransformer:
    transformer = host[0]
    transformer.model = encoder
    return SentenceTransformer(modules=[transformer, Pooling(32, pooling_mode=pooling)], device="cpu")


def padded(encoder: PreTrainedModel, tokens: Tokens, pooling: str) -> Tensor:
    """Transformers' own padded forward and Sentence Transformers' own pooling."""
    ids, mask = tokens.padded(encoder.config.pad_token_id or 0)
    hidden = encoder(input_ids=ids, attention_mask=mask)[0]
    return Pooling(32, pooling_mode=pooling)({"token_embeddings": hidden, "attention_mask": mask})["sentence_embedding"]


def gradients(encoder: PreTrainedModel, embeddings: Tensor) -> dict[str, Tensor]:
    """Of a random projection of the embeddings, by parameter; leaves none behind."""
    generator = torch.Generator().manual_seed(3)
    encoder.zero_grad()
    (embeddings * torch.randn(embeddings.shape, generator=generator)).sum().backward()
    found = {name: p.grad.clone() for name, p in encoder.named_parameters() if p.grad is not None}
    encoder.zero_grad()
    return found


def some_texts() -> Tokens:
    generator = torch.Generator().manual_seed(2)
    return Tokens(torch.randint(5, 50, (sum(LENGTHS),), generator=generator), torch.tensor(LENGTHS))


@pytest.fixture(params=[Route.GROUPS, Route.BLOCKS])
def route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Route]:
    """Both ways of attention that run on a CPU."""
    monkeypatch.setattr(packed, "choose_route", lambda setting: (request.param, ""))
    monkeypatch.setattr("train.encode.forward.layout.NARROW", 4)  # several blocks from short texts
    yield request.param


@pytest.mark.parametrize("name", ["bert", "modernbert", "qwen3"])
def test_packed_learns_under_autocast(name: str, route: Route, host: SentenceTransformer) -> None:
    encoder, tokens = tiny(name), some_texts()
    pooling = "lasttoken" if FAMILIES[ENCODERS[name]].causal else "mean"
    model = dress(host, encoder, pooling)
    stock = padded(encoder, tokens, pooling)
    with grouped(model), torch.autocast("cpu", dtype=torch.bfloat16):
        found = embed_packed(model, tokens)
    assert torch.nn.functional.cosine_similarity(found.float(), stock).min() > 0.9
    assert all(bool(torch.isfinite(gradient).all()) for gradient in gradients(encoder, found.float()).values())


@pytest.mark.parametrize("name", ENCODERS)
def test_packed_equals_padded(name: str, route: Route, host: SentenceTransformer) -> None:
    encoder, tokens = tiny(name), some_texts()
    for pooling in ("lasttoken",) if FAMILIES[ENCODERS[name]].causal else ("mean", "cls"):
        model = dress(host, encoder, pooling)
        assert why_not_packed(model) is None
        stock = padded(encoder, tokens, pooling)
        expected = gradients(encoder, stock)
        with grouped(model):
            ours = embed_packed(model, tokens)
            found = gradients(encoder, ours)
            with torch.no_grad():
                unlearning = embed_packed(model, tokens)
                looked_up = embed_packed(model, tokens, encoder.get_input_embeddings()(tokens.ids))
        assert stock.std() > 0.1
        assert torch.allclose(ours, stock, atol=1e-5)
        assert torch.allclose(unlearning, stock, atol=1e-5)
        assert torch.allclose(looked_up, unlearning, atol=1e-6)
        total = torch.sqrt(sum((g**2).sum() for g in expected.values()))
        # a padded forward touches the pad token's row, a packed one does not; its gradient is 0 either way
        assert found.keys() == expected.keys()
        for parameter, gradient in expected.items():
            assert (found[parameter] - gradient).norm() / total < 1e-4, parameter


@pytest.mark.parametrize("name", ENCODERS)
def test_the_device_is_never_waited_for(name: str, host: SentenceTransformer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors on the meta device have no values: whatever asks for one (`.item()`, `.cpu()`, `nonzero`, a branch) fails. On a GPU
    it would wait."""
    tokens = some_texts()
    model = dress(host, tiny(name), "lasttoken" if FAMILIES[ENCODERS[name]].causal else "cls").to("meta")
    monkeypatch.setattr(packed, "setting_of", lambda encoder: None)
    monkeypatch.setattr(packed, "choose_route", lambda setting: (Route.BLOCKS, ""))
    with grouped(model):
        embeddings = embed_packed(model, tokens)
    assert (embeddings.device.type, embeddings.shape) == ("meta", (len(tokens), 32))


def test_every_listed_type_is_compared() -> None:
    assert set(ENCODERS.values()) == set(FAMILIES)


def test_the_sliding_window_is_kept(route: Route, host: SentenceTransformer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were it ignored, the comparison above would have to fail: texts are long enough for the window to matter."""
    encoder, tokens = tiny("modernbert"), some_texts()
    model = dress(host, encoder, "mean")
    by_route = attention.ATTENTION[route]
    monkeypatch.setitem(attention.ATTENTION, route, lambda *args: by_route(*args[:-1], None))
    with torch.no_grad():
        stock = padded(encoder, tokens, "mean")
        with grouped(model):
            ours = embed_packed(model, tokens)
    differs = (ours - stock).abs().amax(dim=1) > 1e-4
    assert differs.tolist() == [length > WINDOW + 1 for length in LENGTHS]


@pytest.mark.parametrize("kind", ["mpnet", "deberta", "deberta-v2"])
def test_types_without_the_hook_are_refused(kind: str, host: SentenceTransformer) -> None:
    model = dress(host, tiny(kind), "mean")
    assert why_not_packed(model) == f"{kind} encoders have no hook for it"


def test_other_types_are_refused_with_words(host: SentenceTransformer) -> None:
    assert why_not_packed(dress(host, tiny("ernie"), "mean")) == "ernie encoders have not been checked with it"


def test_code_from_elsewhere_is_refused_under_a_known_name(host: SentenceTransformer) -> None:
    encoder = tiny("bert")
    encoder.__class__ = type("BertModel", (type(encoder),), {"__module__": "transformers_modules.somebody.modeling"})
    assert why_not_packed(dress(host, encoder, "mean")) == "BertModel is not transformers' own code"


def test_a_bert_that_is_a_decoder_is_refused(host: SentenceTransformer) -> None:
    encoder = tiny("bert")
    encoder.config.is_decoder = True
    assert "tokens see those after them" in str(why_not_packed(dress(host, encoder, "mean")))
