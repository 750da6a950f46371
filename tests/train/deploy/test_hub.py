"""Pushing to the Hub on loopback: what arrives, what a fresh machine loads, and every way in which a push can fail."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.support.forked import ForkServer
from tests.support.hub_server import TOKEN, Fault, HubServer, metadata_errors
from train.config.load import load_config
from train.deploy.hub import find_with_model
from train.errors import RunError

REPO = "owner/my-model"


def digests(files: dict[str, bytes]) -> dict[str, str]:
    return {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}


def local(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def push(pusher: ForkServer, run: Path, *words: str, repo: str = REPO, **options: Any) -> dict[str, Any]:
    done = pusher.run(["push", "checkpoints/mine", repo, *words], run.parents[1], **options)
    assert TOKEN not in done["output"] and "signature" not in done["output"] and "Traceback" not in done["output"]
    return done


def assert_whole(hub: HubServer, run: Path) -> None:
    """The server holds every file of the model folder, by hash, and the card, and nothing else."""
    there = hub.files(REPO)
    card = there.pop("README.md").decode("utf-8")
    here = local(run / "model")
    assert b"path/to/this/folder" in here.pop("README.md") and "path/to" not in card
    assert digests(there) == digests(here)
    assert (run / "reference/canaries.jsonl").is_file(), "texts that stay on this machine"
    query = json.loads((run / "reference/canaries.jsonl").read_text(encoding="utf-8").splitlines()[0])["query"].encode()
    assert not any(query in content or "reference" in path for path, content in hub.files(REPO).items())
    assert metadata_errors(card) == [] and "zanzibar" not in card


def test_a_push_is_private_whole_and_one_commit(pusher: ForkServer, hub: HubServer, run: Path) -> None:
    before = digests(local(run))
    done = push(pusher, run, "--licence", "mit")
    assert done["code"] == 0, done["output"]
    assert f"pushed and checked: {hub.url}/{REPO}" in done["output"] and "(private)" in done["output"]
    assert_whole(hub, run)
    repository = hub.repositories[("model", REPO)]
    assert repository.private and len(repository.commits) == 2
    assert "license: mit" in hub.files(REPO)["README.md"].decode()
    assert digests(local(run)) == before
    again = push(pusher, run, "--licence", "mit")
    assert again["code"] == 0, again["output"]
    assert len(repository.commits) == 2, "nothing has changed, so there is nothing to commit"


LOADS = """
import json, sys
from data.sources import open_source
from data.spec import DatasetSpec
from train.config.schema import ModelConfig
from train.encode.open import open_model

