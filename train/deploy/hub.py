"""Pushes the model of a finished run, with its card, to the Hugging Face Hub: one commit, private unless asked, then checked.

The run folder is read and never changed, so a push that failed is repeated by the same command. The token comes from the
environment variable HF_TOKEN or the Hub client's own file, and goes into no message.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from train.console import say
from train.deploy.card import model_card
from train.deploy.licences import check_licence
from train.errors import HubError, Interrupted, RunError
from train.runs.find import RUNS, find_finished
from train.runs.folder import RunFolder
from train.runs.read import RunRecords

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

TOKEN_HELP = "put a token that may write (https://huggingface.co/settings/tokens) into the environment variable HF_TOKEN"
NETWORK_ERRORS = ("httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3")
"""Packages whose errors mean a broken connection; which one the Hub's client uses depends on its version."""

REASONS = {
    401: ("the Hub does not accept the token", TOKEN_HELP),
    403: ("the token may not write there", TOKEN_HELP + ", of an account that may write to that owner's repositories"),
    404: ("the repository is not there, or the token may not see it", "check the owner's name and the token's rights"),
    409: ("something else changed the repository at the same time", "wait until that is done"),
    412: ("something else changed the repository at the same time", "wait until that is done"),
    413: ("the Hub takes no files of that size from this account", "check the account's limits"),
    429: ("the Hub asks for fewer requests", "wait some minutes"),
}
"""What an HTTP status means for a push, and how to correct it."""


@dataclass(frozen=True)
class Push:
    """One push: the finished run, where it goes, and the settings that a repetition needs."""

    run: Path
    repo_id: str
    private: bool = True
    licence: str | None = None

    def command(self) -> str:
        """Return what to type to push again."""
        words = ["embed-tune", "push", str(self.run), self.repo_id]
        words += [] if self.private else ["--public"]
        words += [] if self.licence is None else ["--licence", self.licence]
        return shlex.join(words)

    def failed(self, what: str, hint: str) -> HubError:
        """Return the error of a push that failed for this reason."""
        kept = f"the push to {self.repo_id} failed: {what}. The run is kept as it was in {self.run}"
        return HubError(kept, hint=f"{hint}; then push again: {self.command()}")


def push_run(
    name: str | Path, repo_id: str, *, private: bool = True, licence: str | None = None, output_dir: str | Path = RUNS
) -> str:
    """Upload the model of a finished run and its card in one commit, and compare what the Hub then has with what lies here.

    Args:
        name: folder of a finished run, or its bare name.
        repo_id: `owner/name`; made if it is not there. Files in it that the model does not have are left alone, and said.
        private: whether only the owner may see it. A repository that exists and is public is refused then.
        licence: the Hub's id of a licence for the card; by default the run's `export.hub.licence`.
        output_dir: where bare names are looked for.

    Returns:
        The repository's URL.

    Raises:
        ConfigError: the Hub knows no such licence; nothing was sent.
        RunError: not a finished run; nothing was sent.
        HubError: no token, offline, refused, or the connection broke; the Hub has the whole commit or none of it.
        Interrupted: Ctrl-C; the same.
    """
    check_licence(licence, "--licence ")
    folder = find_with_model(name, output_dir)
    if licence is None:
        licence = RunRecords.of(folder).config.export.hub.licence
        check_licence(licence, "--licence ")  # an earlier version trained with any
    push = Push(folder, repo_id, private, licence)
    check_push(repo_id, push)
    try:
        return _push(push)
    except (HubError, RunError):
        raise
    except KeyboardInterrupt:
        raise Interrupted(f"the push was stopped; the run is kept in {folder}", hint=f"push again: {push.command()}") from None
    except Exception as error:  # the Hub's client passes on errors of its HTTP library, of hf-xet and of its threads
        _explain(error, push)


def find_with_model(name: str | Path, output_dir: str | Path = RUNS) -> Path:
    """Return the folder of a finished run that has a model, see `find_finished`.

    Raises:
        RunError: there is no such run, it is not finished, or no model is in it.
    """
    folder = find_finished(name, output_dir)
    run = RunFolder(folder)
    for file in (run.config, run.model / "modules.json"):
        if not file.is_file():
            raise RunError(
                f"{folder} has no {file.relative_to(folder)}, so there is nothing to push",
                hint="name a finished run; an evaluation and a part of a cross-validation have no model",
            )
    return folder


