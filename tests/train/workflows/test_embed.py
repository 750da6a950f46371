"""`embed`: files of vectors that hold what the model gives; kills, other inputs and damaged parts; several processes; money."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from data.progress import Tick
from data.sources.texts import open_texts
from tests.benchmarks.embed_stream import FreeEncoder
from tests.conftest import ROOT
from tests.support.api_server import KEY, api_server
from tests.support.forked import ForkServer
from train.cli.app import main
from train.cli.display import Display
from train.config.schema import ModelConfig
from train.encode.api.prices import Price
from train.encode.open import open_model
from train.vectors.embed_job import Plan, Work
from train.vectors.files import open_vectors
from train.vectors.quantization import PRECISIONS, calibrate, quantise
from train.vectors.shards import Parts

TEXTS = [f"text number {i} about {'cats dogs birds'.split()[i % 3]} " + "and so on " * (i % 5) for i in range(50)]  # noqa: SIM905
PART = 8
"""Texts of a part: seven parts, the last with two."""

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(folder: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`embed` in this process; what `--json` prints, and under "said" the rest. Mistakes are under "error"."""
    monkeypatch.chdir(folder)

    def embed(*words: str, out: str | None = "v.parquet", file: str | None = "texts.txt", cache: str = "off") -> dict[str, Any]:
        named = [*([file] if file else []), *(["--out", out] if out else [])]
        command = ["embed", *named, "--model", str(tiny_model), "--part", str(PART), "--cache", cache, "--json", *words]
        capsys.readouterr()
        try:
            main([*command, "model.device=cpu"])
        except SystemExit as stop:
            return {"code": stop.code, "error": capsys.readouterr().err}
        printed = capsys.readouterr()
        return {**json.loads(printed.out), "said": printed.err}

    return embed


@pytest.fixture(scope="module")
def expected(tiny_model: Path) -> np.ndarray:
    """What the model gives for all texts."""
    encoder = open_model(ModelConfig(name=str(tiny_model), device="cpu")).local
    return encoder.encode([text.strip() for text in TEXTS], "document").numpy()


def command(tiny_model: Path, *words: str) -> list[str]:
    """The same as words for a process of its own."""
    own = ["embed", "texts.txt", "--model", str(tiny_model), "--part", str(PART), "--cache", "off", "model.device=cpu"]
    return [*own, *words]


@pytest.mark.parametrize("suffix", ["parquet", "npy"])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_file_holds_the_vectors_of_the_model(
    run: Run, folder: Path, expected: np.ndarray, tiny_model: Path, suffix: str, precision: Any
) -> None:
    done = run("--precision", precision, out=f"v.{suffix}")
    found = open_vectors(folder / f"v.{suffix}")
    ranges = calibrate(expected[:PART])  # those of the first part
    stored = quantise(expected, precision, ranges)
    if precision in ("int8", "uint8"):
        np.testing.assert_allclose(found.info.ranges, ranges, atol=1e-6)
        assert np.abs(found.stored.astype(int) - stored.astype(int)).max() <= 1
        assert done["values_clipped"] == ((expected < ranges[0]) | (expected > ranges[1])).sum() > 0
    elif precision in ("binary", "ubinary"):
        same = np.unpackbits(found.stored.view(np.uint8), axis=1) == np.unpackbits(stored.view(np.uint8), axis=1)
        assert same.mean() > 0.999
    else:
        np.testing.assert_allclose(found.stored, expected, atol=1e-6 if precision == "float32" else 1e-3)
    assert found.ids.to_pylist() == [str(i + 1) for i in range(50)]
    encoder = open_model(ModelConfig(name=str(tiny_model), device="cpu")).local
    assert found.info.space == encoder.space("document") and found.info.role == "document"
    assert (done["rows"], done["bytes"]) == (50, found.stored.nbytes)
    assert not list(folder.glob(".v*")), "nothing is left of the work"


def test_a_numpy_file_is_read_by_numpy_alone(run: Run, folder: Path, expected: np.ndarray) -> None:
    run("--with-text", out="v.npy")
    np.testing.assert_allclose(np.load(folder / "v.npy"), expected, atol=1e-6)
    assert pq.read_table(folder / "v.npy.rows.parquet").column("text").to_pylist() == [text.strip() for text in TEXTS]