opened = open_model(ModelConfig(name=sys.argv[1], device="cpu"))
vectors = {role: opened.encoder.encode(json.loads(sys.argv[2]), role).tolist() for role in ("query", "document")}
source = open_source(DatasetSpec(source="owner/pairs"))
rows = {split: [example.texts for example in source.examples(split)] for split in source.splits()}
print(json.dumps({"vectors": vectors, "from": opened.origin.kind, "revision": opened.origin.revision, "rows": rows}))
"""


def test_a_fresh_machine_loads_model_and_data_from_the_hub(pusher: ForkServer, hub: HubServer, run: Path, tmp_path: Path) -> None:
    from train.config.schema import ModelConfig
    from train.encode.open import open_model

    done = push(pusher, run)
    assert done["code"] == 0, done["output"]
    rows = {"train": [["a query", "its answer"], ["another", "and its answer"]], "dev": [["third", "answer 3"]]}
    csv = {f"{split}.csv": "question,answer\n" + "".join(f"{q},{a}\n" for q, a in rows[split]) for split in rows}
    hub.make("owner/pairs", kind="dataset", files={name: text.encode() for name, text in csv.items()})
    hub.requests.clear()
    texts = ["which red river", "the stone", "a much longer text that says many things about zanzibar and its birds"]
    fresh = {
        **{key: value for key, value in os.environ.items() if not key.startswith("HF_")},
        "HF_ENDPOINT": hub.url,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HOME": str(tmp_path / "home"),
        "HF_TOKEN": TOKEN,
    }
    process = subprocess.run(
        [sys.executable, "-c", LOADS, REPO, json.dumps(texts)], env=fresh, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    found = json.loads(process.stdout.splitlines()[-1])
    encoder = open_model(ModelConfig(name=str(run / "model"), device="cpu")).local
    for role in ("query", "document"):
        assert np.array_equal(np.float32(found["vectors"][role]), encoder.encode(texts, role).numpy())
    assert found["from"] == "hub" and found["revision"] == hub.repositories[("model", REPO)].commits[-1][0]
    assert found["rows"] == rows
    assert f"GET /{REPO}/resolve/{found['revision']}/model.safetensors" in hub.requests


FAULTS = {
    "token refused": (Fault("info", 401), "does not accept the token (HTTP 401"),
    "token refused for writing": (Fault("commit", 401), "does not accept the token (HTTP 401"),
    "not allowed": (Fault("create", 403), "the token may not write there (HTTP 403"),
    "conflict when the repository is made": (Fault("create", 409), "at the same time (HTTP 409"),
    "conflict at the commit": (Fault("commit", 409), "at the same time (HTTP 409"),
    "500 at the commit": (Fault("commit", 500), "the Hub failed (HTTP 500"),
    "500 in the middle of a file": (Fault("put", 500), "the Hub failed (HTTP 500"),
    "500 before the files": (Fault("preupload", 500), "the Hub failed (HTTP 500"),
    "cut in the middle of a file": (Fault("put", "cut"), "the connection to the Hub broke"),
    "cut in the middle of the commit": (Fault("commit", "cut"), "the connection to the Hub broke"),
    "the answer to the commit is lost": (Fault("commit", "lost"), "the connection to the Hub broke"),
    "repository deleted meanwhile": (Fault("commit", 404), "the repository is not there"),
    "too many requests": (Fault("commit", 429), "fewer requests (HTTP 429"),
    "a file damaged on the server": (Fault("commit", "damage"), "are not on the Hub as they are here (model.safetensors)"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_failed_push_keeps_the_run_and_its_repetition_is_whole(
    pusher: ForkServer, hub: HubServer, run: Path, name: str
) -> None:
    fault, said = FAULTS[name]
    hub.fault = fault
    before = digests(local(run))
    done = push(pusher, run, "--licence", "mit", impatient=True)
    assert done["code"] == 2, done["output"]
    assert said in done["output"] and "The run is kept as it was in checkpoints/mine" in done["output"]
    assert digests(local(run)) == before
    repository = hub.repositories.get(("model", REPO))
    assert repository is None or len(repository.commits) == 1 + (fault.kind in ("lost", "damage"))
    hub.fault = None
    # what the message tells to type is typed
    command = shlex.split(re.search(r"then push again: embed-tune (.*)", done["output"])[1])
    assert command == ["push", "checkpoints/mine", REPO, "--licence", "mit"]
    again = pusher.run(command, run.parents[1])
    assert again["code"] == 0, again["output"]
    assert_whole(hub, run)


@pytest.mark.parametrize("kind", [500, "cut"])
def test_a_fault_that_passes_is_overcome(pusher: ForkServer, hub: HubServer, run: Path, kind: int | str) -> None:
    hub.fault = Fault("put", kind, times=2)
    done = push(pusher, run, impatient=True)
    assert done["code"] == 0, done["output"]
    assert hub.fault.times == 0
    assert_whole(hub, run)


def test_an_existing_repository(pusher: ForkServer, hub: HubServer, run: Path) -> None:
    repository = hub.make(REPO, private=False, files={"notes.txt": b"mine"})
    refused = push(pusher, run)
    assert refused["code"] == 2 and "everybody can see it; nothing was sent" in refused["output"]
    assert len(repository.commits) == 1
    done = push(pusher, run, "--public")
    assert done["code"] == 0 and "(public)" in done["output"], done["output"]
    assert "left untouched in the repository: notes.txt" in done["output"]
    assert hub.files(REPO)["notes.txt"] == b"mine"


def test_public_only_when_asked(pusher: ForkServer, hub: HubServer, run: Path) -> None:
    assert push(pusher, run, "--public")["code"] == 0
    assert not hub.repositories[("model", REPO)].private


REFUSED = {
    "no token": (REPO, {"HF_TOKEN": ""}, "there is no token for the Hub", "HF_TOKEN"),
    "wrong token": (REPO, {"HF_TOKEN": "hf_wrong"}, "does not accept the token (HTTP 401", "HF_TOKEN"),
    "a token that no header can hold": (REPO, {"HF_TOKEN": "hf_seç\tret"}, "characters that no token has", "push again"),
    "no owner": ("name", {}, "'name' is not the id of a repository on the Hub", "write owner/name"),
    "not an id": ("a b/c", {}, "'a b/c' is not the id of a repository", "write owner/name"),
    "somebody else's name": ("other/name", {}, "may not write there (HTTP 403: You don't have the rights", "push again"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_pushed(pusher: ForkServer, hub: HubServer, run: Path, name: str) -> None:
    repo, environment, what, hint = REFUSED[name]
    done = push(pusher, run, repo=repo, environment=environment)
    assert done["code"] == 2, done["output"]
    assert what in done["output"] and hint in done["output"] and "hf_" not in done["output"]
    assert not hub.repositories


def test_a_licence_that_the_hub_does_not_know(pusher: ForkServer, hub: HubServer, run: Path) -> None:
    done = push(pusher, run, "--licence", "beerware")
    assert done["code"] == 2 and "--licence beerware: the Hub has no licence of that id" in done["output"]
    assert "write --licence other" in done["output"] and not hub.repositories
    refused = push(pusher, run, "--license", "apache2")
    assert refused["code"] == 2 and "did you mean apache-2.0?" in refused["output"] and not hub.repositories


def test_offline_is_said(run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from train.cli.app import main

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(SystemExit) as stop:
        main(["push", str(run), REPO])
    assert stop.value.code == 2 and "unset HF_HUB_OFFLINE" in capsys.readouterr().err


def test_only_finished_runs_are_pushed(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.parents[1])
    assert find_with_model("mine") == Path("checkpoints/mine") == find_with_model(Path("checkpoints/mine"))
    with pytest.raises(RunError, match="runs there: mine"):
        find_with_model("yours")
    (run / "model" / "modules.json").unlink()
    with pytest.raises(RunError, match=r"checkpoints/mine has no model/modules\.json, so there is nothing to push"):
        find_with_model("mine")
    (run / "report.json").unlink()
    with pytest.raises(RunError, match=r"no report.json.*\n.*--resume checkpoints/mine"):
        find_with_model("mine")


def test_a_run_pushes_itself_and_survives_a_failed_push(
    pusher: ForkServer, hub: HubServer, workplace: Path, tmp_path: Path
) -> None:
    words = ["train", "--config", "config.yaml", f"export.hub.repo_id={REPO}", f"output_dir={tmp_path}"]
    done = pusher.run([*words, "run_name=a", "export.hub.private=false", "export.hub.licence=mit"], workplace)
    assert done["code"] == 0 and f"pushed and checked: {hub.url}/{REPO}" in done["output"], done["output"]
    assert not hub.repositories[("model", REPO)].private
    assert_whole(hub, tmp_path / "a")
    hub.reset()
    hub.fault = Fault("commit", 500)
    done = pusher.run([*words, "run_name=b"], workplace)
    assert done["code"] == 2 and "\nUnproven: " in done["output"] and "Traceback" not in done["output"], done["output"]
    assert (tmp_path / "b" / "report.json").is_file() and f"embed-tune push {tmp_path / 'b'} {REPO}" in done["output"]
    hub.fault = None
    assert pusher.run(["push", str(tmp_path / "b"), REPO], workplace)["code"] == 0
    assert_whole(hub, tmp_path / "b")
    early = pusher.run([*words, "run_name=c"], workplace, environment={"HF_TOKEN": ""})
    assert early["code"] == 2 and "there is no token" in early["output"] and not (tmp_path / "c").exists()


def test_settings(workplace: Path) -> None:
    from train.errors import ConfigError

    path = workplace / "config.yaml"
    hub = load_config(path, overrides=["export.hub.repo_id=a/b-1.c"]).export.hub
    assert (hub.repo_id, hub.private, hub.licence) == ("a/b-1.c", True, None)
    for wrong in ("a", "a/b/c", "https://huggingface.co/a/b"):
        with pytest.raises(ConfigError, match=r"export\.hub\.repo_id"):
            load_config(path, overrides=[f"export.hub.repo_id={wrong}"])


def test_ctrl_c_names_the_push_and_not_the_training(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import huggingface_hub

    from train.cli.app import main
    from train.deploy import hub

    def interrupted(push: hub.Push) -> str:
        raise KeyboardInterrupt

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "_push", interrupted)
    with pytest.raises(SystemExit) as stop:
        main(["push", str(run), REPO, "--public"])
    said = capsys.readouterr().err
    assert stop.value.code == 130 and f"push again: embed-tune push {run} {REPO} --public" in said
