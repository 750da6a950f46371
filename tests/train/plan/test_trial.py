"""What would end a run after its last step ends it before its first; what is sound passes, and leaves no trace in the weights."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import BoW, Normalize

from tests.support import tiny_models
from train.config.load import load_config
from train.encode.weights.save import save_model
from train.errors import ModelError
from train.plan import trial
from train.plan.plan import Plan, make_plan
from train.plan.trial import try_out

SCALE = """
import json, os
import torch
from safetensors.torch import load_file, save_file


class Scale(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.full((width,), 1.5))

    def forward(self, features, **kwargs):
        features["sentence_embedding"] = FORWARD
        return features

    def save(self, output_path, *args, **kwargs):
        with open(os.path.join(output_path, "config.json"), "w") as file:
            json.dump({"width": len(self.scale)}, file)
        save_file(SAVED, os.path.join(output_path, "model.safetensors"))

    @classmethod
    def load(cls, path, *args, subfolder="", **kwargs):
        path = os.path.join(path, subfolder)
        with open(os.path.join(path, "config.json")) as file:
            found = cls(**json.load(file))
        found.load_state_dict(load_file(os.path.join(path, "model.safetensors")), strict=False)
        return found
"""
SOUND = {"FORWARD": 'features["sentence_embedding"] * self.scale', "SAVED": "self.state_dict()"}


def with_code(folder: Path, name: str, code: str = SCALE, **changes: str) -> Path:
    """A small BERT with a module of its own behind it, whose code lies at the top of the folder."""
    base = tiny_models.saved(folder / name, *tiny_models.part(folder / "parts"))
    for word, instead in (SOUND | changes).items():
        code = code.replace(word, instead)
    (base / f"{name}_code.py").write_text(code, encoding="utf-8")
    listed = json.loads((base / "modules.json").read_text(encoding="utf-8"))
    listed.append({"idx": 2, "name": "2", "path": "2_Scale", "type": f"{name}_code.Scale"})
    (base / "modules.json").write_text(json.dumps(listed), encoding="utf-8")
    (base / "2_Scale").mkdir()
    (base / "2_Scale" / "config.json").write_text('{"width": 32}', encoding="utf-8")
    save_file({"scale": torch.full((32,), 2.0)}, base / "2_Scale" / "model.safetensors")
    return base


@pytest.fixture
def planned(tmp_path: Path) -> Callable[..., Plan]:
    lines = [f"where does plant {i} grow,plant {i} grows by the wall" for i in range(40)]
    (tmp_path / "pairs.csv").write_text("\n".join(["query,document", *lines]) + "\n", encoding="utf-8")

    def plan(model: Path, *words: str) -> Plan:
        own = [f"model.name={model}", "model.device=cpu", f"output_dir={tmp_path}"]
        return make_plan(load_config(None, data=str(tmp_path / "pairs.csv"), overrides=[*own, *words]))

    return plan


def random_state() -> list[object]:
    return [torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_weights_gradients_and_random_numbers_stay(precision: str, tiny_model: Path, planned: Callable[..., Plan]) -> None:
    plan = planned(tiny_model, f"training.precision={precision}")
    model = plan.encoder.model
    mode = model.training
    weights, state = {name: value.clone() for name, value in model.state_dict().items()}, random_state()
    try_out(plan)
    assert random_state() == state
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert model.training == mode and all(weight.grad is None for weight in model.parameters())


def test_what_passed_is_not_saved_again(tiny_model: Path, planned: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    plan, saved = planned(tiny_model), []
    monkeypatch.setattr(trial, "save_model", lambda model, folder: saved.append(folder) or save_model(model, folder))
    try_out(plan)
    try_out(plan)
    assert len(saved) == 1 and not saved[0].exists()
    with torch.no_grad():
        plan.encoder.model[0].auto_model.embeddings.word_embeddings.weight.add_(0.1)
    try_out(plan)
    assert len(saved) == 2, "other weights are another model"
    monkeypatch.setattr(trial, "MOST_BYTES", 1000)
    with torch.no_grad():
        plan.encoder.model[0].auto_model.embeddings.word_embeddings.weight.add_(0.1)
    try_out(plan)
    assert len(saved) == 2, "large weights are not written twice"


def test_code_at_the_top_of_the_folder_goes_with_the_model(planned: Callable[..., Plan], tmp_path: Path) -> None:
    plan = planned(with_code(tmp_path, "sound"), "model.trust_remote_code=true")
    try_out(plan)
    save_model(plan.encoder.model, tmp_path / "shipped")
    expected = plan.encoder.encode(["a wall"], "document")
    shutil.rmtree(tmp_path / "sound")
    again = SentenceTransformer(str(tmp_path / "shipped"), device="cpu", trust_remote_code=True)
    assert torch.allclose(again.encode(["a wall"], convert_to_tensor=True), expected, atol=1e-6)


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "a weight that is not saved": ({"SAVED": '{"other": self.scale.detach()}'}, "gives other vectors once it is saved"),
    "no save": ({"def save": "def write"}, "its module Scale has no method save"),
    "a save that fails": ({"SAVED": "self.nothing"}, "cannot be saved: AttributeError"),
    "a load that asks for more": ({'"width": len': '"breadth": len'}, r"cannot be loaded again .*code of its own \(Scale\)"),
    "no gradient": ({"FORWARD": 'features["sentence_embedding"].detach()'}, "RuntimeError in a first batch"),
    "a loss that is no number": (
        {"FORWARD": 'features["sentence_embedding"] * (float("nan") if self.training else 1.0)'},
        "the loss of a first batch is nan",
    ),
    "vectors of another shape in training": (
        {"FORWARD": 'features["sentence_embedding"][:1 if self.training else None]'},
        "cannot be trained on pairs",
    ),
}

QUICK = {"a weight that is not saved", "no save", "no gradient"}


@pytest.mark.parametrize("case", [pytest.param(case, marks=[] if case in QUICK else pytest.mark.slow) for case in WRONG])
def test_what_cannot_end_well_does_not_begin(case: str, planned: Callable[..., Plan], tmp_path: Path) -> None:
    changes, said = WRONG[case]
    name = re.sub(r"\W+", "_", case)
    plan = planned(with_code(tmp_path, name, **changes), "model.trust_remote_code=true", "training.batches=random")
    state = random_state()
    with pytest.raises(ModelError, match=said) as error:
        try_out(plan)
    assert "What to do: " in str(error.value) and random_state() == state


def test_a_model_without_weights_to_train_is_refused(planned: Callable[..., Plan], tmp_path: Path) -> None:
    plan = planned(tiny_models.saved(tmp_path / "counts", BoW(["plant", "wall"], {}), Normalize()), "training.batches=random")
    with pytest.raises(ModelError, match=r"no weights that can be trained \(BoW, Normalize\)\n.*add a Dense layer"):
        try_out(plan)


def test_code_that_lies_elsewhere_is_named(
    planned: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base = with_code(tmp_path, "elsewhere")
    (tmp_path / "shed").mkdir()
    shutil.move(base / "elsewhere_code.py", tmp_path / "shed" / "elsewhere_code.py")
    monkeypatch.syspath_prepend(str(tmp_path / "shed"))
    try_out(planned(base, "model.trust_remote_code=true"))
    said = capsys.readouterr().out
    assert f"whoever loads it needs {tmp_path / 'shed' / 'elsewhere_code.py'}, too" in said


@pytest.mark.parametrize("kind", ["static", "router"])
def test_other_models_pass(kind: str, planned: Callable[..., Plan], tmp_path: Path) -> None:
    make = {"static": tiny_models.static, "router": lambda folder: tiny_models.router(folder, None)}[kind]
    try_out(planned(make(tmp_path / "base"), "training.batches=random"))
