"""Every preset is well-formed, can be named wherever a model can, and trains; raw encoders get mean pooling, said aloud."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from tests.conftest import ROOT
from tests.support.forked import ForkServer
from train.config.load import load_config
from train.config.presets import FOLDER, preset_file, presets
from train.config.schema import DEFAULT_MODEL, JudgeSettings, ModelConfig
from train.encode.open import open_model
from train.errors import ConfigError, ModelError
from train.resolve.facts import TABLE, _table
from train.resolve.models import find_candidate

NEEDED = [
    "codebert",
    "starencoder",
    "multilingual-e5-large",
    "paraphrase-multilingual-MiniLM-L12-v2",
    "biobert",
    "scibert",
    "finbert",
    "text-embedding-ada-002",
    "text-embedding-3-small",
    "embed-english-v3.0",
    "voyage-large-2",
]
RAW = ["biobert", "codebert", "finbert", "scibert", "starencoder"]


@pytest.mark.parametrize("path", presets(), ids=lambda path: path.stem)
def test_every_preset_is_a_config_for_training_or_judging(path: Path) -> None:
    judged = load_config(path, data="x.csv", kind=JudgeSettings).model
    assert set(load_config(path, data="x.csv", kind=JudgeSettings).model_fields_set) == {"model", "data"}, (
        "a model and nothing else"
    )
    assert not judged.trust_remote_code, "code of strangers is never switched on by a preset"
    assert path.read_text(encoding="utf-8").startswith("#") and "Source: " in path.read_text(encoding="utf-8")
    if judged.api is None:
        assert load_config(path, data="x.csv").model == judged
        assert "/" in judged.name, "the full name on the Hub"
    else:
        with pytest.raises(ConfigError, match="cannot be trained"):
            load_config(path, data="x.csv")


def test_the_presets_that_were_promised_are_there() -> None:
    assert set(NEEDED) <= {path.stem for path in presets()}
    pooled = [path.stem for path in presets() if load_config(path, data="x", kind=JudgeSettings).model.pooling == "mean"]
    assert pooled == RAW


def test_a_preset_is_named_by_its_stem_or_its_path() -> None:
    by_stem, by_path = (find_candidate(word, ModelConfig(name=word)) for word in ("scibert", str(FOLDER / "scibert.yaml")))
    assert by_stem.config == by_path.config == ModelConfig(name="allenai/scibert_scivocab_uncased", pooling="mean")
    assert by_stem.notes == ("scibert stands for allenai/scibert_scivocab_uncased, as configs/models/scibert.yaml says",)
    assert preset_file("SciBERT") == FOLDER / "scibert.yaml", "capital letters do not matter"
    assert find_candidate("all-MiniLM-L6-v2", ModelConfig(name="all-MiniLM-L6-v2")).notes == (), "its full name says nothing new"


def test_settings_of_the_person_go_before_those_of_a_preset() -> None:
    found = find_candidate("scibert", ModelConfig(name="scibert", pooling="cls", max_tokens=64))
    assert found.config == ModelConfig(name="allenai/scibert_scivocab_uncased", pooling="cls", max_tokens=64)


def test_a_folder_goes_before_a_preset_and_before_an_api_and_that_is_said(in_tmp: Path) -> None:
    for name in ("scibert", "voyage-large-2"):
        (in_tmp / name).mkdir()
    preset, api = (find_candidate(name, ModelConfig(name=name)) for name in ("scibert", "voyage-large-2"))
    assert (preset.config.name, preset.config.api, api.config.name, api.config.api) == ("scibert", None, "voyage-large-2", None)
    assert preset.notes == ("scibert is taken, not the preset configs/models/scibert.yaml: a folder here takes precedence",)
    assert "voyage:voyage-large-2" in api.notes[0]
    assert load_config(None, data="x", overrides=["model.name=scibert"]).model.name == "scibert"


def test_a_preset_is_a_base_for_training_by_file_and_by_name(in_tmp: Path) -> None:
    by_file = load_config([FOLDER / "scibert.yaml"], data="x.csv").model
    by_name = load_config(None, data="x.csv", overrides=["model.name=scibert"]).model
    short = load_config(None, data="x.csv", overrides=["model=scibert", "model.max_tokens=64"]).model
    assert by_file == by_name == ModelConfig(name="allenai/scibert_scivocab_uncased", pooling="mean")
    assert short == ModelConfig(name="allenai/scibert_scivocab_uncased", pooling="mean", max_tokens=64)
    (in_tmp / "c.yaml").write_text("model: {name: scibert, pooling: cls}\ndata: x.csv\n")
    assert load_config(Path("c.yaml")).model.pooling == "cls"
    assert load_config(None, data="x", overrides=["model=all-MiniLM-L6-v2"]).model == ModelConfig(name=DEFAULT_MODEL)


def test_a_preset_of_ones_own_is_checked_and_its_lines_are_named(in_tmp: Path) -> None:
    (in_tmp / "mine.yaml").write_text("model:\n  name: owner/mine\n  poling: mean\n")
    with pytest.raises(ConfigError, match=r"mine\.yaml, line 3: model\.poling is not a setting; did you mean model\.pooling\?"):
        find_candidate("mine.yaml", ModelConfig(name="mine.yaml"))
    with pytest.raises(ConfigError, match=r"mine\.yaml, line 3: model\.poling"):
        load_config(None, data="x", overrides=["model.name=mine.yaml"])
    with pytest.raises(ConfigError, match=r"mime\.yaml: no such config file\n.*did you mean mine\.yaml"):
        find_candidate("mime.yaml", ModelConfig(name="mime.yaml"))
    (in_tmp / "none.yaml").write_text("training: {epochs: 1}\n")
    with pytest.raises(ConfigError, match=r"none\.yaml: does not name a model"):
        load_config(None, data="x", overrides=["model.name=none.yaml"])


def test_words_for_models_behind_an_api() -> None:
    def found(word: str) -> ModelConfig:
        return find_candidate(word, ModelConfig(name=word)).config

    assert found("openai:nomic@http://localhost:8080/v1") == ModelConfig(
        name="nomic", api="openai", base_url="http://localhost:8080/v1"
    )
    assert found("voyage-3.5") == ModelConfig(name="voyage-3.5", api="voyage"), "known, though it has no preset"
    assert found("cohere:embed-v9") == ModelConfig(name="embed-v9", api="cohere")
    with pytest.raises(ModelError, match="did you mean text-embedding-3-small"):
        found("text-embedding-3-smal")


def raw_encoder(tiny_model: Path, folder: Path) -> Path:
    """The transformer of a model without what Sentence Transformers adds to it, as CodeBERT or SciBERT come."""
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_model / name, folder / name)
    return folder


def test_a_raw_encoder_gets_mean_pooling_and_that_is_said(tiny_model: Path, tmp_path: Path) -> None:
    raw = raw_encoder(tiny_model, tmp_path / "raw")
    opened = open_model(ModelConfig(name=str(raw), pooling="mean", device="cpu"))
    assert opened.notes == [f"{raw} is a raw encoder without pooling; mean pooling was added (model.pooling chooses another)"]
    # by hand: the mean of the last layer's vectors over a text's own tokens
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(raw), AutoModel.from_pretrained(raw).eval()
    with torch.no_grad():
        expected = model(**tokenizer("protein folding", return_tensors="pt")).last_hidden_state[0].mean(dim=0)
    assert torch.allclose(opened.encoder.encode(["protein folding"], "query")[0], expected, atol=1e-5)


@pytest.mark.slow
def test_a_raw_encoder_trains_with_a_preset_file_and_a_file_of_settings(
    server: ForkServer, tiny_model: Path, tmp_path: Path
) -> None:
    raw_encoder(tiny_model, tmp_path / "raw")
    (tmp_path / "mine.yaml").write_text("model: {name: raw, pooling: mean, device: cpu}\n")
    (tmp_path / "run.yaml").write_text("training: {max_steps: 2, precision: fp32}\nrun_name: second\n")
    rows = [f"what is {i},it is {i * i}" for i in range(60)]
    (tmp_path / "pairs.csv").write_text("question,answer\n" + "\n".join(rows) + "\n")
    words = ["--config", "mine.yaml", "--config", "run.yaml", "--data", "pairs.csv", "evaluation.resamples=200"]
    done = server.run(["train", *words], tmp_path)
    assert done["code"] == 0, done["output"]
    assert "raw is a raw encoder without pooling; mean pooling was added" in done["output"]
    assert (tmp_path / "checkpoints" / "second" / "model" / "1_Pooling").is_dir(), "the tuned model brings the pooling along"


def test_a_raw_encoder_without_special_tokens_gets_those_of_starencoder(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = {"<|endoftext|>": 0, "def": 1, "return": 2, "x": 3}
    bare = Tokenizer(models.WordLevel(words, unk_token="<|endoftext|>"))
    bare.pre_tokenizer = pre_tokenizers.Whitespace()
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    for room in (4, 3):
        folder = tmp_path / str(room)
        PreTrainedTokenizerFast(tokenizer_object=bare, eos_token="<|endoftext|>").save_pretrained(folder)
        BertModel(BertConfig(vocab_size=len(words) + room, **sizes)).save_pretrained(folder)
    opened = open_model(ModelConfig(name=str(tmp_path / "4"), device="cpu"))
    assert "<pad> <sep> <cls> <mask> were added as for StarEncoder" in opened.notes[0]
    ids = opened.encoder.model.tokenize(["def x", "return"])["input_ids"].tolist()
    assert ids == [[6, 1, 3, 5], [6, 2, 5, 4]], "<cls> text <sep>, filled up with <pad>, with ids behind the vocabulary"
    vectors = opened.encoder.encode(["def x", "return"], "document")
    assert torch.allclose(vectors[1:], opened.encoder.encode(["return"], "document"), atol=1e-6), "padding is masked"
    too_small = open_model(ModelConfig(name=str(tmp_path / "3"), device="cpu"))
    assert "has no padding token; <|endoftext|> is used" in too_small.notes[0], "no ids that the weights have no rows for"


def test_every_entry_of_the_table_of_facts_is_a_preset_and_says_where_it_is_from() -> None:
    names = {load_config(path, data="x", kind=JudgeSettings).model.name for path in presets()}
    assert set(_table()) <= names
    assert all(entry["source"] and entry["languages"] for entry in _table().values())
    assert TABLE.parent == ROOT / "configs"
