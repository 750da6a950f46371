"""Shared fixtures: the packaged model, small data files, the shared data sets where they lie beside the checkout."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.forked import ForkServer
from train.cli.output import print_line
from train.console import heard_by

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
for _name in [name for name in os.environ if name.startswith("WANDB_")]:
    del os.environ[_name]  # no test reports to a developer's account

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell has its background jobs, and all that these start, ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def printed() -> Iterator[None]:
    """What is said is printed, as on the command line, so that tests of single functions can read it."""
    with heard_by(print_line):
        yield


@pytest.fixture(scope="session")
def shared_datasets() -> Path:
    """The folder of public data sets, `EMBED_TUNE_DATASETS` or `shared/datasets` beside the checkout; skips without it."""
    folder = Path(os.environ.get("EMBED_TUNE_DATASETS", ROOT.parent / "shared" / "datasets"))
    if not folder.is_dir():
        pytest.skip(f"no data sets at {folder}; set EMBED_TUNE_DATASETS to run this test")
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer BERT with random weights and the packaged tokenizer, as a Sentence Transformers folder."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel

    from train.config.schema import ModelConfig
    from train.encode.weights.locate import locate

    packaged = locate(ModelConfig()).path
    raw = tmp_path_factory.mktemp("raw")
    torch.manual_seed(0)
    config = BertConfig(vocab_size=30522, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    BertModel(config).save_pretrained(raw)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        (raw / name).write_bytes((packaged / name).read_bytes())
    folder = tmp_path_factory.mktemp("tiny") / "model"
    transformer = Transformer(str(raw), max_seq_length=64)
    model = SentenceTransformer(modules=[transformer, Pooling(32, pooling_mode="mean"), Normalize()], device="cpu")
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


@pytest.fixture(scope="session")
def server() -> Iterator[ForkServer]:
    """Runs the command line as a user would, in a process of its own, without importing torch anew each time."""
    found = ForkServer()
    yield found
    found.close()


@pytest.fixture
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
