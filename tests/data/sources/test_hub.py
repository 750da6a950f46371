"""Hub data sets, without a network: `load_dataset` stands in."""

from __future__ import annotations

import datasets
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from data.errors import DataError
from data.schema import UNSPLIT, RowId
from data.sources import open_source
from data.spec import DatasetSpec


@pytest.fixture
def hub(monkeypatch):
    """Answers every load with the data set or the exception that the test puts in; keeps the arguments."""
    asked: dict[str, object] = {}

    def load_dataset(path, **options):
        asked.update(path=path, **options)
        if isinstance(asked["answer"], Exception):
            raise asked["answer"]
        return asked["answer"]

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return asked


def table(*rows: tuple[str, str]) -> Dataset:
    return Dataset.from_dict({"question": [a for a, _ in rows], "answer": [b for _, b in rows], "id": list(range(len(rows)))})


def opened(identity: str = "owner/name", **options: object):
    return open_source(DatasetSpec(source=identity, **options))


def message(**options: object) -> str:
    with pytest.raises(DataError) as error:
        source = opened(**options)
        list(source.examples(source.splits()[0]))
    assert str(error.value).startswith("owner/name")
    assert "What to do:" in str(error.value)
    return str(error.value)


def test_splits_and_rows(hub):
    hub["answer"] = DatasetDict(
        validation=table(("v", "w")), train=table(("a", "b"), (" c ", "d")), unsupervised=table(("x", "y"))
    )
    source = opened(hub_config="main", hub_revision="abc")
    assert (hub["path"], hub["name"], hub["revision"]) == ("owner/name", "main", "abc")
    assert (source.name, source.location) == ("name", "owner/name")
    assert source.splits() == ("train", "dev")
    examples = list(source.examples("train"))
    assert [example.texts for example in examples] == [["a", "b"], ["c", "d"]]
    assert RowId.parse(examples[1].guid).row == "owner/name/train:2"
    assert [example.texts for example in source.examples("dev")] == [["v", "w"]]
    assert "splits not used: unsupervised" in source.recognised.notes
    assert source.recognised.ignored == ("id",)


def test_one_split_of_another_name_is_split_anew(hub):
    hub["answer"] = DatasetDict(everything=table(("a", "b")))
    assert opened().splits() == (UNSPLIT,)


def test_scores_and_lists_go_through_the_logic_of_files(hub):
    hub["answer"] = DatasetDict(train=Dataset.from_dict({"sentence1": ["a", "b"], "sentence2": ["c", "d"], "score": [5.0, 2.5]}))
    assert [example.label for example in opened().examples("train")] == [1.0, 0.5]
    hub["answer"] = DatasetDict(train=Dataset.from_dict({"query": ["q"], "pos": [["a", "b"]], "neg": [["n"]]}))
    assert [example.texts for example in opened().examples("train")] == [["q", "a", "n"], ["q", "b", "n"]]


def test_a_bad_row_is_named(hub):
    hub["answer"] = DatasetDict(test=table(("a", "b"), ("c", " ")))
    assert 'owner/name/test, row 2, column "answer": the text is empty' in message()


def test_classes_of_inference_are_no_scores(hub):
    features = Features(
        {"sentence1": Value("string"), "sentence2": Value("string"), "label": ClassLabel(names=["entailment", "not"])}
    )
    rows = {"sentence1": ["a", "b"], "sentence2": ["c", "d"], "label": [0, 1]}
    hub["answer"] = DatasetDict(train=Dataset.from_dict(rows, features=features))
    assert "the values are classes: entailment (1), not (1)" in message()
    for names, labels in (
        (["different", "equivalent"], [0, 1]),
        (["duplicate", "not duplicate"], [1, 0]),  # by what they say, not by their order
        (["blue", "red"], [0, 1]),
    ):
        other = Features({**features, "label": ClassLabel(names=names)})
        hub["answer"] = DatasetDict(train=Dataset.from_dict(rows, features=other))
        assert [example.label for example in opened().examples("train")] == labels
    topics = Features({**features, "label": ClassLabel(names=["garden", "kitchen", "street"])})
    hub["answer"] = DatasetDict(train=Dataset.from_dict(rows, features=topics))
    assert "the values are classes: garden (1), kitchen (1)" in message()


@pytest.mark.parametrize(
    ("splits", "part"),
    [
        (("validation", "dev"), "two splits for dev: validation and dev"),
        (("left", "right"), "no split is named train, dev, validation or test (found: 'left', 'right')"),
    ],
)
def test_splits_that_cannot_be_understood(hub, splits, part):
    hub["answer"] = DatasetDict({name: table(("a", "b")) for name in splits})
    assert part in message()


@pytest.mark.parametrize(
    ("answer", "parts"),
    [
        (datasets.exceptions.DatasetNotFoundError("gone"), ["no such file or folder here", "HF_TOKEN"]),
        (ConnectionError("down"), ["cannot be reached", "download the data set"]),
        (
            ValueError("Config name is missing.\nPick one among: ['a', 'b']"),
            ["Pick one among: ['a', 'b']", "data.hub_config=NAME"],
        ),
        (RuntimeError("Dataset scripts are no longer supported"), ["scripts are no longer supported"]),
        (datasets.exceptions.DatasetGenerationError("bad file"), ["bad file"]),
        (PermissionError(13, "denied"), ["denied"]),
    ],
)
def test_errors_of_the_hub(hub, monkeypatch, answer, parts):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    hub["answer"] = answer
    text = message()
    for part in parts:
        assert part in text


