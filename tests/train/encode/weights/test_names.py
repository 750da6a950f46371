"""Every spelling of a folder gives the model the prompts of its family."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import tiny_models
from train.config.schema import ModelConfig
from train.encode.contract import FAMILIES
from train.encode.open import open_model
from train.encode.weights.names import names_of

E5 = FAMILIES[0]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an E5, as transformers saves it, at several places."""
    shelf = tmp_path_factory.mktemp("shelf")
    here = tiny_models.raw(shelf / "multilingual-e5-small", tiny_models.bert())
    (shelf / "link").symlink_to(here)
    (shelf / "e5-base-v2").mkdir()
    (shelf / "e5-base-v2" / "model").symlink_to(here)
    (shelf / "mine").mkdir()
    (shelf / "mine" / "e5-large").symlink_to(here)
    for cached in ("models--intfloat--e5-base-v2/snapshots/0123abcd", "intfloat_e5-small-v2", "intfloat--e5-small-v2"):
        (shelf / cached).parent.mkdir(parents=True, exist_ok=True)
        (shelf / cached).symlink_to(here)
    return shelf


@pytest.mark.parametrize(
    "name",
    [
        "multilingual-e5-small",
        "multilingual-e5-small/",
        "multilingual-e5-small//",
        "./multilingual-e5-small",
        "../shelf/multilingual-e5-small/",
        "multilingual-e5-small/../link",
        "link",
        "link/",
        "mine/../mine/e5-large/",
        "mine\\e5-large",
        ".\\multilingual-e5-small\\",
        "e5-base-v2/model",
        "e5-base-v2/model/",
        "models--intfloat--e5-base-v2/snapshots/0123abcd",
        "models--intfloat--e5-base-v2/snapshots/0123abcd/",
        "intfloat_e5-small-v2",
        "intfloat--e5-small-v2",
        "~/multilingual-e5-small",
        ".",
    ],
)
def test_a_family_is_known_by_any_spelling(shelf: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = shelf / "multilingual-e5-small" if name == "." else shelf
    if name.startswith("../"):
        name = name.replace("shelf", shelf.name)
    monkeypatch.chdir(place)
    monkeypatch.setenv("HOME", str(shelf))
    contract = open_model(ModelConfig(name=name, device="cpu")).encoder.contract
    assert (contract.query_prompt, contract.document_prompt, contract.prompts_from) == (E5.query, E5.document, E5.source)


def test_a_tuned_model_carries_the_prompts_of_its_base(shelf: Path, tmp_path: Path) -> None:
    opened = open_model(ModelConfig(name=str(shelf / "multilingual-e5-small"), device="cpu"))
    opened.local.model.save_pretrained(str(tmp_path / "tuned" / "model"), create_model_card=False)
    for name in ("tuned/model", "tuned/model/"):
        contract = open_model(ModelConfig(name=str(tmp_path) + "/" + name, device="cpu")).encoder.contract
        assert (contract.query_prompt, contract.document_prompt, contract.symmetric_prompt) == ("query: ", "passage: ", "query: ")


@pytest.mark.parametrize(
    "name", ["someone/my-e5-base-v2", "my_bge-base-en", "e5-base-v2-tuned", "models", "e5-mistral-7b-instruct"]
)
def test_what_only_resembles_a_family_gets_no_prompts(name: str) -> None:
    assert not [f for f in FAMILIES for one in names_of(name) if re.search(f.pattern, one, flags=re.IGNORECASE)]