def check_push(repo_id: str, push: Push | None = None) -> None:
    """See that a push could begin; sends nothing. Before a training, `push` is None: better to know now than hours later.

    Raises:
        HubError: the id is malformed, there is no token, or the Hub's client has to stay offline.
    """
    from huggingface_hub import constants, get_token
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    def refuse(what: str, hint: str) -> NoReturn:
        raise push.failed(what, hint) if push else HubError(f"nothing could be pushed to {repo_id}: {what}", hint=hint)

    try:
        validate_repo_id(repo_id)
        well_formed = repo_id.count("/") == 1
    except HFValidationError:
        well_formed = False
    if not well_formed:
        raise HubError(
            f"{repo_id!r} is not the id of a repository on the Hub", hint="write owner/name, with letters, digits and . _ - only"
        )
    if constants.HF_HUB_OFFLINE:
        refuse("HF_HUB_OFFLINE keeps the Hub's client offline", "unset HF_HUB_OFFLINE")
    token = get_token()
    if not token:
        refuse("there is no token for the Hub", TOKEN_HELP)
    if not re.fullmatch(r"[!-~]+", token):  # the HTTP library's complaint about it would show it
        refuse("the token holds characters that no token has", TOKEN_HELP)


def _push(push: Push) -> str:
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.utils import logging as hub_logging

    hub_logging.set_verbosity_error()  # its warnings about repeated requests show signed upload addresses
    api = HfApi()
    is_private = _repository(api, push)
    files = model_files(push)
    size = sum(content.stat().st_size if isinstance(content, Path) else len(content) for content in files.values())
    say(f"pushing {len(files)} files, {size / 1e6:,.1f} MB, to {push.repo_id} ({'private' if is_private else 'public'}) …")
    commit = api.create_commit(
        push.repo_id,
        [CommitOperationAdd(path_in_repo=name, path_or_fileobj=content) for name, content in files.items()],
        commit_message="Model and card by embed-tune",
    )
    others = _compare(api, push, commit.oid, files)
    if others:
        say(f"  note: left untouched in the repository: {', '.join(others)}")
    url = f"{api.endpoint}/{push.repo_id}"
    say(f"pushed and checked: {url}")
    return url


def _repository(api: HfApi, push: Push) -> bool:
    """Make the repository if it is not there. Returns whether it is private; a public one is refused unless asked for."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        is_private = bool(api.model_info(push.repo_id).private)
    except RepositoryNotFoundError:
        api.create_repo(push.repo_id, private=push.private)
        return push.private
    if push.private and not is_private:
        raise push.failed(
            "the repository exists and everybody can see it; nothing was sent",
            "make it private in its settings on the Hub, choose another name, or add --public if that is what you want",
        )
    return is_private


def model_files(push: Push) -> dict[str, Path | bytes]:
    """Return what the repository shall hold, by path in it: every file of the model folder, and the card as README.md."""
    model = RunFolder(push.run).model
    files: dict[str, Path | bytes] = {
        path.relative_to(model).as_posix(): path for path in sorted(model.rglob("*")) if path.is_file()
    }
    files["README.md"] = model_card(RunRecords.of(push.run), push.repo_id, push.licence).encode("utf-8")
    return files


def _compare(api: HfApi, push: Push, revision: str, files: Mapping[str, Path | bytes]) -> list[str]:
    """Compare sizes and hashes on the Hub with the files here. Returns what else is there."""
    from huggingface_hub.hf_api import RepoFile

    tree = api.list_repo_tree(push.repo_id, recursive=True, revision=revision)
    found = {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}
    wrong = [name for name, content in files.items() if name not in found or not _same(content, found[name])]
    if wrong:
        raise push.failed(
            f"{len(wrong)} of {len(files)} files are not on the Hub as they are here ({', '.join(wrong[:5])})",
            "check the repository's page on the Hub",
        )
    return sorted(found.keys() - files.keys() - {".gitattributes"})


def _same(content: Path | bytes, entry: RepoFile) -> bool:
    """Tell whether a file has the size and hash that the Hub says: SHA-256 of large files, git's blob hash of others."""
    size = content.stat().st_size if isinstance(content, Path) else len(content)
    if size != entry.size:
        return False
    if entry.lfs is not None:
        digest, wanted = hashlib.sha256(), entry.lfs.sha256
    else:
        digest, wanted = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False), entry.blob_id
    for block in _blocks(content):
        digest.update(block)
    return digest.hexdigest() == wanted


def _blocks(content: Path | bytes) -> Iterator[bytes]:
    """Yield content in blocks of at most 1 MiB."""
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as handle:
        while block := handle.read(1 << 20):
            yield block


def _explain(error: Exception, push: Push) -> NoReturn:
    """Say in a sentence why a push failed. Errors are quoted only where they cannot hold the token or a signed address."""
    for cause in _causes(error):
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if status is not None:
            what, hint = REASONS.get(
                status, ("the Hub failed", "try later") if status >= 500 else ("the Hub refused it", "correct what it names")
            )
            said = " ".join((getattr(cause, "server_message", None) or "").split())[:300]
            raise push.failed(f"{what} (HTTP {status}{f': {said}' if said else ''})", hint) from None
        if isinstance(cause, ConnectionError | TimeoutError) or type(cause).__module__.split(".")[0] in NETWORK_ERRORS:
            raise push.failed(f"the connection to the Hub broke ({type(cause).__name__})", "check the network") from None
    raise push.failed(f"the Hub's client ended with {type(error).__name__}", "try again, or update huggingface_hub") from None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__