def test_a_hub_that_may_not_be_asked_is_not_called_unreachable(hub, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    hub["answer"] = ConnectionError("offline mode is enabled")
    text = message()
    assert "may not be asked (HF_HUB_OFFLINE is set)" in text and "unset HF_HUB_OFFLINE" in text


def test_the_fingerprint_follows_the_content(hub):
    hub["answer"] = DatasetDict(train=table(("a", "b")))
    before = opened().fingerprint()
    assert opened().fingerprint() == before
    hub["answer"] = DatasetDict(train=table(("a", "c")))
    assert opened().fingerprint() != before


def test_what_is_asked_of_the_hub_and_what_is_not(hub, in_tmp):
    hub["answer"] = DatasetDict(train=table(("a", "b")))
    assert opened("squad").name == "squad"
    for source in ("some_word", "owner/file.csv", "a/b/c", "./x"):
        hub.pop("path", None)
        with pytest.raises(DataError):
            opened(source)
        assert "path" not in hub
    (in_tmp / "owner").mkdir()
    with pytest.raises(DataError, match="no such file or folder"):
        opened("owner/name")


def test_folders_of_save_to_disk_are_read_as_data_sets_of_the_hub_are(tmp_path):
    DatasetDict(train=table(("a", "b"), (" c ", "d")), test=table(("v", "w"))).save_to_disk(tmp_path / "splits")
    source = open_source(DatasetSpec(source=str(tmp_path / "splits")))
    assert (source.name, source.splits()) == ("splits", ("train", "test"))
    examples = list(source.examples("train"))
    assert [example.texts for example in examples] == [["a", "b"], ["c", "d"]]
    assert RowId.parse(examples[1].guid).row == "train:2"
    table(("a", "b")).save_to_disk(tmp_path / "one")
    source = open_source(DatasetSpec(source=str(tmp_path / "one")))
    assert source.splits() == (UNSPLIT,)
    assert [example.texts for example in source.examples(UNSPLIT)] == [["a", "b"]]
    assert any("save_to_disk" in note for note in source.recognised.notes)


def test_what_such_a_folder_holds_counts_and_not_the_fingerprint_or_the_format_that_was_saved(tmp_path):
    prints = []
    for number in (1, 2):
        saved = table(*((f"a {i}", f"b {i}") for i in range(number)))
        saved._fingerprint = "the same"  # as of a generator that read other files
        saved.set_format("numpy", columns=["id"])
        saved.save_to_disk(tmp_path / "saved")
        source = open_source(DatasetSpec(source=str(tmp_path / "saved")))
        assert [example.texts for example in source.examples(UNSPLIT)] == [[f"a {i}", f"b {i}"] for i in range(number)]
        prints.append(source.fingerprint())
    assert prints[0] != prints[1]


def test_where_such_a_folder_lies_does_not_matter(tmp_path, monkeypatch):
    table(("a", "b")).save_to_disk(tmp_path / "saved")
    found = open_source(DatasetSpec(source=str(tmp_path / "saved")))
    monkeypatch.chdir(tmp_path)
    same = open_source(DatasetSpec(source="saved"))
    assert found.fingerprint() == same.fingerprint()
    (tmp_path / "states").mkdir()
    (tmp_path / "states" / "state.json").write_text('[{"query": "a", "document": "b"}]', encoding="utf-8")
    assert [example.texts for example in open_source(DatasetSpec(source="states")).examples(UNSPLIT)] == [["a", "b"]]


@pytest.mark.parametrize("damage", ["state", "arrow", "info"])
def test_damaged_folders_of_save_to_disk_are_told(tmp_path, damage):
    folder = tmp_path / "saved"
    table(("a", "b")).save_to_disk(folder)
    (file,) = {"state": folder.glob("state.json"), "arrow": folder.glob("*.arrow"), "info": folder.glob("dataset_info.json")}[
        damage
    ]
    file.write_text("{}" if damage == "state" else "[]", encoding="utf-8")
    with pytest.raises(DataError, match=r"saved: a folder written by save_to_disk that cannot be loaded") as error:
        open_source(DatasetSpec(source=str(folder)))
    assert "What to do: save it again" in str(error.value)


def test_pictures_beside_texts_are_not_decoded(tmp_path):
    features = Features({"query": Value("string"), "document": Value("string"), "photo": datasets.Image()})
    rows = [{"query": "q", "document": "d", "photo": {"bytes": b"no picture", "path": None}}]
    Dataset.from_list(rows, features=features).save_to_disk(str(tmp_path / "saved"))
    source = open_source(DatasetSpec(source=str(tmp_path / "saved")))
    assert [example.texts for example in source.examples(UNSPLIT)] == [["q", "d"]]
