"""Models whose code lies in their own folder are trained and shipped where the person trusts it, and refused otherwise."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from sentence_transformers import SentenceTransformer

from tests.support.forked import ForkServer
from train.config.schema import ModelConfig
from train.encode.open import open_model
from train.errors import ModelError

CONFIGURATION = 'from transformers import BertConfig\n\n\nclass OwnConfig(BertConfig):\n    model_type = "own"\n'
MODEL = "from transformers import BertModel\n\nfrom .configuration_own import OwnConfig\n\n\nclass OwnModel(BertModel):\n"
MODEL += "    config_class = OwnConfig\n"


@pytest.fixture(scope="module")
def raw(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A raw encoder with code of its own."""
    folder = tmp_path_factory.mktemp("models") / "raw"
    folder.mkdir()
    for file in tiny_model.iterdir():
        if file.is_file() and file.name not in ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"):
            shutil.copy(file, folder / file.name)
    (folder / "configuration_own.py").write_text(CONFIGURATION, encoding="utf-8")
    (folder / "modeling_own.py").write_text(MODEL, encoding="utf-8")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"model_type": "own", "architectures": ["OwnModel"]}
    config["auto_map"] = {"AutoConfig": "configuration_own.OwnConfig", "AutoModel": "modeling_own.OwnModel"}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def test_code_that_is_not_trusted_is_refused_with_the_setting(raw: Path) -> None:
    with pytest.raises(ModelError, match=r"trust_remote_code is off unless model\.trust_remote_code=true"):
        open_model(ModelConfig(name=str(raw), device="cpu"))


def test_a_run_with_trusted_code_ends_with_a_model(server: ForkServer, raw: Path, tmp_path: Path) -> None:
    rows = [f"what is {word} number {i},it is the {word} of {i}" for i, word in enumerate(["ant", "bee", "cat", "dog"] * 15)]
    (tmp_path / "faq.csv").write_text("\n".join(["question,answer", *rows]), encoding="utf-8")
    words = [
        "train",
        "--data",
        "faq.csv",
        f"model.name={raw}",
        "model.trust_remote_code=true",
        "model.device=cpu",
        "run_name=run",
    ]
    words += ["training.max_steps=4", "training.batch_size=8", "training.evaluations=2", "evaluation.resamples=200"]
    done = server.run(words, tmp_path)
    assert done["code"] == 0, done["output"]
    shipped = str(tmp_path / "checkpoints" / "run" / "model")
    assert SentenceTransformer(shipped, device="cpu", trust_remote_code=True).encode("what is ant").shape == (32,)
    resumed = server.run(["train", "--resume", "checkpoints/run"], tmp_path)
    assert "is already finished" in resumed["output"], resumed["output"]
