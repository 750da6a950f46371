"""Help, usage mistakes and `diff` are answered without the heavy libraries; help teaches within 80 columns."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.support.handmade import retrieval, scored, write_run

COMMANDS = ["train", "evaluate", "report", "diff", "push", "clean", "check", "mine", "compare", "embed", "search", "settings"]
HEAVY = ["torch", "sentence_transformers", "transformers", "pandas", "datasets", "accelerate", "pyarrow", "scipy"]

PROBE = """
import contextlib, io, json, sys
from train.cli.app import main
answers = []
for words in json.loads(sys.argv[1]):
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(words)
        except SystemExit as stop:
            code = stop.code
    loaded = [name for name in json.loads(sys.argv[2]) if name in sys.modules]
    answers.append({"out": out.getvalue(), "err": err.getvalue(), "code": code, "loaded": loaded})
print(json.dumps(answers))
"""


def ask(requests: list[list[str]], folder: Path) -> list[dict[str, Any]]:
    """What each command line answers, one after the other in one fresh process, and which heavy libraries are loaded by then."""
    environment = {**os.environ, "COLUMNS": "80", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(requests), json.dumps(HEAVY)],
        capture_output=True, text=True, cwd=folder, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def helps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    requests = [["--help"], *([name, "--help"] for name in COMMANDS)]
    return dict(zip(["", *COMMANDS], ask(requests, tmp_path_factory.mktemp("empty")), strict=True))


def examples(text: str) -> list[str]:
    return [line.strip(" •\n") for line in text.splitlines() if line.strip().startswith("• ")]


def test_help_needs_none_of_the_heavy_libraries(helps: dict[str, dict[str, Any]]) -> None:
    assert {name: (found["code"], found["loaded"]) for name, found in helps.items()} == dict.fromkeys(helps, (0, []))


def test_help_fits_into_80_columns(helps: dict[str, dict[str, Any]]) -> None:
    for name, found in helps.items():
        assert max(map(len, found["out"].splitlines())) <= 80, name
        assert "…" not in found["out"], f"something is cut in the help of {name}"


def test_commands_are_listed_in_the_order_of_the_work(helps: dict[str, dict[str, Any]]) -> None:
    listed = re.findall(r"^│ ([a-z]+) {2,}\S", helps[""]["out"].split("Commands")[1], flags=re.MULTILINE)
    assert [name for name in listed if name in COMMANDS] == COMMANDS


def test_exit_codes_are_documented(helps: dict[str, dict[str, Any]]) -> None:
    for name in ("", "train", "evaluate", "diff"):
        words = " ".join(helps[name]["out"].split())
        assert re.search(r"Exit codes: 0 done, 2 .*, 3 .*--fail-on, 4 .*, 130 interrupted", words), name


def test_each_command_shows_two_to_four_examples_that_it_understands(helps: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    requests = []
    for name in ("", *COMMANDS):
        found = examples(helps[name]["out"])
        assert 2 <= len(found) <= (4 if name else len(COMMANDS)), (name, found)
        assert all(one.startswith(f"embed-tune {name}".rstrip()) for one in found), found
        requests += [shlex.split(one.replace("configs/", "other/"))[1:] for one in found]  # packaged configs are found anywhere
    # nothing that they name exists here: what they get is an error about that, never about the words themselves
    for request, answer in zip(requests, ask(requests, tmp_path), strict=True):
        assert answer["code"] == (0 if request[0] == "settings" else 2), (request, answer)
        assert not re.search(r"[Nn]o such (option|command)|argument|not a setting|Invalid value", answer["err"]), answer["err"]


MISTAKES = [
    (["trian"], "Did you mean 'train'"),
    (["evalute", "x"], "Did you mean 'evaluate'"),
    (["dif", "a", "b"], "Did you mean 'diff'"),
    (["train", "--fial-on", "regressed"], "--fail-on"),
    (["evaluate", "m", "--ouput", "x"], "--output"),
    (["diff", "a", "b", "--jsn"], "--json"),
    (["diff", "a"], "Missing argument 'RUN_B'"),
    (["evaluate"], "Missing argument 'MODEL'"),
    (["evaluate", "m", "-d", "x", "--split", "tset"], "'--split': 'tset' is not one of 'train', 'dev', 'test', 'all'"),
    (["train", "--fail-on", "bad"], "write worse, unproven, or worse-than=NUMBER"),
    (["evaluate", "m"], "no data set is named"),
    (["evaluate", "a", "b", "c", "-d", "x"], "at most two models"),
    (["evaluate", "m", "-d", "x", "evaluation.resample=1"], "did you mean evaluation.resamples"),
    (["evaluate", "m", "-d", "x", "-o", "out"], "--output needs two models"),
    (["embed"], "no texts are named"),
    (["embed", "a.txt"], "no output file is named"),
    (["embed", "a.txt", "-o", "v.csv"], "follows from its suffix"),
    (["embed", "a.txt", "-o", "v.npy", "--precision", "int7"], "'int8', 'uint8', 'binary'"),
    (["search"], "no vectors are named"),
    (["settings", "lr"], "did you mean training.learning_rate?"),
    (["search", "none.npy", "a"], "no such file"),
    (["diff", "no", "none"], "no: no such run"),
]


def test_usage_mistakes_need_none_of_the_heavy_libraries_and_name_the_nearest(tmp_path: Path) -> None:
    answers = ask([words for words, _ in MISTAKES[:-1]], tmp_path)
    for (words, expected), answer in zip(MISTAKES[:-1], answers, strict=True):
        assert (answer["code"], answer["loaded"], answer["out"]) == (2, [], ""), (words, answer)
        assert expected in answer["err"] and "Traceback" not in answer["err"], (words, answer)


def test_diff_needs_neither_torch_nor_pandas(tmp_path: Path) -> None:
    gold = [i / 9 for i in range(10)]
    for name, value in (("a", 0.5), ("b", 0.6)):
        cosines = [score * value + (i % 3) / 3 for i, score in enumerate(gold)]
        queries = [0.5 + (value - 0.5) * (1 + i % 3) for i in range(12)]
        write_run(tmp_path / "checkpoints" / name, {"faq": retrieval(queries), "sts": scored(gold, cosines)})
    words, expected = MISTAKES[-1]
    mistake, text, as_json = ask([words, ["diff", "a", "b", "--fail-on", "regressed"], ["diff", "a", "b", "--json"]], tmp_path)
    assert mistake["code"] == 2 and expected in mistake["err"]
    assert text["code"] == 0 and "Verdict: b is better than a on" in text["out"], text
    assert json.loads(as_json["out"])["verdict"] == "improved" and as_json["err"] == ""
    assert set(as_json["loaded"]) == {"pyarrow", "scipy"}


def test_settings_and_the_version_need_none_of_the_heavy_libraries(tmp_path: Path) -> None:
    version, words, as_json = ask([["--version"], ["settings", "seed"], ["settings", "seed", "--json"]], tmp_path)
    assert (version["code"], version["loaded"]) == (0, []) and re.fullmatch(r"\d+\.\S+\n|not installed\n", version["out"])
    assert (words["code"], words["loaded"], words["err"]) == (0, [], "")
    assert (
        "training.seed\n    whole number at least 0 and below 4,294,967,296; default: 42\n    seed of shuffling" in words["out"]
    )
    assert max(map(len, words["out"].splitlines())) <= 80
    keys = {one["key"] for one in json.loads(as_json["out"])["settings"]}
    assert keys >= {"training.seed", "training.seeds", "data.split.seed", "mining.seed"} and "training.epochs" not in keys
