"""What a machine refuses (devices, rights, disk, memory, the launcher's settings), and runs that are broken or cannot go on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.support.mistakes import PAIRS, Mistake, data, pairs

BOUND = ("bind_permissions",)
LAUNCHED = {"ACCELERATE_MIXED_PRECISION": "no"}
"""A variable that `accelerate launch` always sets."""


def locked(path: str, mode: int = 0) -> Callable[[Path], None]:
    """Return what takes rights away from a file or folder."""
    return lambda folder: (folder / path).chmod(mode)


MACHINES = {
    "absent GPU": Mistake(
        pairs("model.device=cuda:3"), "PyTorch sees no such device here", "model.device: cuda:3", "use model.device=auto"
    ),
    "device that is none": Mistake(
        pairs("model.device=gpu"), "'gpu' is not a device", "model.device", "use auto, cpu, cuda, cuda:N or mps"
    ),
    "file without the right to read": Mistake(
        data("own.csv"), "permission denied", "own.csv", "chmod u+r own.csv", {"own.csv": PAIRS}, locked("own.csv"), fault=BOUND
    ),
    "folder without the right to read": Mistake(
        data("own"), "permission denied", "own", "chmod u+rx own", {"own/train.csv": PAIRS}, locked("own"), fault=BOUND
    ),
    "file in a folder that may not be entered": Mistake(
        data("own/p.csv"),
        "permission denied",
        "own/p.csv",
        "chmod u+rx own",
        {"own/p.csv": PAIRS},
        locked("own", 0o600),
        fault=BOUND,
    ),
    "config without the right to read": Mistake(
        ["train", "--config", "own.yaml"],
        "cannot be read (Permission denied)",
        "own.yaml",
        "that you are allowed to read",
        {"own.yaml": "data: pairs.csv"},
        locked("own.yaml"),
        fault=BOUND,
    ),
    "model without the right to read": Mistake(
        pairs("model.name=own"),
        "Permission denied",
        "own/model.safetensors",
        "chmod -R u+rX own",
        prepare=lambda folder: (shutil.copytree(folder / ".tiny", folder / "own"), locked("own/model.safetensors")(folder)),
        fault=BOUND,
    ),
    "place of runs without the right to write": Mistake(
        pairs("output_dir=own/runs"),
        "the folder cannot be made (Permission denied)",
        "own/runs/.cache",
        "output_dir=…",
        {"own/notes.txt": ""},
        locked("own", 0o555),
        fault=BOUND,
    ),
    "no room for the data cache": Mistake(
        pairs(),
        "the disk is full",
        "checkpoints/.cache/pairs-",
        "make room on the disk, or choose another place",
        fault=("limit_file_size", 8000),
    ),
    "no room for a checkpoint": Mistake(
        pairs("run_name=x"),
        "the checkpoint of step 1 could not be written",
        "step 1",
        "make room on the disk, then continue with --resume checkpoints/x",
        fault=("limit_file_size", 200_000),
        keeps=True,
    ),
    "no room for the optimizer's state": Mistake(
        pairs("run_name=x"),
        "the checkpoint of step 1 could not be written: the disk took less than was written",
        "step 1",
        "make room on the disk, then continue with --resume checkpoints/x",
        fault=("limit_file_size", 5_000_000),
        keeps=True,
    ),
    "GPU memory used up before the first checkpoint": Mistake(
        pairs("run_name=x", "training.batch_size=16"),
        "ran out of memory (2.50 GiB more were asked for)",
        "batch size 16 for pairs, up to 64 tokens",
        "lower training.batch_size, training.max_tokens",
        fault=("no_gpu_memory_in_step", 1),
    ),
    "GPU memory used up after a checkpoint": Mistake(
        pairs("run_name=x", "training.batch_size=16"),
        "ran out of memory",
        "batch size 16 for pairs",
        "checkpoints are kept in checkpoints/x",
        fault=("no_gpu_memory_in_step", 2),
        keeps=True,
    ),
    "memory used up": Mistake(
        pairs("run_name=x", "training.batch_size=64"),
        "cpu ran out of memory (8,192.0 MiB more were asked for)",
        "batch size 64 for pairs",
        "data.loss=cached_mnrl",
        fault=("no_memory_in_step", 1),
    ),
    "memory used up while the model is loaded": Mistake(
        pairs("run_name=x"),
        "could not be loaded",
        ".tiny",
        "choose a smaller model",
        fault=("no_memory_for_the_model",),
    ),
    "tracking server that does not answer": Mistake(
        pairs("run_name=x", "tracking=wandb"),
        "http://127.0.0.1:9 cannot be used",
        "tracking",
        "WANDB_MODE=offline (upload later), tracking=none",
        environment={"WANDB_BASE_URL": "http://127.0.0.1:9", "WANDB_API_KEY": "x" * 40},
        slow=True,
    ),
    "launcher that asks for fp16": Mistake(
        pairs(),
        "asks for mixed_precision fp16",
        "Accelerate's configuration",
        "launch with --mixed_precision no",
        environment={"ACCELERATE_MIXED_PRECISION": "fp16"},
    ),
    "launcher that contradicts the settings": Mistake(
        pairs(),
        "asks for mixed_precision bf16, but this run for training.precision=fp32",
        "Accelerate's configuration",
        "leave training.precision out",
        environment={"ACCELERATE_MIXED_PRECISION": "bf16"},
    ),
    "launcher that asks to compile": Mistake(
        pairs(),
        "asks for torch.compile (dynamo_backend INDUCTOR)",
        "Accelerate's configuration",
        "--dynamo_backend no",
        environment=LAUNCHED | {"ACCELERATE_DYNAMO_BACKEND": "INDUCTOR"},
    ),
    "launcher that asks for DeepSpeed": Mistake(
        pairs(),
        "asks for DeepSpeed",
        "Accelerate's configuration",
        "set use_deepspeed: false",
        environment=LAUNCHED | {"ACCELERATE_USE_DEEPSPEED": "true"},
    ),
}


def last(folder: Path) -> Path:
    """Return the last checkpoint of the run."""
    return max((folder / "checkpoints" / "x").glob("checkpoint-*"), key=lambda path: int(path.name.partition("-")[2]))


def written(name: str, content: bytes | None, inside: bool = False) -> Callable[[Path], None]:
    """Return what damages (or with None removes) a file of the run, or of its last checkpoint."""

    def damage(folder: Path) -> None:
        path = (last(folder) if inside else folder / "checkpoints" / "x") / name
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)

    return damage


def more_data(folder: Path) -> None:
    with (folder / "pairs.csv").open("a", encoding="utf-8") as file:
        file.write("one more,row\n")


def another_base(folder: Path) -> None:
    (folder / ".tiny" / "model.safetensors").unlink()  # a hard link to the model that all tests share
    shutil.copyfile(last(folder) / "model.safetensors", folder / ".tiny" / "model.safetensors")


def better_checkpoint_gone(folder: Path) -> None:
    path = folder / "checkpoints" / "x" / "scores.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    best = lines[0] | {"step": 1, "dev": 2.0}  # a checkpoint better than all others, which is not there
    path.write_text("".join(json.dumps(line) + "\n" for line in [lines[0], best, *lines[1:]]))


RESUME = ["train", "--resume", "checkpoints/x"]
NEW_RUN = "--config checkpoints/x/config.yaml run_name=NAME"
REMOVE = "remove that folder: the run then continues from the checkpoint before it"


def resumed(what: str, where: str, hint: str, prepare: Callable[[Path], None]) -> Mistake:
    return Mistake(RESUME, what, where, hint, prepare=prepare, run=True, keeps=True)


RUNS = {
    "resume of nothing": Mistake(RESUME, "no such run", "checkpoints/x", "there are no runs in checkpoints"),
    "resume of a misspelt run": Mistake(
        ["train", "--resume", "checkpoints/y"], "no such run", "checkpoints/y", "runs there: x", run=True, keeps=True
    ),
    "resume of a finished run": resumed("is already finished", "checkpoints/x", "start a new run", written("report.json", b"{}")),
    "resume with other data": resumed("not what it was when the run began", "pairs.csv", "put the data back", more_data),
    "resume with another base": resumed("are not the ones with which", ".tiny", "put them back", another_base),
    "resume of a run whose settings are broken": resumed(
        "not valid YAML", "checkpoints/x/config.yaml, line 1", "look at that line", written("config.yaml", b"data: [")
    ),
    "resume of a run whose settings are gone": resumed(
        "it has no config.yaml", "checkpoints/x", "put a copy of the file back", written("config.yaml", None)
    ),
    "resume of a run whose record is broken": resumed(
        "cannot be read", "checkpoints/x/environment.json", NEW_RUN, written("environment.json", b"{")
    ),
    "resume of a run whose scores are broken": resumed(
        "is broken", "checkpoints/x/scores.jsonl, line 1", NEW_RUN, written("scores.jsonl", b'{"step": 0\n')
    ),
    "resume of a run whose scores are gone": resumed(
        "is missing", "checkpoints/x/scores.jsonl", NEW_RUN, written("scores.jsonl", None)
    ),
    "checkpoint with damaged weights": resumed(
        "model.safetensors is broken", "checkpoints/x/checkpoint-", REMOVE, written("model.safetensors", b"damaged", inside=True)
    ),
    "checkpoint with a damaged optimizer": resumed(
        "optimizer.pt is broken", "checkpoints/x/checkpoint-", REMOVE, written("optimizer.pt", b"damaged", inside=True)
    ),
    "checkpoint without an optimizer": resumed(
        "there is no optimizer state", "checkpoints/x/checkpoint-", REMOVE, written("optimizer.pt", None, inside=True)
    ),
    "checkpoint without a random state": resumed(
        "there is no random state", "checkpoints/x/checkpoint-", REMOVE, written("rng_state.pth", None, inside=True)
    ),
    "checkpoint with a broken state": resumed(
        "trainer_state.json is broken", "checkpoints/x/checkpoint-", REMOVE, written("trainer_state.json", b"{", inside=True)
    ),
    "best checkpoint that is gone": resumed(
        "the best checkpoint, is not there",
        "checkpoints/x/checkpoint-1",
        "put it back, or start a new run",
        better_checkpoint_gone,
    ),
    "push of a run that is not finished": Mistake(
        ["push", "checkpoints/x", "me/x"], "is not finished", "checkpoints/x", "--resume", run=True, keeps=True
    ),
    "comparison with a run that is not finished": Mistake(
        ["diff", "x", "x"],
        "is not finished (it has no report.json)",
        "checkpoints/x",
        "embed-tune train --resume checkpoints/x",
        run=True,
        keeps=True,
    ),
    "comparison with a run whose report is broken": Mistake(
        ["diff", "x", "x"],
        "cannot be read",
        "checkpoints/x/report.json",
        "put a copy of the file back",
        prepare=written("report.json", b"{"),
        run=True,
        keeps=True,
    ),
    "comparison with nothing": Mistake(
        ["diff", "x", "none"],
        "no such run",
        "none",
        "runs there",
        run=True,
        keeps=True,
        prepare=written("report.json", b'{"verdict": "no_evidence", "datasets": []}'),
    ),
    "judging a run that is not finished": Mistake(
        ["evaluate", "checkpoints/x", "--data", "pairs.csv"],
        "has no model/ yet: the run is not finished",
        "checkpoints/x",
        "name one of its checkpoint-* folders",
        run=True,
        keeps=True,
    ),
    "judging a misspelt run": Mistake(
        ["evaluate", "checkpoints/y", "--data", "pairs.csv"],
        "is not on this machine",
        "checkpoints/y",
        "did you mean the folder checkpoints/x?",
        run=True,
        keeps=True,
    ),
    "judging without data": Mistake(["evaluate", ".tiny"], "no data set is named", "no data", "give --data PATH"),
    "judging one model for a verdict": Mistake(
        ["evaluate", ".tiny", "--data", "pairs.csv", "--fail-on", "regressed"],
        "needs two models",
        "--fail-on",
        "name a second model",
    ),
    "page over a folder that is not there": Mistake(["report", "nowhere"], "no such run", "nowhere", "there are no runs"),
    "page over a folder without runs": Mistake(
        ["report", "set"], "holds no runs", "set", "name the folder that holds your runs", {"set/x.txt": ""}
    ),
    "push of nothing": Mistake(["push", "checkpoints/none", "me/x"], "no such run", "checkpoints/none", "there are no runs"),
}
