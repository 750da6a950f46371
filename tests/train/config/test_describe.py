"""What is said about the settings: the page is that of the models, and every setting has a description."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from data.spec import Choice
from tests.conftest import ROOT
from train.config.compare import CompareSettings
from train.config.describe import SECTIONS, Setting, all_settings, page
from train.config.load import load_config
from train.config.messages import all_keys
from train.errors import ConfigError


def setting(key: str) -> Setting:
    return next(one for one in all_settings() if one.key == key)


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8") == page(), "run `make docs`"


def test_every_setting_has_a_description_and_stands_there_once() -> None:
    found = all_settings()
    assert [one.key for one in found if not one.description or one.description.endswith(".") or "|" in one.description] == []
    keys = [one.key for one in found]
    assert len(keys) == len(set(keys))
    sections = {"model", "data", "data.columns", "data.prompts", "data.split", "export", "export.hub", "mining", "training"}
    sections |= {"evaluation", "tracking", "limits", "measure"}
    every = {key.replace("datasets.0.", "") for key in all_keys(CompareSettings) if not key.startswith(("models.0.", "panel.0."))}
    assert set(keys) == every - sections
    assert {one.section for one in found} == set(SECTIONS)


@pytest.mark.parametrize(
    ("key", "values", "default"),
    [
        ("training.learning_rate", "number above 0 and below 1", ""),
        ("training.precision", "auto, fp32 or bf16", "auto"),
        ("training.matryoshka", "list of whole numbers", ""),
        ("data.score_range", "[number, number]", ""),
        ("data.train", "true or false", "true"),
        ("data.split.seed", "whole number at least 0 and below 2^63", "0"),
        ("mining.enabled", "auto, true or false", "auto"),
        ("mining.rank_to", "whole number at least 1 and at most 10,000", "100"),
        ("tracking.project", "text of at most 128 characters", ""),
        ("measure.batch_sizes", "list of whole numbers", "[8, 32, 128]"),
        ("models", "list of models", ""),
    ],
)
def test_what_a_setting_takes(key: str, values: str, default: str) -> None:
    assert (setting(key).values(), setting(key).shown_default()) == (values, default)


def test_choices_and_defaults_are_values_that_the_setting_takes() -> None:
    for one in all_settings():
        if one.key == "data.source" or one.section in ("models", "limits", "measure"):
            continue
        for value in [*one.choices, *([one.shown_default()] if one.shown_default() else [])]:
            try:
                load_config(None, data="x.csv", overrides=[f"{one.key}={value}"])
            except ConfigError as error:
                # a model behind an API cannot be trained; some choices need others
                assert "should be" not in str(error) and "not a setting" not in str(error), (one.key, value)


def choices_of(value: BaseModel) -> Iterator[Choice]:
    for name in type(value).model_fields:
        inner = getattr(value, name)
        for one in inner if isinstance(inner, list) else [inner]:
            if isinstance(one, Choice):
                yield one
            elif isinstance(one, BaseModel):
                yield from choices_of(one)


def test_a_choice_is_the_word_that_users_write(tmp_path: Path) -> None:
    config = load_config(None, data="x.csv", overrides=["data.loss=cosent", "training.interpolation=off"])
    found = list(choices_of(config))
    assert len(found) > 8
    assert all(f"{one}" == str(one) == one.value and repr(one) == repr(one.value) for one in found)
