"""Configuration: mistakes become sentences with file, line and key; overrides and short forms mean what they say."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ROOT
from train.config.load import dump_config, load_config
from train.config.messages import all_keys, nearest_key
from train.config.packaged import packaged
from train.config.schema import ModelConfig, TrainSettings
from train.errors import ConfigError


def written(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "data: x.csv\ntraining:\n  learning_rat: 1e-4\n",
            "line 3: training.learning_rat is not a setting; did you mean training.learning_rate?",
        ),
        ("data: x.csv\ntraining:\n  batch: 8\n", "line 3: training.batch is not a setting; did you mean training.batch_size?"),
        ("data: x.csv\nlearning_rate: 1e-4\n", "line 2: learning_rate is not a setting; did you mean training.learning_rate?"),
        ("data: x.csv\ntraining:\n  batch_size: many\n", "line 3: training.batch_size: input should be a valid integer"),
        (
            "data: x.csv\ntraining:\n  batch_size: 1\n",
            "line 3: training.batch_size: input should be greater than or equal to 2 (got 1)",
        ),
        (
            "data:\n  datasets:\n  - source: a.csv\n    colums: {anchor: q}\n",
            "line 4: data.datasets.0.colums is not a setting; did you mean",
        ),
        ("data: [\n", "not valid YAML"),
        ("- a\n- b\n", "a config maps keys to values, but this file holds a list"),
        ("training: {epochs: 1}\n", "no data set is named"),
        ("data: {source: a.csv, score_range: [5, 5]}\n", "score_range must be two different numbers: [LOW, HIGH]"),
        (
            "data: {datasets: [{source: a.csv}, {source: b.csv}], columns: {anchor: q}}\n",
            "data.columns is ambiguous with 2 data sets",
        ),
        ("data: {source: a.csv, train: false}\n", "at least one must be trained on"),
        ("data: x.csv\ntracking: tensorbord\n", "tracking.backend"),
        ("data: x.csv\nrun_name: ../escape\n", "run_name"),
    ],
)
def test_mistakes_in_a_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as found:
        load_config(written(tmp_path, text))
    assert message in str(found.value)


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    written(tmp_path, "data: x.csv\n")
    with pytest.raises(ConfigError, match=r"no such config file\n.*did you mean .*config\.yaml"):
        load_config(tmp_path / "confg.yaml")


def test_scientific_notation_without_a_dot_is_a_float(tmp_path: Path) -> None:
    # YAML 1.1 reads 2e-5 as a string
    config = load_config(
        written(tmp_path, "data: x.csv\ntraining: {learning_rate: 2e-5}\n"), overrides=["training.temperature=5e-2"]
    )
    assert config.training.learning_rate == 2e-5
    assert config.training.temperature == 0.05


def test_overrides_reach_the_one_data_set_and_any_depth(tmp_path: Path) -> None:
    path = written(tmp_path, "data: {datasets: [{source: a.csv}], split: {seed: 3}}\n")
    config = load_config(
        path, overrides=["data.columns.anchor=question", "training.epochs=2", "tracking=wandb", "data.split.test=0.3"]
    )
    assert config.data.datasets[0].columns.anchor == "question"
    assert (config.training.epochs, config.tracking.backend, config.data.split.test, config.data.split.seed) == (
        2,
        "wandb",
        0.3,
        3,
    )
    indexed = load_config(path, overrides=["data.datasets.0.max_rows=7"])
    assert indexed.data.datasets[0].max_rows == 7


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("data.split.seed=3", (3, None, [])),
        ("data.datasets.0.name=foo", (0, "foo", [])),
        ("data.columns.negatives=wrong", (0, None, ["wrong"])),
    ],
)
def test_an_override_leaves_the_short_form_of_the_data_as_it_is(tmp_path: Path, item: str, expected: tuple) -> None:
    data = load_config(written(tmp_path, "data: x.csv\n"), overrides=[item]).data
    (one,) = data.datasets
    assert one.source == "x.csv"
    assert (data.split.seed, one.name, one.columns.negatives) == expected


def test_data_on_the_command_line_replaces_the_files_data_sets(tmp_path: Path) -> None:
    path = written(tmp_path, "data: {datasets: [{source: a.csv}, {source: b.csv}], split: {seed: 3}}\n")
    config = load_config(path, data="mine.csv")
    assert [one.source for one in config.data.datasets] == ["mine.csv"]
    assert config.data.split.seed == 3


@pytest.mark.parametrize("item", ["training.epochs", "=3", "training..epochs=1"])
def test_an_override_that_is_none(item: str) -> None:
    with pytest.raises(ConfigError, match="is not a setting"):
        load_config(None, data="x.csv", overrides=[item])


@given(
    st.builds(
        lambda epochs, rate, seed, name: {"epochs": epochs, "learning_rate": rate, "seed": seed, "source": name},
        st.none() | st.floats(0.01, 50),
        st.none() | st.floats(1e-8, 0.5),
        st.integers(0, 2**32 - 1),
        st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=20),
    )
)
def test_a_dumped_config_loads_to_an_equal_one(tmp_path_factory: pytest.TempPathFactory, values: dict) -> None:
    source = values.pop("source")
    config = TrainSettings.model_validate({"data": {"datasets": [{"source": source}]}, "training": values})
    path = tmp_path_factory.mktemp("dump") / "config.yaml"
    path.write_text(dump_config(config), encoding="utf-8")
    assert load_config(path) == config


def test_the_nearest_key_of_every_key_with_a_letter_missing_is_itself_or_a_namesake() -> None:
    for key in all_keys():
        head, _, last = key.rpartition(".")
        if len(last) < 6:
            continue
        found = nearest_key(f"{head}.{last[:-1]}" if head else last[:-1])
        assert found is not None and found.rsplit(".", 1)[-1].startswith(last[:4]), (key, found)


def test_help_and_config_mistakes_need_no_torch() -> None:
    code = (
        "import sys; from train.cli.app import main\ntry: main({})\nexcept SystemExit as e: print(e.code, 'torch' in sys.modules)"
    )
    for words, expected in (
        (["--help"], "0 False"),
        (["train", "--help"], "0 False"),
        (["train", "-d", "x", "a.b=1"], "2 False"),
    ):
        began = time.monotonic()
        done = subprocess.run([sys.executable, "-c", code.format(words)], capture_output=True, text=True, cwd=ROOT, check=False)
        if "False" not in done.stdout:  # help ends without SystemExit
            assert done.returncode == 0 and "Usage" in done.stdout
        else:
            assert expected in done.stdout, done
        assert time.monotonic() - began < 20


@pytest.mark.parametrize("key", ["training.interpolation", "evaluation.cross_validation"])
def test_off_is_off_though_yaml_reads_false(key: str) -> None:
    section, name = key.split(".")
    config = load_config(None, data="x.csv", overrides=[f"{key}=off"])
    assert getattr(getattr(config, section), name) == "off"


def test_training_auto_leaves_everything_to_the_recipe(tmp_path: Path) -> None:
    path = tmp_path / "auto.yaml"
    path.write_text("training: auto\ndata: x.csv\n", encoding="utf-8")
    plain = load_config(None, data="x.csv")
    assert load_config(path) == plain == load_config(None, data="x.csv", overrides=["training=auto"])
    assert load_config(path, overrides=["training.epochs=2"]).training == plain.training.model_copy(update={"epochs": 2.0})


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("model.query_prompt=query ", "query "),
        ("model.query_prompt=> ", "> "),
        ("model.query_prompt=# ", "# "),
        ("model.query_prompt=Q # 1: ", "Q # 1: "),
        ("model.query_prompt='query: '", "query: "),
        ("model.query_prompt=", None),
        ("run_name= first ", "first"),
    ],
)
def test_texts_on_the_command_line_are_taken_as_they_are(item: str, value: str | None) -> None:
    config = load_config(None, data="x.csv", overrides=[item])
    assert (config.run_name if item.startswith("run_name") else config.model.query_prompt) == value


def test_a_column_with_a_hash_can_be_named() -> None:
    config = load_config(None, data="x.csv", overrides=["data.columns.anchor=Question #1", "data.columns.positive=Answer"])
    assert config.data.datasets[0].columns.anchor == "Question #1"


def test_what_a_file_says_of_no_data_set_is_about_the_one_on_the_command_line(tmp_path: Path) -> None:
    path = written(tmp_path, "data: {loss: cosent, bad_rows: drop, columns: {score: rating}, leaks: keep}\n")
    config = load_config(path, data=["x.csv", "y.csv"])
    assert [(one.source, one.loss, one.bad_rows, one.columns.score) for one in config.data.datasets] == [
        ("x.csv", "cosent", "drop", "rating"),
        ("y.csv", "cosent", "drop", "rating"),
    ]
    assert config.data.leaks == "keep"


def test_the_default_is_a_part_of_the_demo() -> None:
    short, demo = (load_config(packaged(f"{name}.yaml")) for name in ("default", "demo"))
    assert [one.source for one in short.data.datasets] == [one.source for one in demo.data.datasets]
    assert (short.data.datasets[0].sample, demo.data.datasets[0].sample) == (1500, None)
    assert short.training.max_steps is None, "with it a run counts as a trial"


def test_an_address_of_a_server_that_cannot_be_read_is_refused_in_words() -> None:
    with pytest.raises(ConfigError, match="malformed") as refused:
        ModelConfig(name="m", api="openai", base_url="http://[::1/v1")  # type: ignore[arg-type]
    assert "HOST:PORT" in str(refused.value.hint)
