"""A trial before the run: one batch of each data set forward and backward, and the base saved, loaded again and compared.

What would end a run after its last step (a model that cannot be loaded again, code that is not saved with it, a module without
weights) ends it before its first one, in words. Weights, gradients and all random numbers are afterwards as they were.
"""

from __future__ import annotations

import dataclasses
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from data.errors import EmbedTuneError, reason
from data.foreign_errors import SHORT_WRITE
from data.storage import digest, write_text
from train.console import say
from train.encode.contract import Role
from train.encode.local import Encoder
from train.encode.routes import routers_of, task_of
from train.encode.weights.save import code_left_behind, save_model
from train.errors import ModelError, is_out_of_memory
from train.fit.batches.training_set import TrainingSet
from train.fit.step import batch_loss
from train.plan.plan import Plan

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

FORMAT = 1
"""Raised when a check that passed earlier would have to be made again."""
ROOM = "trials"
"""Folder of what was checked before, below that of everything that runs share."""
ROWS = 4
"""Rows in a trial batch."""
TEXTS = ("a", "a few words more, as a short question may have them", "and a text that is much longer than the others " * 9)
"""Texts of mixed lengths, embedded in one batch."""
MOST_APART = 0.01
"""Distance of two vectors, as a share of their length, up to which they are the same: rounding is below a thousandth of it, and
what is read otherwise (other padding, another prompt, other code) is far above."""
MOST_BYTES = 1 << 30
"""Weights of more bytes are not written and read a second time."""


def try_out(plan: Plan) -> None:
    """Find out whether the plan can be carried out.

    Raises:
        ModelError: a batch cannot be trained on, or the model cannot be saved and loaded again.
        NotFinite: its vectors are not finite.
        OutOfMemory: memory ran out.
    """
    with _nothing_changed(plan.encoder.model):
        _refuse_frozen(plan)
        for name, one in plan.sets.items():
            _try_batch(plan, name, one)
    for kind, file in code_left_behind(plan.encoder.model).items():
        say(
            f"  note: the code of {kind} is not saved with the model: whoever loads it needs {file}, too. To ship it, copy that"
            f" file into the base's folder, name it in modules.json (as {file.stem}.{kind}) and set model.trust_remote_code=true"
        )
    if sum(weight.numel() * weight.element_size() for weight in plan.encoder.model.parameters()) <= MOST_BYTES:
        with _nothing_changed(plan.encoder.model):
            _try_saving(plan)


def _refuse_frozen(plan: Plan) -> None:
    if any(weight.requires_grad for weight in plan.encoder.model.parameters()):
        return
    modules = ", ".join(type(module).__name__ for module in plan.encoder.model.children())
    raise ModelError(
        f"{plan.origin.name} has no weights that can be trained ({modules})",
        hint="add a Dense layer behind them, let word vectors be updated (update_embeddings=True), or name another model",
    )


def _try_batch(plan: Plan, name: str, one: TrainingSet) -> None:
    """Take a step with one small batch of a data set, but change no weight."""
    encoder, model = plan.encoder, plan.encoder.model
    model.train()
    try:
        rows = list(range(min(ROWS, len(one.table))))
        loss = batch_loss(encoder, one, rows, plan.recipe.max_tokens, plan.config.training, plan.bf16)
        loss.backward()
    except EmbedTuneError:
        raise
    except Exception as error:  # whatever the modules of a model raise
        if is_out_of_memory(error):
            raise
        raise ModelError(
            f"{plan.origin.name} cannot be trained on {name}: {type(error).__name__} in a first batch: {reason(error, most=300)}",
            hint="its modules do not fit together, or not to these texts; try it with a plain encoder to see which",
        ) from error
    if not bool(torch.isfinite(loss.detach())):
        encoder.encode([text for column in one.table.column_names[:2] for text in one.table[column][:ROWS]], Role.DOCUMENT)
        raise ModelError(
            f"{plan.origin.name} cannot be trained on {name}: the loss of a first batch is {float(loss.detach())}",
            hint="try training.precision=fp32, or another model",
        )
    if all(weight.grad is None for weight in model.parameters()):
        raise ModelError(
            f"{plan.origin.name} cannot be trained on {name}: the loss reaches none of its weights",
            hint="one of its modules cuts the gradients off (no_grad, detach); name another model",
        )


