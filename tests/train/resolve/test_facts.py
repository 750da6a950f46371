"""What is known of a model comes from where it says it comes from, and what nobody states stays unknown."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from train.config.schema import DEFAULT_MODEL, ModelConfig
from train.encode.contract import read_contract
from train.encode.open import open_model
from train.encode.weights.mteb_registry import RegisteredPrompts, registered, registered_prompts
from train.resolve.facts import ModelFacts, facts_of
from train.resolve.models import Candidate, find_candidate


def facts(word: str, **settings: object) -> ModelFacts:
    candidate = find_candidate(word, ModelConfig(name=word, device="cpu", **settings))
    return facts_of(candidate, open_model(candidate.config))


def with_card(model: Path, folder: Path, head: str) -> Path:
    shutil.copytree(model, folder)
    (folder / "README.md").write_text(f"---\n{head}---\n# A model\n", encoding="utf-8")
    return folder


def test_the_packaged_model_is_described_by_its_weights_and_its_card() -> None:
    found = facts(DEFAULT_MODEL)
    assert (found.parameters, found.weights_bytes) == (22_713_216, 4 * 22_713_216), "as published, loaded in float32"
    assert (found.dimensions, found.max_tokens, found.licence, found.languages) == (384, 256, "apache-2.0", ("en",))
    assert found.open
    assert found.sources["licence"] == found.sources["languages"] == "the card of the model"
    assert found.sources["parameters"] == "the loaded model"
    assert json.loads(json.dumps(found.as_json())) == found.as_json()


def test_fewer_dimensions_and_tokens_are_facts_of_the_model_as_it_is_used() -> None:
    found = facts(DEFAULT_MODEL, dimensions=64, max_tokens=32)
    assert (found.dimensions, found.max_tokens) == (64, 32)


@pytest.mark.parametrize(
    ("head", "licence", "languages"),
    [
        ("license: mit\nlanguage: de\n", "mit", ("de",)),
        (
            "license: other\nlicense_name: my-own\nlanguage:\n- 'no'\n- no\n- multilingual\n",
            "my-own",
            ("no", "no", "multilingual"),
        ),
        ("tags: [x]\n", None, None),
        ("language: []\n", None, None),
        ("license: [broken\n", None, None),
        ("- a\n- list\n", None, None),
    ],
)
def test_a_card_says_licence_and_languages(
    tiny_model: Path, tmp_path: Path, head: str, licence: str | None, languages: tuple[str, ...] | None
) -> None:
    found = facts(str(with_card(tiny_model, tmp_path / "model", head)))
    assert (found.licence, found.languages) == (licence, languages)
    assert ("licence" in found.sources) == (licence is not None), "no source for what is not known"


def test_a_model_without_a_card_is_not_known_and_nothing_is_guessed(tiny_model: Path) -> None:
    found = facts(str(tiny_model))
    assert (found.licence, found.languages, found.languages_in_words()) == (None, None, "not known")


def test_a_tuned_model_has_the_licence_and_languages_of_its_base(tiny_model: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_model, run / "model")
    (run / "config.yaml").touch()
    base = with_card(tiny_model, tmp_path / "base", "license: mit\nlanguage: [en, de]\n")
    for name, licence, languages in ((str(base), "mit", ("en", "de")), (DEFAULT_MODEL, "apache-2.0", ("en",))):
        (run / "environment.json").write_text(json.dumps({"model": {"name": name}}))
        found = facts(str(run))
        assert (found.licence, found.languages) == (licence, languages)
        assert found.sources["licence"] == "the card of its base"


def test_the_table_speaks_for_models_whose_cards_do_not(tiny_model: Path) -> None:
    opened = open_model(ModelConfig(name=str(tiny_model), device="cpu"))
    opened.origin = type(opened.origin)("bigcode/starencoder", tiny_model, "hub cache", "abc", None)
    found = facts_of(Candidate("starencoder", ModelConfig(name="bigcode/starencoder"), None), opened)
    assert (found.licence, found.languages) == ("bigcode-openrail-m", ("code",))
    assert found.sources["licence"] == "the terms on its page on the Hub"


def test_a_public_model_without_card_or_table_is_looked_up_in_mteb(tiny_model: Path) -> None:
    opened = open_model(ModelConfig(name=str(tiny_model), device="cpu"))
    opened.origin = type(opened.origin)("intfloat/multilingual-e5-large", tiny_model, "hub cache", "abc", None)
    found = facts_of(Candidate("e5", ModelConfig(name="intfloat/multilingual-e5-large"), None), opened)
    assert found.licence == "mit" and found.languages is not None and len(found.languages) > 80
    assert found.languages_in_words() == f"{len(found.languages)} languages"
    assert found.sources["licence"] == "mteb's registry of models"
    assert found.parameters != 560_000_000, "sizes are those of the model that is loaded"


def test_a_model_behind_an_api_is_closed_and_has_no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CO_API_KEY", "unused")
    found = facts("embed-english-v3.0")
    assert (found.open, found.parameters, found.weights_bytes, found.dimensions) == (False, None, None, 1024)
    assert found.sources["dimensions"] == "its provider"


def test_few_languages_are_named_and_many_counted() -> None:
    assert ModelFacts("x", languages=("en",)).languages_in_words() == "en"
    assert ModelFacts("x", languages=tuple("abcd")).languages_in_words() == "a, b, c, d"
    assert ModelFacts("x", languages=tuple("abcde")).languages_in_words() == "5 languages"


def test_mteb_names_every_model_where_the_search_of_its_source_does() -> None:
    from mteb.models.model_implementations import MODEL_REGISTRY

    assert len(MODEL_REGISTRY) > 500
    assert [name for name in MODEL_REGISTRY if registered(ModelConfig(), name) is None] == []
    assert registered(ModelConfig(), "nobody/knows-this") is None
    assert registered(ModelConfig(api="openai", base_url="http://localhost:1/v1"), "text-embedding-3-small") is None
    for api, name in (("openai", "text-embedding-3-small"), ("cohere", "embed-english-v3.0"), ("voyage", "voyage-large-2")):
        assert registered(ModelConfig(api=api), name) is not None


def test_prompts_that_mteb_knows_are_taken_where_neither_model_nor_family_has_any(tiny_model: Path) -> None:
    from sentence_transformers import SentenceTransformer

    assert registered_prompts("cl-nagoya/ruri-base") == RegisteredPrompts("クエリ: ", "文章: ", "")
    assert registered_prompts("ai-forever/FRIDA") == RegisteredPrompts("search_query: ", "search_document: ", "paraphrase: ")
    assert registered_prompts("Qwen/Qwen3-Embedding-0.6B") is None, "an instruction for each task is no prompt of the model"
    assert registered_prompts(DEFAULT_MODEL) is None
    model = SentenceTransformer(str(tiny_model), device="cpu")
    known = read_contract(model, "cl-nagoya/ruri-base", ModelConfig())
    assert (known.query_prompt, known.document_prompt, known.prompts_from) == ("クエリ: ", "文章: ", "mteb's registry of models")
    family = read_contract(model, "intfloat/multilingual-e5-large", ModelConfig())
    assert (family.symmetric_prompt, family.prompts_from) == ("query: ", "model card of intfloat/e5-base-v2, FAQ 1")
    mine = read_contract(model, "cl-nagoya/ruri-base", ModelConfig(query_prompt="q: "))
    assert (mine.query_prompt, mine.document_prompt, mine.prompts_from) == ("q: ", "文章: ", "your config")


def test_mteb_is_not_imported_for_models_whose_prompts_it_does_not_have() -> None:
    names = [DEFAULT_MODEL, "allenai/scibert_scivocab_uncased", "/some/folder"]
    code = "import sys; from train.encode.weights.mteb_registry import registered_prompts as found; "
    code += f"print([found(name) for name in {names}], 'mteb' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[None, None, None] False"
