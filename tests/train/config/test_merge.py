"""Several `--config` files: later ones win key by key, and a mistake names the file that it stands in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.config.load import load_config
from train.config.merge import _merged, read_layers
from train.errors import ConfigError


def files(folder: Path, *texts: str) -> list[Path]:
    for number, text in enumerate(texts):
        (folder / f"{number}.yaml").write_text(text, encoding="utf-8")
    return [folder / f"{number}.yaml" for number in range(len(texts))]


def test_later_files_win_key_by_key_and_the_command_line_wins_over_them(tmp_path: Path) -> None:
    paths = files(
        tmp_path,
        "data: x.csv\ntraining: {epochs: 1, batch_size: 8}\nmodel: {name: a/b, max_tokens: 64}\n",
        "training:\n  batch_size: 16\nmodel:\n  name: c/d\n",
        "# nothing\ntraining:\n",
    )
    config = load_config(paths, overrides=["training.epochs=3"])
    assert (config.training.epochs, config.training.batch_size) == (3, 16)
    assert (config.model.name, config.model.max_tokens) == ("c/d", 64)
    assert load_config(paths[:1]) == load_config(paths[0]), "one file in a list is that file"


def test_a_file_that_names_data_sets_replaces_them_and_keeps_the_split(tmp_path: Path) -> None:
    first = "data: {datasets: [{source: a.csv}, {source: b.csv}], split: {seed: 7}}\n"
    for text in ("data: c.csv\n", "data: {source: c.csv}\n", "data: {datasets: [{source: c.csv}]}\n"):
        config = load_config(files(tmp_path, first, text))
        assert [one.source for one in config.data.datasets] == ["c.csv"] and config.data.split.seed == 7


def test_settings_of_the_only_data_set_are_laid_on_it(tmp_path: Path) -> None:
    one = load_config(files(tmp_path, "data: a.csv\n", "data: {columns: {anchor: q}}\n")).data.datasets[0]
    assert (one.source, one.columns.anchor) == ("a.csv", "q")
    with pytest.raises(ConfigError, match="ambiguous with 2 data sets"):
        load_config(files(tmp_path, "data: {datasets: [{source: a}, {source: b}]}\n", "data: {columns: {anchor: q}}\n"))


def test_short_forms_meet_long_ones(tmp_path: Path) -> None:
    for texts in (("tracking: wandb\n", "tracking: {mode: offline}\n"), ("tracking: {mode: offline}\n", "tracking: wandb\n")):
        tracking = load_config(files(tmp_path, "data: x\n" + texts[0], texts[1])).tracking
        assert (tracking.backend, tracking.mode) == ("wandb", "offline")
    model = load_config(files(tmp_path, "data: x\nmodel: {name: a/b, max_tokens: 64}\n", "model: c/d\n")).model
    assert (model.name, model.max_tokens) == ("c/d", 64)


def test_a_mistake_names_the_file_and_line_that_it_stands_in(tmp_path: Path) -> None:
    good, bad = "data: x.csv\ntraining:\n  epochs: 1\n", "\n\ntraining:\n  batch_size: 1\n"
    for texts, file in (((good, bad), "1.yaml"), ((bad, good), "0.yaml")):
        with pytest.raises(ConfigError, match=rf"{file}, line 4: training\.batch_size: input should be greater"):
            load_config(files(tmp_path, *texts))
    replaced = ("data: x.csv\ntraining:\n  batch_size: 1\n", "training:\n  batch_size: 8\n")
    assert load_config(files(tmp_path, *replaced)).training.batch_size == 8, "what is replaced is no mistake any more"
    with pytest.raises(ConfigError, match=r"0\.yaml and .*1\.yaml: no data set is named"):
        load_config(files(tmp_path, "training: {epochs: 1}\n", "model: a/b\n"))


trees = st.recursive(
    st.integers() | st.text(max_size=3), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8
)
mappings = st.dictionaries(st.sampled_from("abc"), trees, max_size=3)


@given(mappings, mappings, mappings)
def test_laying_on_is_associative_and_keeps_what_is_not_replaced(one: dict, two: dict, three: dict) -> None:
    def on(below: dict, above: dict) -> dict:
        return _merged(below, above, (), [])

    assert on(on({}, one), one) == one
    assert on(one, {}) == one and on({}, one) == one
    for key, value in two.items():
        if not isinstance(value, dict):
            assert on(one, two)[key] == value
    assert {key: one[key] for key in one.keys() - two.keys()} == {key: on(one, two)[key] for key in one.keys() - two.keys()}
    if all(isinstance(a, dict) == isinstance(b, dict) for a, b in _pairs(one, two, three)):
        assert on(on(one, two), three) == on(one, on(two, three))


def _pairs(*trees_: dict) -> list[tuple[object, object]]:
    """Values under one key in two of the trees, at any depth."""
    found: list[tuple[object, object]] = []
    for index, one in enumerate(trees_):
        for two in trees_[index + 1 :]:
            for key in one.keys() & two.keys():
                found.append((one[key], two[key]))
                if isinstance(one[key], dict) and isinstance(two[key], dict):
                    found += _pairs(one[key], two[key])
    return found


def test_no_files_are_an_empty_configuration() -> None:
    assert read_layers([]).tree == {}
