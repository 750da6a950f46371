"""Mistakes in settings, on the command line and in the name of a model or its folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.mistakes import OFFLINE, PAIRS, Mistake, data, dry, pairs, table


def config(text: str | bytes, *settings: str) -> dict:
    """Command and file of a run with a YAML file."""
    return {"words": ["train", "--config", "c.yaml", *settings], "files": {"c.yaml": text}}


SETTINGS = {
    "config that is not there": Mistake(["train", "--config", "x.yaml"], "no such config file", "x.yaml", "check the path"),
    "config with a misspelt name": Mistake(
        ["train", "--config", "sweep1.yaml"], "no such config file", "sweep1.yaml", "did you mean sweep.yaml", {"sweep.yaml": ""}
    ),
    "data file for a config": Mistake(
        ["train", "--config", "pairs.csv"], "a config maps keys to values", "pairs.csv", "--data pairs.csv"
    ),
    "config that is a list": Mistake(
        what="a config maps keys to values, but this file holds a list",
        where="c.yaml",
        hint="`key: value`",
        **config("- a\n- b\n"),
    ),
    "tabs in a config": Mistake(
        what="not valid YAML",
        where="c.yaml, line 3",
        hint="indent with spaces",
        **config("data: pairs.csv\ntraining:\n\tepochs: 1\n"),
    ),
    "key given twice": Mistake(
        what="training.epochs is given twice (first on line 3)",
        where="c.yaml, line 5",
        hint="remove one of the two",
        **config("data: pairs.csv\ntraining:\n  epochs: 1\n  seed: 1\n  epochs: 2\n"),
    ),
    "key that is a list": Mistake(
        what="a key must be a single word, but this one is a list or a mapping",
        where="c.yaml, line 2",
        hint="write `key: value`",
        **config("data: pairs.csv\n? [a, b]\n: 1\n"),
    ),
    "data sets that are no list, beside a key of one": Mistake(
        what="datasets must be a list of data sets",
        where="c.yaml, line 1",
        hint="give another value",
        **config("data:\n  datasets: {source: pairs.csv}\n  bad_rows: drop\n"),
    ),
    "data set that is nothing, beside a key of one": Mistake(
        what="datasets must be a list of data sets",
        where="c.yaml, line 1",
        hint="give another value",
        **config("data:\n  datasets: [null]\n  bad_rows: drop\n"),
    ),
    "anchor that contains itself": Mistake(
        what="the anchor contains itself", where="c.yaml, line 1", hint="write the value out", **config("data: &x [*x]\n")
    ),
    "config that runs code": Mistake(
        what="not valid YAML",
        where="c.yaml, line 1",
        hint="YAML tags (!…) are not supported",
        **config('data: !!python/object/apply:os.system ["echo hi"]\n'),
    ),
    "config in Latin-1": Mistake(
        what="not UTF-8: byte 0xe9", where="c.yaml, line 2", hint="iconv", **config("# data\ndata: café.csv\n".encode("latin-1"))
    ),
    "misspelt key": Mistake(
        what="training.learnin_rate is not a setting; did you mean training.learning_rate?",
        where="c.yaml, line 3",
        hint="correct the key",
        **config("data: pairs.csv\ntraining:\n  learnin_rate: 0.1\n"),
    ),
    "key of another tool": Mistake(
        pairs("training.lr=1e-4"),
        "did you mean training.learning_rate?",
        "training.lr",
        "`embed-tune settings` lists",
    ),
    "section that is a word": Mistake(
        what="a section of settings is expected here (got 'fast')",
        where="c.yaml, line 2",
        hint="give another value",
        **config("data: pairs.csv\ntraining: fast\n"),
    ),
    "no data named": Mistake(
        what="no data set is named", where="c.yaml", hint="give --data PATH", **config("training: {epochs: 1}\n")
    ),
    "nothing to train on": Mistake(
        pairs("data.train=false"),
        "every data set has train: false",
        "configuration",
        "`embed-tune settings` lists",
    ),
    "data from an empty variable": Mistake(data(""), "--data is empty", "--data", "check that its variable is set"),
    "two data sets of one name": Mistake(
        words=["train", "--config", "c.yaml", "model.device=cpu"],
        what="two data sets are called 'pairs'",
        where="pairs.csv and more/pairs.csv",
        hint="data.datasets.1.name=NAME",
        files={
            "c.yaml": table("data:", "  datasets:", "  - pairs.csv", "  - more/pairs.csv").replace("- ", "- source: "),
            "more/pairs.csv": PAIRS,
        },
    ),
    "more data sets than there are": Mistake(
        pairs("data.datasets.1.source=x.csv"), "there is only 1 entry", "data.datasets.1.source", "--config FILE"
    ),
    "wrong type": Mistake(
        pairs("training.batch_size=many"), "a valid integer", "training.batch_size", "means: rows in one optimiser step's batch"
    ),
    "batch of one": Mistake(
        pairs("training.batch_size=1"), "greater than or equal to 2 (got 1)", "training.batch_size", "means: rows in"
    ),
    "no epochs": Mistake(
        pairs("training.epochs=0"), "greater than 0 (got 0)", "training.epochs", "means: passes over the training rows"
    ),
    "endless training": Mistake(pairs("training.epochs=.inf"), "a finite number", "training.epochs", "means: passes over"),
    "negative seed": Mistake(
        pairs("training.seed=-1"), "greater than or equal to 0 (got -1)", "training.seed", "from 0 to 4,294,967,295"
    ),
    "seed beyond 64 bits": Mistake(
        pairs("data.split.seed=99999999999999999999"), "less than", "data.split.seed", "means: seed of the hash"
    ),
    "learning rate of 2": Mistake(
        pairs("training.learning_rate=2"), "less than 1 (got 2)", "training.learning_rate", "peak learning rate"
    ),
    "fp16": Mistake(
        pairs("training.precision=fp16"), "'auto', 'fp32' or 'bf16' (got 'fp16')", "training.precision", "auto: bf16 where"
    ),
    "unknown loss": Mistake(
        pairs("data.loss=mnr"), "'cosine', 'cosent', 'angle', 'mnrl'", "data.datasets.0.loss", "auto: cosine for scored pairs"
    ),
    "loss that does not fit": Mistake(
        pairs("data.loss=cosine"), "does not fit the pair rows", "pairs.csv", "use one of mnrl, cached_mnrl"
    ),
    "score range of one number": Mistake(
        what="score_range must be two different numbers",
        where="c.yaml, line 1",
        hint="give another value",
        **config("data: {source: pairs.csv, score_range: [5, 5]}\n"),
    ),
    "tracking by a tool that is not known": Mistake(
        pairs("tracking=mlflow"),
        "'none', 'wandb' or 'tensorboard' (got 'mlflow')",
        "tracking.backend",
        "none, wandb or tensorboard",
    ),
    "repository without an owner": Mistake(
        pairs("export.hub.repo_id=me"),
        "does not have the required form (got 'me')",
        "export.hub.repo_id",
        "repository on the Hub (owner/name)",
    ),
    "run name with a slash": Mistake(
        pairs("run_name=a/b"), "does not have the required form (got 'a/b')", "run_name", "letters, digits"
    ),
    "run name that is taken": Mistake(
        pairs("run_name=mine"),
        "already exists",
        "checkpoints/mine",
        "--resume checkpoints/mine, or choose another name",
        {"checkpoints/mine/notes.txt": "mine"},
    ),
    "run name that is taken, in a dry run": Mistake(
        dry("pairs.csv", "run_name=mine"),
        "already exists",
        "checkpoints/mine",
        "choose another name",
        {"checkpoints/mine/notes.txt": "mine"},
    ),
    "file for a place of runs": Mistake(
        pairs("output_dir=pairs.csv"), "the folder cannot be made (Not a directory)", "pairs.csv/.cache", "output_dir=…"
    ),
    "place of runs without a value": Mistake(
        pairs("output_dir="), "has no value", "output_dir", "means: folder in which run folders"
    ),
    "word that is no setting": Mistake(pairs("fast"), "`fast` is not a setting", "fast", "write key=value"),
    "unknown option": Mistake(["train", "--dta", "pairs.csv"], "No such option", "--dta", "--data"),
    "unknown command": Mistake(["trian", "--data", "pairs.csv"], "No such command", "'trian'", "Did you mean 'train'?"),
    "resume with settings": Mistake(
        ["train", "--resume", "checkpoints/x", "training.epochs=3"],
        "a run continues with the settings it began with",
        "--resume",
        "start a new run",
    ),
    "resume as a dry run": Mistake(
        ["train", "--resume", "checkpoints/x", "--dry-run"], "takes no settings but output_dir", "--resume", "leave them out"
    ),
}


def changed(change) -> dict:  # type: ignore[no-untyped-def]
    """Change something in a copy of the tiny model, and return the run that takes it for its base."""

    def prepare(folder: Path) -> None:
        shutil.copytree(folder / ".tiny", folder / "base")
        change(folder / "base")

    return {"words": pairs("model.name=base"), "prepare": prepare}


def without(*names: str):  # type: ignore[no-untyped-def]
    """Return what removes files or folders of a model."""

    def remove(model: Path) -> None:
        for name in names:
            path = model / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    return remove


def holding(name: str, content: bytes):  # type: ignore[no-untyped-def]
    """Return what writes another content into a file of a model."""
    return lambda model: (model / name).write_bytes(content)


TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json")


def not_a_number(model: Path) -> None:
    """Put NaN into a weight."""
    from safetensors.torch import load_file, save_file

    weights = load_file(model / "model.safetensors")
    name = next(name for name in sorted(weights) if name.endswith("LayerNorm.weight"))
    weights[name][:] = float("nan")
    (model / "model.safetensors").unlink()  # a hard link to the model that all tests share
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})


LICENCES = {
    "licence that the Hub writes otherwise": Mistake(
        pairs("run_name=x", "export.hub.licence=apache2"),
        "the Hub has no licence of that id; did you mean apache-2.0?",
        "export.hub.licence=apache2",
        "write export.hub.licence=apache-2.0, or export.hub.licence=other",
    ),
    "licence of one's own": Mistake(
        ["train", "--dry-run", "--data", "pairs.csv", "export.hub.licence=beerware"],
        "the Hub has no licence of that id",
        "export.hub.licence=beerware",
        "write export.hub.licence=other, or one of the ids on https://huggingface.co/docs/hub/repositories-licenses",
    ),
    "licence under another name": Mistake(
        pairs("export.license=mit"),
        "export.license is not a setting; did you mean export.hub.licence?",
        "export.license",
        "correct",
    ),
}
MODELS = {
    "misspelt model": Mistake(
        pairs("model.name=all-mini-lm-l6-v2"),
        "could not be downloaded",
        "sentence-transformers/all-mini-lm-l6-v2",
        "did you mean sentence-transformers/all-MiniLM-L6-v2?",
        environment=OFFLINE,
    ),
    "unknown model": Mistake(
        pairs("model.name=nobody/nothing"),
        "not on this machine and could not be downloaded (HF_HUB_OFFLINE is set)",
        "nobody/nothing",
        "unset HF_HUB_OFFLINE, name a local folder",
        environment=OFFLINE,
    ),
    "model behind an API": Mistake(
        pairs("model.name=text-embedding-3-small"),
        "cannot be trained",
        "text-embedding-3-small",
        "name an open model",
        environment=OFFLINE,
    ),
    "model folder with a misspelt name": Mistake(
        pairs("model.name=./bsae"), "no such model folder", "./bsae", "did you mean base?", {"base/config.json": "{}"}
    ),
    "data file for a model": Mistake(pairs("model.name=pairs.csv"), "no such model folder", "pairs.csv", "check the path"),
    "folder without a model": Mistake(
        pairs("model.name=."), "a folder without a model", "neither modules.json nor config.json is in it", "its model/ folder"
    ),
    "more tokens than the model can read": Mistake(
        pairs("model.max_tokens=5000"), "positions for 512 tokens", "model.max_tokens=5000", "model.max_tokens=512 or less"
    ),
    "model without weights": Mistake(
        what="has no weights", where="base", hint="weights included", **changed(without("model.safetensors"))
    ),
    "weights that were not downloaded": Mistake(
        what="the weights were not downloaded",
        where="base/model.safetensors",
        hint="git lfs pull",
        **changed(holding("model.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\n")),
    ),
    "damaged weights": Mistake(
        what="could not be loaded",
        where="base",
        hint="check that the folder is complete",
        **changed(holding("model.safetensors", b"damaged")),
    ),
    "model whose weights are no numbers": Mistake(
        what="base gives vectors that are not finite (NaN or infinity)",
        where="texts",
        hint="its weights hold NaN or infinity",
        **changed(not_a_number),
    ),
    "judging a model whose weights are no numbers": Mistake(
        ["evaluate", "base", "--data", "pairs.csv", "model.device=cpu"],
        "base gives vectors that are not finite (NaN or infinity)",
        "texts",
        "its weights hold NaN or infinity",
        prepare=changed(not_a_number)["prepare"],
    ),
    "model without a tokenizer": Mistake(
        what="has no tokenizer", where="in base", hint="save the tokenizer beside it", **changed(without(*TOKENIZER))
    ),
    "model without its pooling": Mistake(
        what="modules.json names 1_Pooling, which is not in base",
        where="base",
        hint="copy the whole folder",
        **changed(without("1_Pooling")),
    ),
    "broken list of modules": Mistake(
        what="is broken", where="base/modules.json", hint="copy the whole folder", **changed(holding("modules.json", b"[{"))
    ),
    "model of another kind": Mistake(
        pairs("model.name=base"),
        "a model of another kind",
        "base",
        "name a text encoder",
        {"base/config.json": '{"_class_name": "UNet2DConditionModel"}'},
    ),
}
