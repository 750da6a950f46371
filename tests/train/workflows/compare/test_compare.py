"""The command as a person gives it: real models in processes of their own, a server that speaks the providers' protocols."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api_server import KEY, ApiServer, Fault, api_server
from tests.support.forked import ForkServer
from tests.support.measuring import AT_ONCE, SOME_TEXTS
from tests.train.conftest import RESAMPLES, as_json
from train.cli.app import main

QUICK = ["model.device=cpu", RESAMPLES, *AT_ONCE, *SOME_TEXTS]
FILES = {"compare.html", "compare.json", "compare.csv", "per_query.parquet"}


@pytest.fixture
def place(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own, with the data and the models."""
    for name in ("tiny", "ruined"):
        (tmp_path / name).symlink_to(here / name)
    for name in ("pairs.csv", "scored.csv"):
        shutil.copy(here / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with api_server() as found:
        yield found


def compare(capfd: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    return as_json(capfd, "compare", *QUICK, *words)


def fails(capfd: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as stop:
        main(["compare", *words, *QUICK])
    assert stop.value.code == 2
    return capfd.readouterr().err


def test_two_models_are_judged_measured_and_one_is_recommended(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["ruined", "tiny", "-d", "pairs.csv", "-d", "scored.csv", "--documents", "1000", "--csv", "table.csv", "-o", "out"]
    found = compare(capfd, *words)
    assert found["recommendation"]["taken"] == "tiny" and [one["label"] for one in found["models"]] == ["tiny", "ruined"]
    assert [one["name"] for one in found["datasets"]] == ["pairs", "scored"]
    tiny = found["models"][0]
    assert tiny["index_bytes"] == {"float32": 128_000, "int8": 32_000, "ubinary": 4_000}
    assert tiny["speed"]["texts_per_second"] > 0 and tiny["speed"]["load_seconds"] > 0 and tiny["speed"]["memory_mb"] > 50
    assert tiny["facts"]["parameters"] == sum(one.numel() for one in _weights(place / "tiny"))
    assert {path.name for path in (place / "out").iterdir()} == FILES
    assert json.loads((place / "out" / "compare.json").read_text()) == found
    lines = list(csv.DictReader(io.StringIO((place / "table.csv").read_text())))
    assert [line["model"] for line in lines] == ["tiny", "ruined", "BM25", "BM25 with tiny", "BM25 with ruined"]
    assert [line["status"] for line in lines[2:]] == ["reference"] * 3
    words, with_tiny, with_ruined = found["references"]
    assert words["quality"] > 0.5 and words["datasets"].keys() == {"pairs"} and words["against_own"] is None
    assert with_ruined["against_own"]["delta"] > 0 and with_tiny["against_taken"] == with_tiny["against_own"]
    assert any("Words alone (BM25)" in reason for reason in found["recommendation"]["reasons"])
    assert (place / "table.csv").read_text() == (place / "out" / "compare.csv").read_text()
    assert "Take <bdi>tiny</bdi>" in (place / "out" / "compare.html").read_text()


def _weights(folder: Path) -> list[Any]:
    from sentence_transformers import SentenceTransformer

    return list(SentenceTransformer(str(folder), device="cpu").parameters())


@pytest.mark.slow
def test_quality_is_that_of_evaluate(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = compare(capfd, "tiny", "-d", "pairs.csv")
    alone = as_json(capfd, "evaluate", "tiny", "-d", "pairs.csv", "model.device=cpu", RESAMPLES)
    assert found["models"][0]["datasets"] == alone["datasets"]


def test_a_second_run_computes_and_measures_nothing_and_says_the_same(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    first = compare(capfd, "tiny", "-d", "pairs.csv")["models"][0]
    again = compare(capfd, "tiny", "-d", "pairs.csv")["models"][0]
    assert first["vectors_computed"] == 160 and not first["speed_from_earlier_run"]
    assert (again["vectors_computed"], again["vectors_from_cache"], again["speed_from_earlier_run"]) == (0, 160, True)
    assert again["datasets"] == first["datasets"] and again["speed"] == first["speed"]
    anew = compare(capfd, "tiny", "-d", "pairs.csv", "--measure-again")["models"][0]
    assert anew["vectors_computed"] == 0 and not anew["speed_from_earlier_run"]
    assert anew["speed"] != first["speed"]


@pytest.mark.slow
def test_models_take_turns_and_their_speeds_have_intervals_that_are_kept(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shutil.copytree((place / "tiny").resolve(), place / "copy")
    first = compare(capfd, "tiny", "copy", "-d", "pairs.csv", "measure.rounds=6")["models"]
    again = compare(capfd, "tiny", "copy", "-d", "pairs.csv", "measure.rounds=6")["models"]
    for one, other in zip(first, again, strict=True):
        low, high = one["speed"]["texts_per_second_ci95"]
        assert one["speed"]["rounds"] == 6 and low <= one["speed"]["texts_per_second"] <= high
        assert other["speed"] in [twin["speed"] for twin in first] and other["speed_from_earlier_run"]
    assert [one["status"] for one in first] == ["taken", "same"] and first[1]["same_weights_as"] == "tiny"


def test_another_model_under_the_same_name_gets_no_old_vector(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    first = compare(capfd, "tiny", "-d", "pairs.csv")["models"][0]
    (place / "tiny").unlink()
    (place / "tiny").symlink_to((place / "ruined").resolve())
    other = compare(capfd, "tiny", "-d", "pairs.csv")["models"][0]
    assert other["vectors_computed"] == 160 and other["quality"] < first["quality"] and not other["speed_from_earlier_run"]


def test_a_model_that_fails_costs_the_others_nothing(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (place / "broken").mkdir()
    (place / "broken" / "modules.json").write_text("[")
    found = compare(capfd, "broken", "tiny", "nosuch/model", "-d", "pairs.csv")
    assert [one["label"] for one in found["models"]] == ["tiny"]
    assert [one["label"] for one in found["failed"]] == ["broken", "nosuch/model"] and all(one["why"] for one in found["failed"])


def test_all_fail(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    message = fails(capfd, "nosuch/model", "other/model", "-d", "pairs.csv")
    assert "no model could be judged" in message and "nosuch/model" in message and "other/model" in message
    assert not (place / "checkpoints" / "comparisons").exists()


@pytest.mark.slow
def test_a_process_that_dies_is_a_failure_of_its_model(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    module = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
    shutil.copytree((place / "tiny").resolve(), place / "deadly")
    (place / "deadly" / "deadly.py").write_text(module)
    modules = json.loads((place / "deadly" / "modules.json").read_text())
    modules[-1]["type"] = "deadly.Nothing"
    (place / "deadly" / "modules.json").write_text(json.dumps(modules))
    found = compare(capfd, "deadly", "tiny", "-d", "pairs.csv", "model.trust_remote_code=true")
    assert [one["label"] for one in found["models"]] == ["tiny"]
    assert "the system ended its process, most likely because memory ran out" in found["failed"][0]["why"]


def test_models_behind_apis_are_compared_too(place: Path, capfd: pytest.CaptureFixture[str], api: ApiServer) -> None:
    model = f"openai:text-embedding-3-small@{api.url}/openai"
    found = compare(capfd, model, "tiny", "-d", "pairs.csv", "--local-only")
    best = found["models"][0]
    assert best["label"] == model and best["status"] == "out" and best["breaks"] == [{"limit": "local_only", "value": ""}]
    assert found["recommendation"]["taken"] == "tiny"
    assert best["speed"]["memory_mb"] is None and best["speed"]["latency_p50_ms"] > 0 and best["facts"]["open"] is False
    asked = len(api.requests)
    again = compare(capfd, model, "tiny", "-d", "pairs.csv")
    assert len(api.requests) == asked, "nothing is paid for twice"
    assert again["recommendation"]["best"] == model and again["models"][0]["datasets"] == best["datasets"]
    assert KEY not in json.dumps(found) + "".join(path.read_text() for path in (place / "checkpoints").rglob("compare.*"))


def test_money_is_asked_for_before_anything_is_sent(place: Path, capfd: pytest.CaptureFixture[str], api: ApiServer) -> None:
    price = {f"openai:text-embedding-3-small@{api.url}/openai": {"usd_per_million": 20, "source": "s", "date": "2026-01-01"}}
    (place / "prices.yaml").write_text(json.dumps({"prices": price}))
    model = f"openai:text-embedding-3-small@{api.url}/openai"
    message = fails(capfd, model, "-d", "pairs.csv", "--prices", "prices.yaml")
    assert "--yes" in message and api.requests == []
    found = compare(capfd, model, "-d", "pairs.csv", "--prices", "prices.yaml", "--yes")["models"][0]
    assert found["price"]["usd_per_million"] == 20 and found["price"]["usd_data"] == pytest.approx(
        found["price"]["tokens"] * 20e-6
    )


@pytest.mark.slow
def test_a_refused_key_is_told_without_the_key(
    place: Path, capfd: pytest.CaptureFixture[str], api: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-0123456789")
    found = compare(capfd, f"openai:text-embedding-3-small@{api.url}/openai", "tiny", "-d", "pairs.csv")
    assert "401" in found["failed"][0]["why"] and "sk-wrong" not in json.dumps(found)


@pytest.mark.slow
def test_what_was_paid_for_before_a_failure_is_kept(place: Path, capfd: pytest.CaptureFixture[str], api: ApiServer) -> None:
    model = f"openai:text-embedding-3-small@{api.url}/openai"
    compare(capfd, model, "-d", "scored.csv")
    api.plan = [Fault(status=400)] * 100
    found = compare(capfd, model, "tiny", "-d", "scored.csv")
    assert found["models"][0]["vectors_from_cache"] > 0 and found["failed"] == []


def test_words_for_people(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    main(["compare", "tiny", "ruined", "-d", "pairs.csv", "--max-dims", "16", *QUICK])
    out = capfd.readouterr().out
    assert (
        "No model meets all of your limits." in out and "At most 16 dimensions: this excludes tiny (32) and ruined (32)." in out
    )
    page = Path(out.split("page: ")[1].strip())
    assert page.is_file() and page.parent.parent == Path("checkpoints/comparisons")


@pytest.mark.slow
def test_an_interrupt_ends_it_without_a_traceback(place: Path, server: ForkServer) -> None:
    words = ["compare", "tiny", "ruined", "-d", "pairs.csv", *QUICK, "measure.seconds=30", "measure.latency_texts=100000"]
    done = server.run(words, place, interrupt_when=str(place / "checkpoints" / ".cache"))
    assert done["code"] == 130 and "stopped" in done["output"] and "Traceback" not in done["output"], done["output"]
    assert not (place / "checkpoints" / "comparisons").exists()


def test_an_output_folder_in_use_is_refused_before_any_work(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (place / "out").mkdir()
    (place / "out" / "x").touch()
    assert "--output out: something is there already" in fails(capfd, "tiny", "-d", "pairs.csv", "-o", "out")


def test_comparisons_within_one_second_get_folders_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from train.workflows.compare import compare
    from train.workflows.compare.config import read_compare_request

    monkeypatch.setattr(compare, "default_name", lambda dataset: f"{dataset}-20261125-150657")
    request = read_compare_request(["tiny"], data=["pairs.csv"], options={"output_dir": str(tmp_path)})
    made = []
    for _ in range(3):
        made.append(compare._new_folder(request, "pairs"))
        made[-1].mkdir(parents=True)
    assert [folder.name for folder in made] == [f"pairs-20261125-150657{end}" for end in ("", "-2", "-3")]
