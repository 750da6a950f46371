"""How many tokens are read: of what tokenizer, settings and architecture say, and of what the user asks for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer

from tests.support import tiny_models
from train.config.schema import ModelConfig
from train.encode.local import read_as_many
from train.encode.open import open_model
from train.encode.protocol import OpenedModel
from train.encode.token_limit import limit_of
from train.errors import ModelError

LONG = "one two three four five six seven eight nine ten " * 70


def opened(folder: Path, **settings: object) -> OpenedModel:
    return open_model(ModelConfig(name=str(folder), device="cpu", **settings))


@pytest.fixture(scope="module")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its tokenizer names no limit, and its first two positions are no token's."""
    folder = tmp_path_factory.mktemp("roberta")
    return tiny_models.raw(folder, tiny_models.roberta(), model_max_length=None, pad_token="[unused0]")


@pytest.fixture(scope="module")
def t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.raw(tmp_path_factory.mktemp("t5"), tiny_models.t5(), model_max_length=None)


def test_a_roberta_has_fewer_places_than_positions(roberta: Path) -> None:
    encoder = opened(roberta).local
    assert encoder.contract.max_tokens == 512
    assert torch.isfinite(encoder.encode([LONG], "document")).all()
    with pytest.raises(ModelError, match=r"max_tokens=514 is more than .*positions for 512 tokens\n.*model\.max_tokens=512"):
        opened(roberta, max_tokens=514)


def test_where_nothing_names_a_limit_there_is_one_all_the_same_and_it_is_said(t5: Path) -> None:
    found = opened(t5)
    assert found.encoder.contract.max_tokens == 512
    assert [note for note in found.notes if "names no limit of tokens; texts are cut at 512" in note]
    more = opened(t5, max_tokens=600)
    assert more.encoder.contract.max_tokens == 600 and not [note for note in more.notes if "no limit" in note]
    assert int(more.local.store.rows([LONG], "", 600).lengths) == 600


def test_more_than_the_folder_says_is_read_and_saved(tiny_model: Path, tmp_path: Path) -> None:
    encoder = opened(tiny_model, max_tokens=300).local
    assert encoder.contract.max_tokens == 300
    encoder.model.save_pretrained(str(tmp_path), create_model_card=False)
    stock = SentenceTransformer(str(tmp_path), device="cpu")
    assert stock.max_seq_length == 300 and opened(tmp_path).encoder.contract.max_tokens == 300
    vector = encoder.encode([LONG], "document")
    assert torch.allclose(stock.encode([LONG], convert_to_tensor=True), vector, atol=1e-5)
    assert not torch.allclose(opened(tiny_model).encoder.encode([LONG], "document"), vector, atol=1e-3)


def test_what_training_asks_for_is_read_in_judging_too(tiny_model: Path) -> None:
    config = ModelConfig(name=str(tiny_model), device="cpu")
    encoder, notes = read_as_many(open_model(config).local, 200, config)
    assert encoder.contract.max_tokens == encoder.model.max_seq_length == 200
    assert len(notes) == 1 and "training.max_tokens=200 is more than the 64 tokens" in notes[0]
    assert read_as_many(encoder, 32, config) == (encoder, [])
    with pytest.raises(ModelError, match=r"training\.max_tokens=700 .*positions for 512"):
        read_as_many(open_model(config).local, 700, config)
    both = config.model_copy(update={"max_tokens": 100})
    assert read_as_many(open_model(both).local, 200, both)[0].contract.max_tokens == 100


def test_static_embeddings_read_texts_whole_unless_told_otherwise(tmp_path: Path) -> None:
    folder = tiny_models.static(tmp_path / "static")
    found = opened(folder)
    assert found.encoder.contract.reads_whole and "texts of any length" in found.encoder.contract.sentence() and not found.notes
    cut = opened(folder, max_tokens=10).local
    cut.model.save_pretrained(str(tmp_path / "cut"), create_model_card=False)
    assert opened(tmp_path / "cut").encoder.contract.max_tokens == 10
    ten = " ".join(LONG.split()[:10])
    assert torch.allclose(cut.encode([LONG], "document"), found.encoder.encode([ten], "document"), atol=1e-6)


@pytest.mark.slow
def test_a_model_with_two_encoders_has_the_limit_of_the_longer_one(tmp_path: Path) -> None:
    encoder = opened(tiny_models.router(tmp_path)).local
    assert limit_of(encoder.model).most == 512 and encoder.contract.max_tokens == 64
