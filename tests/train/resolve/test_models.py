"""What the words after `embed-tune evaluate` mean, and what is refused before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from train.config.schema import DEFAULT_MODEL, ModelConfig
from train.errors import ConfigError, ModelError
from train.resolve.models import find_candidate
from train.resolve.requests import read_request


def make_run(folder: Path, finished: bool = True) -> Path:
    for part in ("model", "checkpoint-5") if finished else ("checkpoint-5",):
        (folder / part).mkdir(parents=True)
        (folder / part / "modules.json").touch()
    for name in ("config.yaml", "environment.json"):
        (folder / name).touch()
    return folder


def test_models_and_settings_are_told_apart_and_settings_go_to_their_model() -> None:
    words = ["a/b", "c/d", "model.query_prompt=query: ", "other.max_tokens=64", "model.device=cpu", "evaluation.resamples=500"]
    request = read_request(words, data=["x.csv", "y.csv"], split="dev")
    one, two = request.candidates
    assert (one.label, one.config) == ("a/b", ModelConfig(name="a/b", query_prompt="query: ", device="cpu"))
    assert (two.label, two.config) == ("c/d", ModelConfig(name="c/d", max_tokens=64, device="cpu")), "the device is for both"
    assert request.config.evaluation.resamples == 500
    assert [spec.source for spec in request.config.data.datasets] == ["x.csv", "y.csv"]
    assert request.command == ("embed-tune", "evaluate", *words, "--data", "x.csv", "--data", "y.csv", "--split", "dev")


def test_one_model_and_settings() -> None:
    request = read_request(["a/b", "data.bad_rows=drop"], data=["x.csv"])
    assert [one.label for one in request.candidates] == ["a/b"] and request.config.data.datasets[0].bad_rows == "drop"


def test_an_existing_path_with_an_equals_sign_is_a_model(in_tmp: Path) -> None:
    (in_tmp / "lr=1e-5").mkdir()
    assert [one.label for one in read_request(["a/b", "lr=1e-5"], data=["x.csv"]).candidates] == ["a/b", "lr=1e-5"]


def test_the_model_section_of_a_config_is_for_the_model_that_it_names(in_tmp: Path) -> None:
    text = "model: {name: all-MiniLM-L6-v2, query_prompt: 'q: ', device: cpu}\ndata: {datasets: [{source: x.csv, train: false}]}"
    (in_tmp / "c.yaml").write_text(text)
    one, two = read_request([DEFAULT_MODEL, "c/d"], config=Path("c.yaml")).candidates
    assert one.config == ModelConfig(name=DEFAULT_MODEL, query_prompt="q: ", device="cpu")
    assert two.config == ModelConfig(name="c/d", device="cpu")


def test_a_run_stands_for_its_model_and_is_remembered_behind_its_folders(in_tmp: Path) -> None:
    run = make_run(in_tmp / "checkpoints" / "first")
    for name in ("checkpoints/first", "first"):
        found = find_candidate(name, ModelConfig())
        assert (found.label, Path(found.config.name).resolve(), found.run and found.run.resolve()) == (name, run / "model", run)
    for name in ("checkpoints/first/model", "checkpoints/first/checkpoint-5"):
        found = find_candidate(name, ModelConfig())
        assert (found.label, found.config.name, found.run) == (name, name, run)


def test_a_folder_or_a_hub_id_has_no_run(in_tmp: Path) -> None:
    (in_tmp / "model").mkdir()
    assert find_candidate("model", ModelConfig()).run is None
    found = find_candidate("owner/name", ModelConfig(max_tokens=32))
    assert (found.config.name, found.run) == ("owner/name", None) or found.config.name == DEFAULT_MODEL


def test_a_model_folder_takes_precedence_over_a_run_of_that_name_and_another_folder_does_not(in_tmp: Path) -> None:
    run = make_run(in_tmp / "checkpoints" / "first")
    (in_tmp / "first").mkdir()
    assert find_candidate("first", ModelConfig()).config.name == str(Path("checkpoints/first/model"))
    (in_tmp / "first" / "modules.json").touch()
    found = find_candidate("first", ModelConfig())
    assert (found.config.name, found.run) == ("first", None) and run.is_dir()


def test_a_run_without_a_model_is_not_finished(in_tmp: Path) -> None:
    make_run(in_tmp / "checkpoints" / "first", finished=False)
    with pytest.raises(ModelError, match=r"no model/ yet: the run is not finished\n.*checkpoint-\*.*--resume checkpoints/first"):
        find_candidate("first", ModelConfig())


def test_the_same_model_is_recognised_behind_two_names(in_tmp: Path) -> None:
    make_run(in_tmp / "checkpoints" / "first")
    one, two, three = (find_candidate(name, ModelConfig()) for name in ("first", "checkpoints/first/model/", "first"))
    assert one.same_as(two) and one.same_as(three)
    assert not one.same_as(find_candidate("first", ModelConfig(max_tokens=9)))
    assert not one.same_as(find_candidate("checkpoints/first/checkpoint-5", ModelConfig()))


def test_letters_that_cannot_be_printed_do_not_reach_the_label(in_tmp: Path) -> None:
    assert find_candidate("a\x1b[31m\udcff", ModelConfig()).label == "a?[31m?"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model.device=cpu"], "no model is named"),
        (["a", "b", "c"], "c: at most two models"),
        (["a", "training.epochs=2"], "training.epochs has no meaning here: nothing is trained"),
        (["a", "tracking=wandb"], "tracking has no meaning here"),
        (["a", "run_name=x"], "run_name has no meaning here"),
        (["a", "model.name=x"], "model.name has no meaning here"),
        (["a", "other.max_tokens=64"], "other.max_tokens is for a second model"),
        (["a", "b", "other.max_token=64"], r"other.max_token is not a setting; did you mean other.max_tokens\?"),
        (["a", "model.pooling=best"], "model.pooling: input should be 'mean'"),
        (["a", "evaluation.resample=9"], "did you mean evaluation.resamples"),
    ],
)
def test_mistakes(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_request(words, data=["x.csv"])


def test_no_data_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="no data set is named"):
        read_request(["a"])


def test_the_seed_of_the_resampling_may_be_set() -> None:
    assert read_request(["a", "training.seed=7"], data=["x.csv"]).config.training.seed == 7


def test_vectors_may_be_cut_for_each_model() -> None:
    one, two = read_request(["a/b", "c/d", "model.dimensions=64", "other.dimensions=32"], data=["x.csv"]).candidates
    assert (one.config.dimensions, two.config.dimensions) == (64, 32)
    api = read_request(["m", "model.api=openai", "model.base_url=http://localhost:1/v1"], data=["x.csv"]).candidates[0]
    assert api.config.api == "openai"