def _try_saving(plan: Plan) -> None:
    """Save the base, load it as anybody would, and compare what it gives; not again for what passed before."""
    encoder, name = plan.encoder, plan.origin.name
    passed = plan.config.cache / ROOM / _key(encoder)
    if passed.is_file():
        return
    for module in encoder.model.children():
        if not callable(getattr(module, "save", None)):
            raise ModelError(
                f"{name} cannot be saved: its module {type(module).__name__} has no method save", hint="write one, beside load"
            )
    try:
        with tempfile.TemporaryDirectory() as folder:
            _save(encoder.model, Path(folder), name)
            loaded = _load(encoder.model, Path(folder), name)
    except OSError:
        return  # no room here, and none of the model's doing
    _compare(encoder, loaded, name)
    passed.parent.mkdir(parents=True, exist_ok=True)
    write_text(passed, "")


def _save(model: SentenceTransformer, folder: Path, name: str) -> None:
    try:
        save_model(model, folder)
    except OSError:
        raise
    except Exception as error:  # whatever the modules of a model raise
        if SHORT_WRITE.said_by(error) or "(os error " in str(error):  # so safetensors ends what the system said
            raise OSError("the disk is full") from error
        raise ModelError(
            f"{name} cannot be saved: {type(error).__name__}: {reason(error, most=300)}",
            hint="mend the save method of its own modules, or name another model",
        ) from error


def _load(model: SentenceTransformer, folder: Path, name: str) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    options: dict[str, Any] = {"model_kwargs": {"dtype": torch.float32}, "trust_remote_code": model.trust_remote_code}
    try:
        return SentenceTransformer(str(folder), device=str(model.device), **options).float().eval()
    except Exception as error:  # whatever the modules of a model raise
        own = [type(module).__name__ for module in model.children() if not type(module).__module__.startswith("sentence_transf")]
        about = f"; it has code of its own ({', '.join(own)})" if own else ""
        raise ModelError(
            f"{name} cannot be loaded again once it is saved: {reason(error, most=300)}{about}",
            hint="put that code in a file at the top of the model's folder, named in modules.json as FILE.CLASS, and whatever it"
            " imports beside it (from .FILE import …)"
            if own
            else "save it anew with the installed version of sentence-transformers, or name another model",
        ) from error


def _compare(encoder: Encoder, loaded: SentenceTransformer, name: str) -> None:
    """Compare the vectors of the loaded model with those of the base, in every role that it can have."""
    ours = dataclasses.replace(encoder, contract=dataclasses.replace(encoder.contract, dimensions=_width(encoder)))
    theirs: dict[Role, Any] = {Role.QUERY: loaded.encode_query, Role.DOCUMENT: loaded.encode_document}
    if not routers_of(encoder.model) or _has_default(encoder.model):
        theirs[Role.SYMMETRIC] = loaded.encode
    for role, encode in theirs.items():
        expected = ours.encode(list(TEXTS), role, progress=False)
        found: Tensor = encode(list(TEXTS), convert_to_tensor=True, show_progress_bar=False).float().cpu()
        apart = float(((found - expected).norm(dim=1) / expected.norm(dim=1).clamp(min=1e-12)).max())
        if apart > MOST_APART:
            raise ModelError(
                f"{name} gives other vectors once it is saved and loaded again: those of {role.value} texts are {apart:.2g} of"
                " their length apart",
                hint="a setting or a weight of one of its modules is not saved; save and load it with Sentence Transformers and"
                " compare, or name another model",
            )


def _has_default(model: SentenceTransformer) -> bool:
    try:
        task_of(model, Role.SYMMETRIC)
    except ModelError:
        return False
    return True


def _width(encoder: Encoder) -> int:
    return int(encoder.model.get_embedding_dimension() or encoder.contract.dimensions)


def _key(encoder: Encoder) -> str:
    """Return a name for the model as it is, with everything that decides how it is saved and read."""
    model = encoder.model
    libraries = [version(one) for one in ("sentence-transformers", "transformers", "torch", "tokenizers", "safetensors")]
    parts = [FORMAT, encoder.space(Role.DOCUMENT), encoder.contract, sorted(model.prompts.items()), model.default_prompt_name]
    return digest(repr([*parts, libraries, model.device.type]))


@contextmanager
def _nothing_changed(model: SentenceTransformer) -> Iterator[None]:
    """Put back random numbers, buffers, gradients and mode at the end of a `with` block."""
    mode, buffers = model.training, {name: buffer.clone() for name, buffer in model.named_buffers()}
    drawn, shuffled = np.random.get_state(), random.getstate()  # noqa: NPY002: the libraries' global generator
    torches = torch.get_rng_state()
    on_gpu = torch.cuda.get_rng_state_all() if model.device.type == "cuda" else []
    try:
        yield
    finally:
        torch.set_rng_state(torches)
        if on_gpu:
            torch.cuda.set_rng_state_all(on_gpu)
        np.random.set_state(drawn)
        random.setstate(shuffled)
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                if name in buffers:
                    buffer.copy_(buffers[name])
        model.zero_grad(set_to_none=True)
        model.train(mode)