def test_roles_and_dimensions_are_those_that_were_asked_for(run: Run, folder: Path, tiny_model: Path) -> None:
    run("--role", "query", "--dimensions", "16", "model.query_prompt=find: ")
    found = open_vectors(folder / "v.parquet")
    encoder = open_model(ModelConfig(name=str(tiny_model), device="cpu", dimensions=16, query_prompt="find: ")).local
    np.testing.assert_allclose(found.stored, encoder.encode([t.strip() for t in TEXTS], "query").numpy(), atol=1e-6)
    assert found.info.model["dimensions"] == 16 and found.info.model["query_prompt"] == "find: "


def test_texts_on_the_command_line_are_printed(run: Run, expected: np.ndarray) -> None:
    done = run("--text", TEXTS[0].strip(), "--text", TEXTS[1].strip(), file=None, out=None)
    np.testing.assert_allclose([one["vector"] for one in done["vectors"]], expected[:2], atol=1e-6)


def test_standard_input_is_a_stream(run: Run, folder: Path, expected: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((folder / "texts.txt").read_bytes())))
    assert run("--precision", "int8", file="-")["rows"] == 50
    again = open_vectors(folder / "v.parquet")
    np.testing.assert_allclose(again.info.ranges, calibrate(expected[:PART]), atol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_kill_costs_the_part_that_was_being_made(
    server: ForkServer, run: Run, folder: Path, tiny_model: Path, precision: str
) -> None:
    run("--precision", precision, out="whole.parquet")
    words = command(tiny_model, "--out", "v.parquet", "--precision", precision)
    died = server.run(words, folder, fault=["die_at_part", 3])
    assert died["code"] == -9 and not (folder / "v.parquet").exists()
    made = {path: path.stat().st_mtime_ns for path in (folder / ".v.parquet.parts").glob("*.parquet")}
    assert len(made) == 3
    again = server.run(words, folder, fault=["die_at_part", 6])
    assert again["code"] == -9 and all(path.stat().st_mtime_ns == when for path, when in made.items())
    assert "50 texts in 7 parts; 24 of them already embedded" in again["output"]
    done = run("--precision", precision)
    assert done["rows_kept"] == 48 and "stale" not in done["said"]
    one, other = (open_vectors(folder / name) for name in ("whole.parquet", "v.parquet"))
    np.testing.assert_allclose(one.stored.astype(float), other.stored.astype(float), atol=1e-6 if precision == "float32" else 1)
    assert one.ids.equals(other.ids)


def test_ctrl_c_keeps_what_is_complete_and_says_how_to_go_on(server: ForkServer, folder: Path, tiny_model: Path) -> None:
    part = folder / ".v.parquet.parts" / "00000001.parquet"
    (folder / "texts.txt").write_text("\n".join(f"{i} " + "long text " * 60 for i in range(4000)))
    words = command(tiny_model, "--out", "v.parquet")
    stopped = server.run(words, folder, interrupt_when=str(part))
    assert stopped["code"] == 130 and "same command again" in stopped["output"] and "Traceback" not in stopped["output"]
    assert part.exists() and not (folder / "v.parquet").exists()


def half_done(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    """All parts are there, the file is not."""
    with monkeypatch.context() as patch:
        patch.setattr(
            "train.workflows.embed.write_vectors", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
        )
        assert "disk is full" in run(*words)["error"]
    assert len(list((folder / ".v.parquet.parts").glob("*.parquet"))) == 7


def test_a_full_disk_at_the_end_costs_nothing(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    half_done(run, folder, monkeypatch)
    assert run()["rows_kept"] == 50


def test_other_texts_are_embedded_anew_and_no_others(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    half_done(run, folder, monkeypatch)
    changed = [*TEXTS[:20], "something else", *TEXTS[21:]]
    (folder / "texts.txt").write_text("\n".join(changed), encoding="utf-8")
    done = run()
    assert done["rows_kept"] == 42 and "1 parts of an earlier attempt are from other texts" in done["said"]
    encoder = open_model(ModelConfig(name=str(tiny_model), device="cpu")).local
    fresh = encoder.encode([text.strip() for text in changed], "document").numpy()
    np.testing.assert_allclose(open_vectors(folder / "v.parquet").stored, fresh, atol=1e-6)


@pytest.mark.parametrize(
    "words", [["--precision", "float16"], ["--dimensions", "8"], ["--role", "query", "model.query_prompt=q: "], ["--with-text"]]
)
def test_other_settings_begin_anew_and_say_so(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    half_done(run, folder, monkeypatch)
    done = run(*words)
    assert done["rows_kept"] == 0 and "7 parts of an earlier attempt" in done["said"]


def test_another_first_part_gives_other_ranges_and_everything_anew(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_done(run, folder, monkeypatch, "--precision", "int8")
    (folder / "texts.txt").write_text("\n".join(["a new beginning", *TEXTS[1:]]), encoding="utf-8")
    assert run("--precision", "int8")["rows_kept"] == 0


@pytest.mark.parametrize("content", [b"", b"PAR1 and nothing more"])
def test_a_damaged_part_is_made_anew(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    half_done(run, folder, monkeypatch)
    (folder / ".v.parquet.parts" / "00000002.parquet").write_bytes(content)
    assert run()["rows_kept"] == 42


@pytest.mark.parametrize(("first", "ranges"), [("first.npy", "first.npy.json"), ("first.parquet", "first.parquet")])
def test_ranges_of_another_file_are_used(run: Run, folder: Path, first: str, ranges: str) -> None:
    run("--precision", "int8", out=first)
    run("--precision", "uint8", "--ranges", ranges)
    one, other = open_vectors(folder / first), open_vectors(folder / "v.parquet")
    assert one.info.ranges is not None and one.info.ranges.tobytes() == other.info.ranges.tobytes()  # type: ignore[union-attr]
    assert (other.stored.astype(int) - 128 == one.stored).mean() > 0.999


def test_vectors_come_from_the_cache(run: Run, folder: Path) -> None:
    first = run(cache="kept")
    second = run(out="w.npy", cache="kept")
    assert (first["vectors_from_cache"], second["vectors_from_cache"]) == (0, 50)
    assert np.load(folder / "w.npy").tobytes() == open_vectors(folder / "v.parquet").stored.tobytes()


def test_a_bar_shows_how_far_it_is(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[str, int | None, str, list[int]]] = []

    @contextmanager
    def bar(self: Display, what: str, total: int | None, unit: str) -> Iterator[Tick]:
        drawn.append((what, total, unit, []))
        yield drawn[-1][3].append

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(Display, "bar", bar)
    run()
    what, total, unit, done = drawn[0]
    assert (what, total, unit, sum(done)) == ("embedding", 50, "text", 50)


def test_only_one_process_writes_a_file(server: ForkServer, folder: Path, tiny_model: Path) -> None:
    parts = Parts(folder / "v.parquet")
    parts.hold()
    refused = server.run(command(tiny_model, "--out", "v.parquet"), folder)
    assert refused["code"] == 2 and "another process is writing" in refused["output"]


MISTAKES: dict[str, tuple[list[str], dict[str, Any], str]] = {
    "no file": ([], {"file": None}, "no texts are named"),
    "a file and texts": (["--text", "a"], {}, "at once"),
    "no --out": ([], {"out": None}, "no output file is named"),
    "another kind of file": ([], {"out": "v.csv"}, "follows from its suffix"),
    "a missing file": ([], {"file": "none.txt"}, "no such file"),
    "a setting for training": (["training.epochs=1"], {}, "nothing is trained"),
    "too many dimensions": (["--dimensions", "99"], {}, "more than .* has: 32"),
    "ranges without bytes": (["--ranges", "r.json"], {}, "no meaning with --precision float32"),
    "ranges of other dimensions": (["--precision", "int8", "--ranges", "r.json"], {}, "is for 2 dimensions, the model has 32"),
    "ranges that are none": (["--precision", "int8", "--ranges", "texts.txt"], {}, "cannot be read"),
    "one text as bytes": (["--precision", "int8"], {"file": "one.txt"}, "one vector has none"),
    "an empty line": ([], {"file": "gap.txt"}, "line 2.*the text is empty"),
    "a file that is there": ([], {"out": "there.npy"}, "already exists.*--overwrite"),
    "no text at all": ([], {"file": "empty.txt"}, "holds no texts"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_end_in_a_sentence_and_leave_nothing(run: Run, folder: Path, name: str) -> None:
    (folder / "r.json").write_text('{"low": [0, 0], "high": [1, 1]}')
    (folder / "one.txt").write_text("one text")
    (folder / "gap.txt").write_text("a\n\nb")
    (folder / "empty.txt").write_text("")
    (folder / "there.npy").write_bytes(b"mine")
    words, options, expected = MISTAKES[name]
    done = run(*words, **options)
    assert done["code"] == 2
    assert re.search(f"(?s){expected}", done["error"]), done["error"]
    assert not (folder / "v.parquet").exists() and (folder / "there.npy").read_bytes() == b"mine"
    assert not list(folder.glob(".*.parts"))


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_all_rows_are_read_before_the_first_is_encoded(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    def encode(*_: Any, **__: Any) -> None:
        raise AssertionError("a text is encoded")

    monkeypatch.setattr("train.encode.local.Encoder.encode", encode)
    (folder / "late.txt").write_text("a\nb\nc\n\nd")
    done = run("--precision", precision, "--part", "2", file="late.txt")
    assert done["code"] == 2 and "line 4" in done["error"], done["error"]


def test_an_existing_file_is_replaced_where_that_is_asked_for(run: Run, folder: Path) -> None:
    (folder / "v.parquet").write_bytes(b"old")
    assert run("--overwrite")["rows"] == 50 and open_vectors(folder / "v.parquet").info.rows == 50


def test_money_is_not_spent_without_consent_and_what_is_cached_is_not_paid_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr("train.vectors.embed_job.price_of", lambda *_: Price(1000.0, "a page", "2026-01-01"))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with api_server() as provider:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{provider.url}/openai")
        words = ["embed", "texts.txt", "--model", "openai:text-embedding-3-small", "--out", "v.npy", "--cache", "kept"]
        with pytest.raises(SystemExit):
            main(words)
        assert "nobody can be asked" in capsys.readouterr().err and not provider.requests
        main([*words, "--yes"])
        asked = len(provider.requests)
        assert asked > 0 and open_vectors(folder / "v.npy").info.rows == 50
        main(["embed", "texts.txt", "--model", "openai:text-embedding-3-small", "--out", "w.npy", "--cache", "kept"])
        assert len(provider.requests) == asked, "everything was in the cache, so nothing is asked and nobody is"
    printed = capsys.readouterr()
    assert KEY not in printed.out + printed.err
    assert KEY not in (folder / "v.npy.json").read_text()


@pytest.mark.parametrize("there", [[], [1, 3, 5], [0, 6]])
def test_processes_deal_out_what_is_missing(folder: Path, monkeypatch: pytest.MonkeyPatch, there: list[int]) -> None:
    """Each part is made once, whatever is there before and whatever the others have made meanwhile."""
    missing = {number: PART for number in range(7) if number not in there}
    plan = Plan(texts=50, parts=7, missing=missing)
    encoder: Any = FreeEncoder()
    made: list[list[int]] = []
    for rank in (0, 1, 2):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", "3")
        work = Work(
            encoder, encoder, ModelConfig(), "document", "float32", None, open_texts(str(folder / "texts.txt")), PART, False,
            Parts(folder / "v.parquet"),
        )  # fmt: skip
        before = set(work.parts.folder.glob("*.parquet"))
        work.make(plan, progress=False)
        made.append(sorted(int(path.stem) for path in set(work.parts.folder.glob("*.parquet")) - before))
    assert sorted(number for share in made for number in share) == sorted(missing)
    assert max(map(len, made)) - min(map(len, made)) <= 1


@pytest.mark.slow
def test_two_processes_share_the_parts(folder: Path, run: Run, tiny_model: Path) -> None:
    run("--precision", "int8", out="alone.parquet")
    launcher = [str(Path(sys.executable).with_name("accelerate")), "launch", "--main_process_port", "0"]
    config = ["--config_file", str(ROOT / "configs" / "accelerate" / "cpu_ranks.yaml"), str(ROOT / "train" / "run.py")]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ACCELERATE_", "OMP_"))}
    done = subprocess.run(
        [*launcher, *config, *command(tiny_model, "--out", "v.parquet", "--precision", "int8")],
        cwd=folder, env={**environment, "EMBED_TUNE_KEEP_THREADS": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "shared by 2 processes" in done.stdout
    one, other = open_vectors(folder / "alone.parquet"), open_vectors(folder / "v.parquet")
    assert one.ids.equals(other.ids) and np.abs(one.stored.astype(int) - other.stored.astype(int)).max() <= 1
    assert done.stdout.count("50 texts in 7 parts") == 1, "one process speaks"


@pytest.mark.parametrize("names", [True, False])
def test_names_of_files_in_place_of_texts_are_said(run: Run, folder: Path, names: bool) -> None:
    texts = [f"guides/part-{i}.md" if names else f"look at guides/part-{i}.md first" for i in range(20)]
    (folder / "names.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")

    done = run(file="names.txt")

    assert ("nearly every text is the name of a file" in done["said"]) is names
