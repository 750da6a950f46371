"""`embed-tune verify`: does a folder, a graph or a server give the vectors of a model, and if not, why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from train.config.schema import ModelConfig
from train.console import quiet_libraries, say
from train.encode.encoding_file import NAME, EncodingFile, read_encoding
from train.errors import ModelError
from train.runs.find import RUNS, look_up
from train.runs.folder import RunFolder

if TYPE_CHECKING:
    from train.encode.verify.observed import Copy
    from train.encode.verify.result import VerifyResult

MODEL_FILES = ("modules.json", "config.json")
EXPORT, GRAPH = "export.json", "model.onnx"


@dataclass(frozen=True)
class VerifyRequest:
    """What is asked for.

    Attributes:
        model: folder, run, .onnx file, id on the Hub, or address of a server.
        against: run, folder or encoding.json that it should agree with; None for its own, or that of the run that it lies in.
        server_model: what a server calls the model; None to ask it.
        server_adds_prompts: texts are sent without prompts, which the server adds.
        tolerance: largest cosine distance allowed; None for that of its kind.
        trust_remote_code: run code that comes with the model.
        output_dir: where runs are found by their bare names.
    """

    model: str
    against: str | None = None
    server_model: str | None = None
    server_adds_prompts: bool = False
    tolerance: float | None = None
    trust_remote_code: bool = False
    output_dir: Path = RUNS

    @property
    def is_url(self) -> bool:
        """Whether the model is behind an address."""
        return self.model.lower().startswith(("http://", "https://"))


def check_request(request: VerifyRequest) -> None:
    """Refuse what cannot be meant, before anything is loaded.

    Raises:
        ModelError: a server without anything to compare it with, or options of servers for something else.
    """
    if request.is_url and request.against is None:
        raise ModelError(
            f"{request.model}: what it should agree with is not known", hint="name the run or its model folder: --against RUN"
        )
    if not request.is_url and (request.server_model is not None or request.server_adds_prompts):
        raise ModelError(f"--model and --server-adds-prompts are for servers, and {request.model} is none", hint="leave them out")


def verify_copy(request: VerifyRequest, *, debug: bool = False) -> VerifyResult:
    """Compare the vectors that a copy gives for the golden texts with those of the model.

    Args:
        request: what is compared with what.
        debug: show what libraries log.

    Raises:
        ModelError: the copy cannot be loaded or reached, or there is nothing to compare it with.
    """
    check_request(request)
    quiet_libraries(debug)
    copy, folder = _copy(request)
    encoding, called = _recorded(request, folder)
    from train.encode.verify.diagnose import verify

    say(f"comparing {request.model} with the vectors of {len(encoding.texts)} texts recorded in {called} …")
    return verify(encoding, copy.read(encoding), called, request.tolerance)


def _copy(request: VerifyRequest) -> tuple[Copy, Path | None]:
    """Return what is verified, and the folder in which it lies, if it does in one."""
    if request.is_url:
        from train.encode.verify.endpoint import EndpointCopy

        return EndpointCopy(request.model, request.server_model, adds_prompts=request.server_adds_prompts), None
    path = Path(request.model).expanduser()
    if path.suffix == ".onnx":
        if not path.is_file():
            raise ModelError(f"{request.model}: no such file", hint="name a file that is there, or a folder")
        return _graph(path, request.model), path.parent
    folder = _folder(request.model, request)
    if (folder / EXPORT).is_file():
        from train.encode.open import open_model
        from train.encode.verify.graph import EncoderCopy

        opened = open_model(ModelConfig(name=str(folder), trust_remote_code=request.trust_remote_code))
        return EncoderCopy(opened.encoder, request.model, folder), folder
    if not any((folder / name).is_file() for name in MODEL_FILES) and (folder / GRAPH).is_file():
        return _graph(folder / GRAPH, request.model), folder
    from train.encode.verify.folder import FolderCopy

    return FolderCopy(folder, request.model, request.trust_remote_code), folder


def _graph(path: Path, name: str) -> Copy:
    from train.encode.verify.graph import GraphCopy

    return GraphCopy(path, name)


def _folder(name: str, request: VerifyRequest) -> Path:
    """Return the folder of a model: of a run its model/, of a name on the Hub the folder in the Hub's cache.

    Raises:
        ModelError: there is none.
    """
    path = Path(name).expanduser()
    folder = path if any((path / file).is_file() for file in (*MODEL_FILES, EXPORT, GRAPH)) else look_up(name, request.output_dir)
    if folder is None:
        from train.encode.weights.locate import locate

        return locate(ModelConfig(name=name)).path
    run = RunFolder(folder)
    if not run.has_training:
        return folder
    if not run.model.is_dir():
        raise ModelError(
            f"{folder} has no model/ yet: the run is not finished", hint=f"finish it: embed-tune train --resume {folder}"
        )
    return run.model


def _recorded(request: VerifyRequest, folder: Path | None) -> tuple[EncodingFile, str]:
    """Return what the copy should agree with, and what to call it.

    Raises:
        ModelError: there is nothing.
    """
    if request.against is not None:
        file = Path(request.against).expanduser()
        place = file if file.is_file() else _folder(request.against, request)
        if (found := read_encoding(place)) is not None:
            return found, request.against
        return _afresh(place, request), request.against
    for place in (
        () if folder is None else (folder, *(run.model for run in map(RunFolder, folder.resolve().parents) if run.has_training))
    ):
        if (found := read_encoding(place)) is not None:
            return found, str(place / NAME)
    raise ModelError(
        f"{request.model} has no {NAME}, so what it should agree with is not known",
        hint="name the run or the folder that it was made from: --against RUN",
    )


def _afresh(folder: Path, request: VerifyRequest) -> EncodingFile:
    """Return what an older run, or another's folder, would have recorded.

    Raises:
        ModelError: the folder holds no model.
    """
    from train.encode.golden_vectors import make_encoding
    from train.encode.open import open_model

    say(f"{request.against} has no {NAME}: its vectors are computed now")
    opened = open_model(ModelConfig(name=str(folder), trust_remote_code=request.trust_remote_code))
    return make_encoding(opened.local)
