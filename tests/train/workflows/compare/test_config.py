"""What the words after `embed-tune compare` mean, and what is refused before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ROOT
from train.config.compare import MOST_MODELS
from train.errors import ConfigError, ModelError
from train.workflows.compare.config import CompareRequest, read_compare_request


def read(*words: str, **options: object) -> CompareRequest:
    return read_compare_request(words, data=["x.csv"], options=options)


def test_models_and_settings_are_told_apart() -> None:
    found = read("a/b", "c/d", "model.device=cpu", "measure.seconds=2", **{"limits.max_dims": 512, "limits.local_only": None})
    assert [one.label for one in found.candidates] == ["a/b", "c/d"]
    assert {one.config.device for one in found.candidates} == {"cpu"}, "settings under model are for all"
    assert (found.config.limits.max_dims, found.config.limits.local_only, found.config.measure.seconds) == (512, False, 2)
    words = ("a/b", "c/d", "model.device=cpu", "measure.seconds=2", "limits.max_dims=512", "--data", "x.csv")
    assert found.command == ("embed-tune", "compare", *words)


def test_what_repeats_it_is_understood_again() -> None:
    options = {"limits.licences": ["mit", "apache-2.0"], "limits.max_price": 0.05, "limits.local_only": True}
    found = read("a/b", **options)
    again = read_compare_request(found.command[2:-2], data=["x.csv"])
    assert again.config == found.config and found.config.limits.licences == ["mit", "apache-2.0"]


def test_an_entry_of_a_config_has_settings_of_its_own(in_tmp: Path) -> None:
    (in_tmp / "c.yaml").write_text(
        "data: x.csv\nmodel: {device: cpu}\nmodels:\n  - a/b\n  - {name: a/b, dimensions: 64}\n"
        "  - {name: c/d, label: theirs, query_prompt: 'q: ', device: auto}\n"
    )
    found = read_compare_request([], config=[Path("c.yaml")])
    assert [one.label for one in found.candidates] == ["a/b", "a/b (64 dims)", "theirs"]
    assert [one.config.dimensions for one in found.candidates] == [None, 64, None]
    assert [one.config.device for one in found.candidates] == ["cpu", "cpu", "auto"]
    assert found.candidates[2].config.query_prompt == "q: "
    assert [one.label for one in read_compare_request(["e/f"], config=[Path("c.yaml")]).candidates] == ["e/f"]


def test_models_behind_apis_and_presets_are_found() -> None:
    api, local, preset = read("text-embedding-3-small", "openai:m@http://localhost:1/v1", "scibert").candidates
    assert (api.config.api, api.config.name) == ("openai", "text-embedding-3-small")
    assert local.config.base_url == "http://localhost:1/v1"
    assert preset.config.pooling == "mean" and preset.config.name == "allenai/scibert_scivocab_uncased"


def test_a_model_that_is_named_twice_is_compared_once() -> None:
    assert len(read("a/b", "a/b", "c/d").candidates) == 2


def test_empty_sections_count_as_left_out(in_tmp: Path) -> None:
    (in_tmp / "c.yaml").write_text("data: x.csv\nmodels: [a/b]\nlimits:\nmeasure:\n")
    assert read_compare_request([], config=[Path("c.yaml")]).config.measure.documents == 1_000_000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no model is named"),
        (["a", "limits.max_dim=5"], r"limits.max_dim is not a setting; did you mean limits.max_dims\?"),
        (["a", "limits.max_dims=0"], "limits.max_dims: input should be greater than or equal to 1"),
        (["a", "measure.batch_sizes=[0]"], "a batch has at least one text"),
        (["a", "training.epochs=2"], "training.epochs has no meaning here"),
        (["a", "model.name=b"], "model.name has no meaning here"),
        ([f"a/{i}" for i in range(MOST_MODELS + 1)], f"{MOST_MODELS + 1} models are named"),
    ],
)
def test_mistakes(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(*words)


def test_a_mistake_in_an_entry_is_said_with_its_line(in_tmp: Path) -> None:
    (in_tmp / "c.yaml").write_text("data: x.csv\nmodels:\n  - {name: a, poling: cls}\n")
    with pytest.raises(
        ConfigError, match=r"c\.yaml, line 3: models\.0\.poling is not a setting; did you mean models\.0\.pooling"
    ):
        read_compare_request([], config=[Path("c.yaml")])


def test_two_models_of_one_label_are_refused(in_tmp: Path) -> None:
    (in_tmp / "c.yaml").write_text("data: x.csv\nmodels:\n  - {name: a/b, label: one}\n  - {name: c/d, label: one}\n")
    with pytest.raises(ConfigError, match="two models are called one"):
        read_compare_request([], config=[Path("c.yaml")])


def test_a_misspelt_model_behind_an_api_is_told_at_once() -> None:
    with pytest.raises(ModelError, match="did you mean text-embedding-3-small"):
        read("text-embedding-3-smal")


def test_the_shipped_config_is_understood() -> None:
    found = read_compare_request([], config=[ROOT / "configs" / "compare.yaml"])
    assert len(found.candidates) >= 3 and found.config.data.datasets
