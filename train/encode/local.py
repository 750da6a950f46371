"""A model of open weights in fp32, which encodes texts under its contract. `train.encode.open` opens it."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from data.errors import reason
from data.progress import progress as bar_of
from train.config import choices
from train.config.schema import ModelConfig
from train.distributed import wants_cpu
from train.encode.contract import EncodingContract, Role, apply_contract, read_contract, read_shipped
from train.encode.fingerprint import space_of
from train.encode.finite import checked_vectors
from train.encode.forward.columns import embed_columns
from train.encode.memory import no_memory
from train.encode.pace import encoded
from train.encode.routes import check_routes, task_of
from train.encode.token_limit import limit_of
from train.encode.tokens.eligibility import why_not_stored
from train.encode.tokens.store import TokenStore
from train.encode.weights.kinds import generates, refuse_other_kinds
from train.encode.weights.locate import WeightsOrigin, locate
from train.encode.weights.model2vec import is_model2vec, load_model2vec
from train.encode.weights.padding import settle_padding
from train.encode.weights.special_tokens import complete_tokens
from train.encode.weights.vocabulary import check_vocabulary
from train.errors import ModelError, is_out_of_memory

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

WINDOW_TOKENS = 1 << 16
"""Tokens of texts of similar length that are on their way at a time: between them the progress bar moves."""


@dataclass
class Encoder:
    """A model together with the contract under which it encodes.

    Attributes:
        model: the model; its weights may change between calls.
        contract: how it encodes.
        batch_size: texts in a forward pass, where token ids cannot stand for the model's texts.
        store: token ids of all texts that were encoded before; None where they cannot.
        bf16: compute under bf16 autocast: faster where the hardware has it, and scores move by about 0.001.
        name: of the model, for messages.
        shipped: the contract of the model's own files, whatever the user's settings say.
    """

    model: SentenceTransformer
    contract: EncodingContract
    batch_size: int = 64
    store: TokenStore | None = None
    bf16: bool = False
    name: str = "the model"
    shipped: EncodingContract | None = None

    @property
    def similarity(self) -> Literal["cosine", "dot"]:
        """How the model compares two vectors."""
        return self.contract.similarity

    def space(self, role: Role) -> str:
        """See `TextEncoder.space`; the present weights are included."""
        return space_of(self.model, self.contract, role) + ("-bf16" if self.bf16 else "")

    def encode(self, texts: Sequence[str], role: Role, progress: bool | None = None) -> Tensor:
        """Return the vectors of texts, in their order.

        Args:
            texts: N texts.
            role: decides the prompt.
            progress: show a bar; by default as `data.progress.bars` says.

        Returns:
            float32 tensor [N, D] on the CPU, all of it finite; unit length where the contract says normalised.

        Raises:
            NotFinite: a vector holds NaN or infinity.
            OutOfMemory: what was too much, and what to lower.
            ModelError: the model gives something other than one vector a text.
        """
        was_training, prompt, task = self.model.training, self.contract.prompt(role), task_of(self.model, role)
        self.model.eval()
        try:
            with torch.no_grad(), torch.autocast(self.model.device.type, dtype=torch.bfloat16, enabled=self.bf16):
                found = self._cut(self._encode(list(texts), prompt, task, progress).float().cpu())
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise no_memory(error, self, texts, prompt) from error
        finally:
            self.model.train(was_training)
        return checked_vectors(found, texts, self.contract.dimensions, self.name, self.model)

    def _cut(self, vectors: Tensor) -> Tensor:
        """Return the first dimensions, where the contract has fewer than the model, at unit length again where it says so."""
        if vectors.shape[1] <= self.contract.dimensions:
            return vectors
        kept = vectors[:, : self.contract.dimensions]
        return torch.nn.functional.normalize(kept, dim=1) if self.contract.normalized else kept.contiguous()

    def _encode(self, texts: list[str], prompt: str, task: str | None, progress: bool | None) -> Tensor:
        if not texts:
            return torch.empty(0, self.contract.dimensions)
        if self.store is None:
            routed: dict[str, Any] = {} if task is None else {"task": task}
            stock: Tensor = self.model.encode(
                texts, prompt=prompt, batch_size=self.batch_size, show_progress_bar=False, convert_to_tensor=True, **routed
            )
            encoded(texts)
            return stock.clone()  # an inference tensor could never take part in training; a copy can
        rows = self.store.rows(texts, prompt, self.contract.max_tokens)
        order = torch.sort(rows.lengths, descending=True, stable=True).indices  # what does not fit into memory fails first
        vectors: Tensor | None = None
        with bar_of("encoding", len(texts), "text", wanted=progress) as tick:
            for window in order.split(_windows(rows.lengths[order])):
                found = embed_columns(self.model, [rows.take(window)])[0].float()
                if vectors is None:  # as wide as they are, which is not what a model says whose modules do not fit together
                    vectors = found.new_empty(len(texts), found.shape[1])
                vectors[window.to(vectors.device)] = found
                tick(len(window))
                encoded(texts[row] for row in window.tolist())
        return torch.empty(0, self.contract.dimensions) if vectors is None else vectors


def _windows(lengths: Tensor) -> list[int]:
    """Return how many consecutive texts make up each window of about `WINDOW_TOKENS` tokens."""
    number = (torch.cumsum(lengths, 0) - lengths) // WINDOW_TOKENS
    counts: list[int] = torch.unique_consecutive(number, return_counts=True)[1].tolist()
    return counts


def load_encoder(
    config: ModelConfig, batch_size: int = 64, cache: Path | None = None
) -> tuple[Encoder, WeightsOrigin, list[str]]:
    """Load a model with fp32 weights, whatever precision its file has. For `open_model`, which everything else calls.

    Args:
        config: which model.
        batch_size: see `Encoder`.
        cache: folder for token ids that outlive the process; None keeps them in memory.

    Returns:
        The encoder, where the weights came from, and notes that the user should read (pooling that was added, …).

    Raises:
        ModelError: unknown model, broken folder, or a device that is not there.
    """
    device = resolve_device(config.device)
    origin = locate(config)
    refuse_other_kinds(origin.name, origin.path)
    model, notes = _load(origin.path, config, device)
    check_vocabulary(origin.name, model)
    check_routes(origin.name, model)
    raw = not (origin.path / "modules.json").is_file() and not is_model2vec(origin.path)
    contract, shipped = read_contract(model, origin.name, config), read_shipped(model, origin.name, config, raw=raw)
    if config.max_tokens is None and (guessed := limit_of(model).note(origin.name)) is not None:
        notes.append(guessed)
    if (other := model.similarity_fn_name) not in ("cosine", "dot"):
        notes.append(
            f"{origin.name} was made for comparing vectors by {other} distance; here they are trained, judged and exported as"
            " compared by cosine (similarity_fn_name)"
        )
    apply_contract(model, contract)
    notes += settle_padding(origin.name, model)
    store = TokenStore(model, cache) if why_not_stored(model) is None else None
    return Encoder(model, contract, batch_size, store, name=origin.name, shipped=shipped), origin, notes


def read_as_many(encoder: Encoder, tokens: int | None, config: ModelConfig) -> tuple[Encoder, list[str]]:
    """Let a model read as much of a text as `training.max_tokens` asks for, where that is more than its own settings say.

    What is trained on should be judged, too, and be read by the model that is saved. A `model.max_tokens` stays as it is.

    Args:
        encoder: the model; its limit is changed in place.
        tokens: `training.max_tokens`.
        config: which model.

    Returns:
        The encoder, and what the user should read.

    Raises:
        ModelError: the architecture has no room for so many tokens.
    """
    before = encoder.contract.max_tokens
    if tokens is None or config.max_tokens is not None or tokens <= before:
        return encoder, []
    raised = limit_of(encoder.model).asked(tokens, config.name, "training.max_tokens")
    contract = dataclasses.replace(encoder.contract, max_tokens=raised)
    apply_contract(encoder.model, contract)
    return dataclasses.replace(encoder, contract=contract), [
        f"training.max_tokens={tokens} is more than the {before} tokens that the model's settings allow: {tokens} are read, also"
        " in judging and by the model that is saved"
    ]


def resolve_device(wanted: str) -> str:
    """Return the device to use: for `auto` the best one there is (the CPU where the launch configuration says so).

    Raises:
        ModelError: a device that was asked for is not here; there is no fallback.
    """
    if wanted == "auto":
        if wants_cpu():
            return "cpu"
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind = wanted.split(":", maxsplit=1)[0]
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if kind not in present:
        raise ModelError(f"model.device: {wanted!r} is not a device", hint="use auto, cpu, cuda, cuda:N or mps")
    if not present[kind]:
        raise ModelError(
            f"model.device: {wanted} was asked for, but PyTorch sees no such device here",
            hint="use model.device=auto, or install a PyTorch build for this GPU",
        )
    number = wanted.partition(":")[2]
    if kind == "cuda" and number and not (number.isdigit() and int(number) < torch.cuda.device_count()):
        there = ", ".join(f"cuda:{i}" for i in range(torch.cuda.device_count()))
        raise ModelError(f"model.device: {wanted} was asked for, but there is only {there}", hint="use one of these, or auto")
    return wanted


def _load(path: Path, config: ModelConfig, device: str) -> tuple[SentenceTransformer, list[str]]:
    from sentence_transformers import SentenceTransformer

    # the library's notice that it adds pooling is repeated in our own words below
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    options = {"dtype": torch.float32}
    try:
        if (path / "modules.json").is_file():
            model = SentenceTransformer(
                str(path), device=device, model_kwargs=options, trust_remote_code=config.trust_remote_code
            ).float()  # modules that are no transformers keep the precision of their file
            return model, _unused_pooling_note(config)
        return _with_pooling(path, config, device, options)
    except ModelError:
        raise
    except Exception as error:  # a damaged file raises whatever the library that reads it raises
        why = reason(error, most=300)
        hint = "check that the folder is complete"
        if not config.trust_remote_code:
            hint += "; trust_remote_code is off unless model.trust_remote_code=true"
        if is_out_of_memory(error):
            hint = "end other programs, or choose a smaller model"
        raise ModelError(f"{config.name} could not be loaded: {why}", hint=hint) from error


def _with_pooling(
    path: Path, config: ModelConfig, device: str, options: dict[str, torch.dtype]
) -> tuple[SentenceTransformer, list[str]]:
    """Give a raw encoder (BERT, SciBERT, …) a pooling layer, and say so."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    if is_model2vec(path):
        notes = [*_unused_pooling_note(config), f"{config.name} is read as static embeddings (model2vec)"]
        return load_model2vec(path, device), notes
    pooling = (config.pooling or choices.Pooling.MEAN).value
    trusted = {"trust_remote_code": config.trust_remote_code}
    encoder = Transformer(str(path), model_kwargs=options | trusted, config_kwargs=trusted, processor_kwargs=trusted)
    notes = complete_tokens(config.name, encoder)
    width = (
        encoder.get_embedding_dimension()
        if hasattr(encoder, "get_embedding_dimension")
        else encoder.get_word_embedding_dimension()
    )
    model = SentenceTransformer(
        modules=[encoder, Pooling(width, pooling_mode=pooling)], device=device, trust_remote_code=config.trust_remote_code
    )
    notes.append(f"{config.name} is a raw encoder without pooling; {pooling} pooling was added (model.pooling chooses another)")
    if (writes := generates(path)) is not None:
        better = "" if pooling == "lasttoken" else "; model.pooling=lasttoken suits such models better"
        notes.append(f"{config.name} is a generative model ({writes}) that was not trained to give vectors{better}")
    return model, notes


def _unused_pooling_note(config: ModelConfig) -> list[str]:
    if config.pooling is None:
        return []
    return [f"model.pooling={config.pooling} is not used: {config.name} brings a pooling of its own"]
