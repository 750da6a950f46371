"""What is wrong with names and words is said before anything heavy is imported, and with the command as it has to be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.sources import names_source
from tests.train.cli.test_help import ask
from train.cli.settings_as_options import as_settings
from train.config.load import load_config

EARLY = {
    "train pairs.csv trainin.epochs=2": "did you mean training",
    "train pairs.csv training.epochs=many": "training.epochs",
    "train pars.csv": "did you mean 'pairs.csv'?",
    "train --data pars.csv": "did you mean 'pairs.csv'?",
    "train pairs": "did you mean pairs.csv?",
    "train epochs 3": "training.epochs=VALUE",
    "train odd.csv": "Columns found: 'foo', 'bar'",
    "train nix*.csv": "no file matches the pattern",
    "train pairs.csv model=./nomodel": "no such model folder",
    "train pairs.csv panel=no.csv": "no.csv",
    "train --config no.yaml": "no.yaml",
    "train --resume nothing": "nothing: no such run",
    "train pairs.csv --resume nothing": "--resume takes no settings",
    "train pairs.csv --epochs 3": "embed-tune train pairs.csv training.epochs=3",
    "evaluate nomodel/ --data pairs.csv": "no such model folder",
    "evaluate m --data no.csv": "no.csv",
    "compare m n --data no.csv": "no.csv",
    "compare nomodel/ m --data pairs.csv": "no such model folder",
    "mine no.csv --audit": "no.csv",
    "embed no.txt --out x.npy": "no.txt: no such file",
    "embed pairs.csv --out x.npy --column body": "no column 'body'",
    "embed pairs.csv --out x.npy -m nomodel/": "no such model folder",
    "search no.parquet q": "no.parquet: no such file",
    "diff a b": "a: no such run",
    "push a me/b": "a: no such run",
    "report zzz": "zzz: no such run",
}
"""A mistake, and what its answer has in it."""


def test_mistakes_are_answered_before_the_heavy_libraries_are_loaded(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("question,answer\na,b\n", encoding="utf-8")
    (tmp_path / "odd.csv").write_text("foo,bar\n1,2\n", encoding="utf-8")
    for mistake, answer in zip(EARLY, ask([line.split() for line in EARLY], tmp_path), strict=True):
        assert answer["code"] == 2 and EARLY[mistake] in answer["err"], (mistake, answer["err"])
        assert set(answer["loaded"]) <= {"scipy"}, mistake


@pytest.mark.parametrize(
    ("command", "words", "right"),
    [
        ("train", "faq.csv --epochs 3", "faq.csv training.epochs=3"),
        ("train", "faq.csv --lr=2e-5 --seed 7", "faq.csv training.learning_rate=2e-5 training.seed=7"),
        ("train", "--batch-size 16 --data faq.csv", "training.batch_size=16 --data faq.csv"),
        ("train", "faq.csv --no-symmetric --learning_rat 3e-5", "faq.csv training.symmetric=false training.learning_rate=3e-5"),
        ("train", "faq.csv --strict --name first", "faq.csv data.strict=true run_name=first"),
        ("train", "faq.csv --training.epochs=3", "faq.csv training.epochs=3"),
        ("train", "faq.csv --anchor question", "faq.csv data.columns.anchor=question"),
        ("train", "faq.csv --license mit", "faq.csv export.hub.licence=mit"),
        ("mine", "faq.csv --negatives 4", "faq.csv mining.negatives=4"),
        ("compare", "a b --seconds 2", "a b measure.seconds=2"),
        ("embed", "a.txt --max-tokens 64", "a.txt model.max_tokens=64"),
        ("embed", "a.txt --epochs 3", None),
        ("evaluate", "m --epochs 3", None),
        ("train", "faq.csv --xyzzy 1", None),
    ],
)
def test_a_setting_that_is_given_as_an_option_is_answered_with_the_command(command: str, words: str, right: str | None) -> None:
    found = as_settings(words.split(), {"--data"}, command)
    assert (None if found is None else " ".join(found[1])) == right


def test_an_option_of_a_similar_name_comes_before_a_setting_of_one() -> None:
    assert as_settings(["--epoch", "3"], set(), "train", close=True) is None
    assert as_settings(["--epochs", "3"], set(), "train", close=True) is not None


def test_a_word_is_a_data_set_if_it_is_there_or_is_written_like_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    assert all(map(names_source, ["python_api", "folder", "owner/name", "a.csv", "*.txt", "data/samples/devops.csv", "squad"]))
    assert not any(map(names_source, ["train", "epochs", "faq"]))


def test_both_spellings_of_a_licence_are_read(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("data: {source: a.csv}\nexport: {hub: {license: mit}}\n", encoding="utf-8")
    assert load_config(file).export.hub.licence == "mit"
    for key in ("license", "licence"):
        assert load_config(file, overrides=[f"export.hub.{key}=apache-2.0"]).export.hub.licence == "apache-2.0"
