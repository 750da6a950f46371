"""`embed-tune settings`: found by a word, shown as text, JSON and table."""

from __future__ import annotations

import json

import pytest

from train.errors import ConfigError
from train.workflows.settings import find_settings


def test_a_word_finds_keys_descriptions_and_choices() -> None:
    for word, key in (("LEARNING_RATE", "training.learning_rate"), ("dropout", "training.seed"), ("cosent", "data.loss")):
        assert key in [one.key for one in find_settings(word).settings], word
    assert len(find_settings().settings) > 90


@pytest.mark.parametrize(
    ("word", "key"), [("lr", "training.learning_rate"), ("training.epoch_count", "training.epochs"), ("§", "")]
)
def test_a_word_that_matches_nothing_names_the_nearest_key(word: str, key: str) -> None:
    with pytest.raises(ConfigError, match=r"no setting has '.*' in its key or description") as error:
        find_settings(word)
    assert error.value.hint is not None and error.value.hint.startswith(f"did you mean {key}")


def test_the_result_is_text_json_and_table() -> None:
    found = find_settings("data.leaks")
    assert str(found).startswith("data.leaks\n    drop or keep; default: drop\n    what to do with training rows")
    assert json.loads(json.dumps(found.to_dict()))["settings"][0] == {
        "key": "data.leaks",
        "section": "data",
        "type": "drop or keep",
        "choices": ["drop", "keep"],
        "bounds": "",
        "default": "drop",
        "required": False,
        "description": found.settings[0].description,
    }
    assert list(found.to_pandas()["key"]) == ["data.leaks"]
    assert "<table" in found._repr_html_()
    json.dumps(find_settings().to_dict(), allow_nan=False)
