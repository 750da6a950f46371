"""A push that is killed at any step leaves the old model on the Hub or the new one; nothing but the model is pushed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.forked import ForkServer
from tests.support.hub_server import HubServer
from tests.train.deploy.test_hub import REPO, assert_whole, digests, local, push
from train.deploy.hub import Push, model_files
from train.runs.folder import RunFolder

POINTS = {
    "before the repository": ("GET", "/api/models/owner/my-model", "before"),
    "after the repository": ("POST", "/preupload/", "before"),
    "before the large files": ("PUT", "/lfs/", "before"),
    "between large files and commit": ("PUT", "/lfs/", "after"),
    "before the commit": ("POST", "/commit/", "before"),
    "after the commit": ("POST", "/commit/", "after"),
    "before the check": ("GET", "/tree/", "before"),
}
NEW = {"after the commit", "before the check"}
OLD = {"model.safetensors": b"older weights", "config.json": b"{}", "notes.txt": b"of somebody else"}


CASES = [(point, True) for point in POINTS] + [("after the repository", False), ("between large files and commit", False)]


@pytest.mark.slow
@pytest.mark.parametrize(("point", "there"), CASES)
def test_a_kill_leaves_the_old_model_or_the_new_one(
    pusher: ForkServer, hub: HubServer, run: Path, point: str, there: bool
) -> None:
    if there:
        hub.make(REPO, files=dict(OLD))
    before = digests(local(run))
    died = push(pusher, run, fault=["die_at_request", *POINTS[point]])
    assert died["code"] == -9, died["output"]
    repository = hub.repositories.get(("model", REPO))
    if point in NEW:
        left = hub.files(REPO)
        assert left.pop("notes.txt", OLD["notes.txt"]) == OLD["notes.txt"]
        here = local(run / "model")
        assert left.pop("README.md") != here.pop("README.md") and digests(left) == digests(here)
    elif there:
        assert hub.files(REPO) == OLD
    else:
        assert repository is None or hub.files(REPO) == {}
    again = push(pusher, run)
    assert again["code"] == 0, again["output"]
    repository = hub.repositories["model", REPO]
    assert repository.private and len(repository.commits) == 2, "one commit, whatever happened before"
    if there:
        assert "left untouched in the repository: notes.txt" in again["output"]
        hub.repositories["model", REPO].commits[-1][1].pop("notes.txt")
    assert_whole(hub, run)
    assert digests(local(run)) == before


def test_texts_of_the_user_and_exports_are_no_part_of_a_push(run: Path) -> None:
    folder = RunFolder(run)
    assert folder.encoding.is_file(), "a run's model brings its contract"
    for private in (folder.reference, folder.monitor, folder.exports):
        private.mkdir(exist_ok=True)
        (private / "zanzibar.parquet").write_bytes(b"texts of the user")
    found = model_files(Push(run, REPO))
    assert set(found) == {*local(folder.model), "README.md"} and "encoding.json" in found
    inside = b"".join(one if isinstance(one, bytes) else one.read_bytes() for one in found.values())
    assert b"zanzibar" not in inside and b"texts of the user" not in inside
