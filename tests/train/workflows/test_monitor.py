"""`embed-tune monitor` on a real run: quiet, alarms and their causes, what is written, labelled and followed."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embed_tune
from data.errors import DataError
from tests.support.monitoring import answer, asked, foreign, levels, monitored
from tests.train.conftest import as_json
from train.errors import ConfigError, ModelError, RunError, VerdictError
from train.vectors.files import as_table, open_vectors, write_vectors
from train.watch.reference import NoReference, read_record, read_reference

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A model of the same form with other weights."""
    import torch
    from sentence_transformers import SentenceTransformer

    folder = tmp_path_factory.mktemp("another") / "model"
    model = SentenceTransformer(str(tiny_model), device="cpu")
    torch.manual_seed(3)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.5 * weight.std(unbiased=False) * torch.randn_like(weight))
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


@pytest.fixture
def run(place: Path, tmp_path: Path) -> Path:
    """A copy of the run that nothing was monitored in."""
    return shutil.copytree(place / "first", tmp_path / "first")


def test_the_same_kind_of_texts_is_quiet(run: Path, place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = as_json(capfd, "monitor", str(run), str(place / "fresh.txt"))
    assert found["level"] == "quiet" and found["window"]["texts"] == 120
    assert {one["name"]: one["told"] for one in found["checks"]}["similarity"] is False, "answers of their own: without an index"
    assert json.loads(Path(found["file"]).read_text(encoding="utf-8")) == found
    page = Path(found["page"]).read_text(encoding="utf-8")
    assert "quiet" in page and "http://" not in page.replace("http://www.w3.org", "")


def test_foreign_texts_are_an_alarm_with_examples_and_what_to_do(
    run: Path, place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from train.cli.app import main

    with pytest.raises(SystemExit) as ended:
        main(["monitor", str(run), str(place / "foreign.txt")])
    out, err = capfd.readouterr()
    assert ended.value.code == VerdictError.exit_code == 3 and "error" not in err
    assert err.rstrip().endswith("exit code 3: it is an alarm (--fail-on never leaves it at 0)")
    assert out.startswith("▲ alarm: foreign.txt: its texts are of another kind") and "--label 30" in out
    assert len(out.splitlines()) < 40, "one screen"
    main(["monitor", str(run), str(place / "foreign.txt"), "--fail-on", "never"])
    file = max((run / "monitor").glob("*.json"))
    record = json.loads(file.read_text(encoding="utf-8"))
    new, known = {one["text"] for one in record["new"]}, set(foreign(60))
    assert len(new & known) >= len(new) * 0.7, "the examples are the foreign ones"
    reference = read_reference(run, read_record(run), "pairs")  # type: ignore[arg-type]
    assert {one["nearest"] for one in record["new"]} <= set(reference.texts)
    page = file.with_suffix(".html").read_text(encoding="utf-8")
    assert "Windows so far" in page and page.count("<svg") >= 2, "two windows make a history"


def documents_of(run: Path, out: Path, model: Path | None = None, extra: tuple[str, ...] = ()) -> Path:
    """Write the index of a run's documents, by its model or another one."""
    reference = read_reference(run, read_record(run), "pairs")  # type: ignore[arg-type]
    texts = [*reference.documents, *extra]
    return stored_at(out, texts, model or run, "document")


def stored_at(out: Path, texts: list[str], model: Path, role: Any, *, with_text: bool = True) -> Path:
    """Write a file of vectors as `embed` does."""
    made = embed_tune.embed(model, texts, role=role, settings={"model.device": "cpu"}).vectors
    assert made is not None
    write_vectors(out, made.info, [as_table(made.ids.to_pylist(), texts if with_text else None, np.asarray(made.stored))])
    return out


def test_the_index_of_this_model_is_quiet_and_another_one_an_alarm(run: Path, place: Path, tmp_path: Path, another: Path) -> None:
    window = place / "fresh.txt"
    own = monitored(run, window, index=documents_of(run, tmp_path / "own.parquet"))
    assert levels(own)["index"] == levels(own)["canaries"] == "quiet" and levels(own)["similarity"] != "untold"
    assert own.canaries_asked == "in own.parquet" and levels(own)["documents"] == "quiet"
    other = monitored(run, window, index=documents_of(run, tmp_path / "other.parquet", another))
    assert (other.level, levels(other)["index"]) == ("alarm", "alarm") and levels(other)["similarity"] == "untold"
    assert other.canaries_asked == "among the documents of the reference" and levels(other)["canaries"] == "quiet"
    assert any("embed-tune embed DOCUMENTS" in command for command, _ in other.next_steps)
    stored = open_vectors(tmp_path / "own.parquet")
    short = dataclasses.replace(stored.info, dimensions=16, space="another")
    ids = stored.ids.to_pylist()
    write_vectors(tmp_path / "short.parquet", short, [as_table(ids, None, np.ascontiguousarray(stored.stored[:, :16]))])
    cut = monitored(run, window, index=tmp_path / "short.parquet")
    assert levels(cut)["index"] == "alarm" and any("16 dimensions" in note for note in cut.notes)


def test_other_versions_of_libraries_do_not_make_an_index_another_models(run: Path, place: Path, tmp_path: Path) -> None:
    stored = open_vectors(documents_of(run, tmp_path / "own.parquet"))
    renamed = dataclasses.replace(stored.info, space="made under other versions")
    table = as_table(stored.ids.to_pylist(), stored.texts.to_pylist(), np.asarray(stored.stored))  # type: ignore[union-attr]
    write_vectors(tmp_path / "older.parquet", renamed, [table])
    found = monitored(run, place / "fresh.txt", index=tmp_path / "older.parquet")
    assert levels(found)["index"] == "quiet" and any("its vectors agree" in note for note in found.notes)


def test_canaries_that_other_documents_push_aside_are_an_alarm(run: Path, place: Path, tmp_path: Path) -> None:
    reference = read_reference(run, read_record(run), "pairs")  # type: ignore[arg-type]
    copies = tuple(canary.query for canary in reference.canaries)  # nothing is nearer to a query than the query itself
    found = monitored(run, place / "fresh.txt", index=documents_of(run, tmp_path / "full.parquet", extra=copies))
    check = next(one for one in found.checks if one.name == "canaries")
    assert check.level == "alarm" and set(check.named) == set(copies) and check.figure == 1.0
    gone = documents_of(run, tmp_path / "gone.parquet")
    stored = open_vectors(gone)
    keep = [
        row
        for row, name in enumerate(reference.document_ids)
        if name not in {i for c in reference.canaries for i in c.document_ids}
    ]
    table = as_table([str(row) for row in keep], None, np.ascontiguousarray(stored.stored[keep]))
    write_vectors(gone, dataclasses.replace(stored.info, rows=len(keep)), [table])
    lost = monitored(run, place / "fresh.txt", index=gone)
    assert lost.canaries_asked == "among the documents of the reference"
    assert (lost.level, levels(lost)["documents"]) == ("alarm", "alarm") and "gone from the index" in lost.headline
    assert "its texts" not in lost.headline and reference.canaries[0].query in str(lost)


def test_a_sheet_that_was_filled_in_is_trained_on(run: Path, place: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "to_label.csv"
    found = monitored(run, place / "foreign.txt", label=30, sheet=sheet)
    assert found.sheet == sheet and any("data.bad_rows=drop" in command for command, _ in found.next_steps)
    with sheet.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert 20 <= len(rows) <= 30 and len({row["anchor"] for row in rows}) == len(rows)
    assert sum(row["anchor"] in set(foreign(60)) for row in rows[:6]) >= 5, "the most foreign first, and each of another kind"
    marked = {row["anchor"]: row["foreign"] for row in rows}
    assert marked[rows[0]["anchor"]] == "yes" and set(marked.values()) <= {"yes", "no"}
    reference = read_reference(run, read_record(run), "pairs")  # type: ignore[arg-type]
    assert {row["candidate_1"] for row in rows} <= set(reference.documents) and not any(row["positive"] for row in rows)
    for row in rows[:-4]:
        row["positive"] = f"about {row['anchor']}"
    with sheet.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(RunError, match="already exists"):
        monitored(run, place / "foreign.txt", label=30, sheet=sheet)
    again = embed_tune.fine_tune(
        sheet,
        model=run,
        output_dir=tmp_path,
        name="again",
        settings={
            "model.device": "cpu",
            "data.bad_rows": "drop",
            "training.max_steps": 1,
            "training.precision": "fp32",
            "evaluation.resamples": 100,
            "evaluation.references": "off",
            "evaluation.panel": "off",
        },
    )
    counts = json.loads((again.folder / "audit.json").read_text(encoding="utf-8"))["datasets"][0]["counts"]
    assert sum(counts[f"rows_{split}"] for split in ("train", "dev", "test")) == len(rows) - 4, counts
    assert counts["rows_train"] > 0, counts


def test_a_run_without_a_reference_gets_the_same_from_its_data(run: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = read_reference(run, read_record(run), "pairs")  # type: ignore[arg-type]
    shutil.rmtree(run / "reference")
    found = monitored(run, place / "fresh.txt")
    assert found.level == "quiet" and any("made by this command" in note for note in found.notes)
    record = read_record(run)
    assert record is not None and record.made_by == "monitor"
    after = read_reference(run, record, "pairs")
    assert after.texts == before.texts and np.allclose(after.sample.vectors, before.sample.vectors, atol=1e-5)
    assert after.canaries == before.canaries


def test_where_no_reference_can_be_made_it_is_said(run: Path, place: Path, tmp_path: Path) -> None:
    shutil.rmtree(run / "reference")
    config = (run / "config.yaml").read_text(encoding="utf-8")
    pairs = tmp_path / "pairs.csv"
    (run / "config.yaml").write_text(config.replace(str(place / "pairs.csv"), str(pairs)), encoding="utf-8")
    with pytest.raises(NoReference, match="its data cannot be read") as gone:
        monitored(run, place / "fresh.txt")
    assert "put the data back" in str(gone.value.hint)
    lines = (place / "pairs.csv").read_text(encoding="utf-8").splitlines()
    pairs.write_text("\n".join(lines[:-20]) + "\n", encoding="utf-8")
    with pytest.raises(NoReference, match="not what it was trained and judged on"):
        monitored(run, place / "fresh.txt")
    assert not (run / "reference").exists() and not (run / "monitor").exists()


def test_windows_as_vectors_must_be_of_the_runs_model_and_role(run: Path, place: Path, tmp_path: Path, another: Path) -> None:
    texts = (place / "fresh.txt").read_text(encoding="utf-8").splitlines()

    own = monitored(run, stored_at(tmp_path / "own.parquet", texts, run, "query"))
    plain = monitored(run, place / "fresh.txt")
    assert [one.figure for one in own.checks] == pytest.approx([one.figure for one in plain.checks], abs=1e-4, nan_ok=True)
    bare = monitored(run, stored_at(tmp_path / "bare.parquet", texts, run, "query", with_text=False))
    assert levels(bare)["length"] == "untold" and bare.level == "quiet" and not bare.new
    with pytest.raises(ModelError, match="vectors of another model"):
        monitored(run, stored_at(tmp_path / "other.parquet", texts, another, "query"))
    with pytest.raises(ModelError, match="gives other vectors than the model of the run"):
        monitored(run, place / "fresh.txt", model=str(another))


def test_figures_and_no_texts_go_to_tensorboard(run: Path, place: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from train.config.choices import Backend

    monitored(run, place / "fresh.txt", track=Backend.TENSORBOARD)
    monitored(run, place / "foreign.txt", track=Backend.TENSORBOARD)
    folder = run / "tensorboard/monitor"
    events = EventAccumulator(str(folder)).Reload()
    assert [one.value for one in events.Scalars("monitor/level")] == [0.0, 2.0]
    assert [one.step for one in events.Scalars("monitor/level")] == [1, 2]
    content = b"".join(path.read_bytes() for path in folder.iterdir())
    assert b"router" not in content and b"foreign.txt" not in content


MISTAKES = {
    "empty.txt": ("", DataError, "holds no texts"),
    "one.txt": ("how do I boil eggs?\n", DataError, "one text only"),
    "repeated.txt": ("how do I boil eggs?\n" * 9, DataError, "one text only, 9 times"),
    "ids.txt": ("".join(f"doc_{number:04}\n" for number in range(50)), DataError, "nearly every text is an id"),
    "numbers.txt": ("".join(f"{number}\n" for number in range(1000, 1050)), DataError, "nearly every text is a number"),
    "two.csv": ("body,subject\na b,c d\ne f,g h\n", DataError, "no column has a usual name"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_windows_that_are_mistakes_are_answered_in_words(run: Path, tmp_path: Path, name: str) -> None:
    content, kind, words = MISTAKES[name]
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(kind, match=words) as raised:
        monitored(run, tmp_path / name)
    assert raised.value.hint and not (run / "monitor").exists(), "nothing is written of it"


def test_documents_for_queries_and_another_language_are_suspected(run: Path, place: Path, tmp_path: Path) -> None:
    long = tmp_path / "documents.txt"
    long.write_text("\n".join(" ".join([answer(one)] * 6) for one in asked(60, 9)) + "\n", encoding="utf-8")
    found = monitored(run, long)
    assert found.level == "alarm" and any("are these documents?" in note for note in found.notes)
    german = tmp_path / "german.txt"
    lines = (f"warum lässt sich die Rechnung Nummer {number} im Kundenkonto nicht herunterladen" for number in range(60))
    german.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert any("another language (de)" in note for note in monitored(run, german).notes)
    answers = tmp_path / "answers.txt"
    answers.write_text("\n".join(answer(one) for one in asked(80, 11)) + "\n", encoding="utf-8")
    from train.encode.contract import Role

    reference = read_reference(run, read_record(run), "pairs")  # type: ignore[arg-type]
    for texts, words in (
        (reference.documents[:60], "60 of 60 texts are documents of the run: did you mean --role document?"),
        (reference.texts[:60], "60 of 60 texts are those of the reference, the run's own held-out texts"),
    ):
        (tmp_path / "own.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
        own = monitored(run, tmp_path / "own.txt")
        assert own.doubts[0].startswith(words) and str(own).splitlines()[1].startswith(f"note: {words}")
    as_documents = monitored(run, answers, role=Role.DOCUMENT)
    assert as_documents.role == "document" and "canaries" not in levels(as_documents)
    with pytest.raises(ConfigError, match="--role symmetric"):
        monitored(run, answers, role=Role.SYMMETRIC)


def test_runs_that_cannot_be_watched_are_refused(run: Path, place: Path, tmp_path: Path) -> None:
    window = place / "fresh.txt"
    with pytest.raises(RunError, match="no such run"):
        monitored(tmp_path / "nowhere", window)
    unfinished = shutil.copytree(run, tmp_path / "unfinished")
    (unfinished / "report.json").unlink()
    with pytest.raises(RunError, match="is not finished"):
        monitored(unfinished, window)
    evaluation = tmp_path / "evaluation"
    evaluation.mkdir()
    shutil.copy(run / "report.json", evaluation)
    with pytest.raises(RunError, match="is an evaluation"):
        monitored(evaluation, window)
    with pytest.raises(ConfigError, match="no data set 'pears'") as raised:
        monitored(run, window, dataset="pears")
    assert "did you mean pairs" in str(raised.value.hint)
    with pytest.raises(ConfigError, match="stores cannot be watched yet"):
        monitored(run, window, index=Path("faiss:documents.faiss"))
    with pytest.raises(ConfigError, match="no such file"):
        monitored(run, window, index=tmp_path / "none.parquet")
