"""Makes the vectors of encoding.json: the golden texts in fp32, and what wrongly served copies of the model would give.

Stock `model.encode` computes them, neither our faster forward pass nor any cache, so they are what everybody else's code gives.

Shapes: N texts, D dimensions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from train.encode.contract import EncodingContract, Role
from train.encode.encoding_format import EncodingFile, Golden, Hypothesis, Vectors
from train.encode.fingerprint import weights_digest
from train.encode.finite import checked_vectors
from train.encode.golden import GOLDEN_TEXTS, PROBES
from train.encode.modules import input_modules
from train.encode.routes import routers_of, task_of
from train.encode.token_limit import limit_of, limited_tokens
from train.errors import ModelError
from train.machine import own_version

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from train.encode.local import Encoder

LIBRARIES = ("sentence-transformers", "transformers", "tokenizers", "torch")

MOST_WORK = {"cpu": 1e12}
"""Floating-point operations that reading one text may take; longer texts are left out. On two slow cores 10^12 are about 20 s."""
MOST_WORK_ELSEWHERE = 1e14

CUTS = (64, 128, 256, 512, 1024, 2048, 4096)
"""Limits of tokens that servers are known to set by themselves."""

POOLINGS = ("cls", "mean", "max", "lasttoken")

LONG = 1000
"""Characters from which on a text is encoded alone, so that short ones are not padded to its length."""

MOST_NAMED = 12
"""Prompts besides those of the roles of which vectors are recorded."""


@dataclass(frozen=True)
class _Way:
    """One way in which texts are read."""

    prompt: str
    task: str | None


def make_encoding(encoder: Encoder) -> EncodingFile:
    """Return how a model encodes, with the vectors of the golden texts. See `write_encoding`."""
    model, contract = encoder.model, encoder.contract
    with _untouched(model):
        counter, work = _Counter(model), _Work(model)
        roles, left_out = _ways(model, contract)
        limit = None if contract.reads_whole else contract.max_tokens
        golden = []
        for way, own in roles.items():
            tokens = counter.counts(way.prompt)
            texts = [n for n in range(len(GOLDEN_TEXTS)) if work.allows(_read(tokens, n, limit))]
            vectors = _vectors(model, contract, texts, way, encoder.name)
            hypotheses = list(_hypotheses(model, contract, way, texts, tokens, limit, work))
            golden.append(
                Golden(
                    prompt=way.prompt,
                    task=way.task,
                    roles=tuple(own),
                    texts=tuple(texts),
                    vectors=Vectors.of(vectors),
                    tokens=None if tokens is None else tuple(tokens[n] for n in texts),
                    hypotheses=tuple(hypotheses),
                )
            )
            if len(texts) < len(GOLDEN_TEXTS):
                left_out.append(_too_long(texts, tokens, own, model.device.type))
        golden += _named(model, contract, {one.prompt for one in golden}, left_out)
        if counter.ids is None:
            left_out.append("the model's texts do not go through one tokenizer: how they are cut into tokens cannot be checked")
        if routers_of(model):
            left_out.append("the model has a router: vectors under other poolings, or without a module, are not recorded")
        return EncodingFile(
            made_by=own_version(),
            contract=contract,
            prompts={name: text for name, text in (model.prompts or {}).items() if text is not None},
            modules=tuple(type(module).__name__ for module in model),
            weights=weights_digest(model),
            versions={name: version(name) for name in LIBRARIES},
            device=model.device.type,
            texts=GOLDEN_TEXTS,
            token_ids=counter.digests(),
            golden=tuple(golden),
            bf16=_bf16_distance(model, contract, next(iter(roles))),
            left_out=tuple(left_out),
        )


def _ways(model: SentenceTransformer, contract: EncodingContract) -> tuple[dict[_Way, list[Role]], list[str]]:
    """Return the ways in which texts of the roles are read, and what is to be known of a role without one."""
    found: dict[_Way, list[Role]] = {}
    missing = []
    for role in Role:
        try:
            found.setdefault(_Way(contract.prompt(role), task_of(model, role)), []).append(role)
        except ModelError as error:
            missing.append(f"texts that are neither queries nor documents: {error.what}")
    return found, missing


def _named(model: SentenceTransformer, contract: EncodingContract, known: set[str], left_out: list[str]) -> list[Golden]:
    """Return vectors of the probes under each further prompt that the model's files name."""
    by_prompt: dict[str, list[str]] = {}
    for name, text in (model.prompts or {}).items():
        if text and text not in known:
            by_prompt.setdefault(text, []).append(name)
    if routers_of(model) and by_prompt:
        left_out.append(f"vectors under the prompts {_listed(by_prompt.values())}: the router decides by the role")
        return []
    if len(by_prompt) > MOST_NAMED:
        more = _listed(list(by_prompt.values())[MOST_NAMED:])
        left_out.append(f"vectors under the prompts {more}: only those of {MOST_NAMED} are recorded")
    made = []
    for prompt, names in list(by_prompt.items())[:MOST_NAMED]:
        way = _Way(prompt, None)
        vectors = Vectors.of(_vectors(model, contract, PROBES, way))
        made.append(
            Golden(
                prompt=prompt, names=tuple(names), texts=PROBES, vectors=vectors, hypotheses=tuple(_prompts(model, contract, way))
            )
        )
    return made


def _vectors(
    model: SentenceTransformer, contract: EncodingContract, texts: Sequence[int], way: _Way, name: str = "the model"
) -> np.ndarray:
    """Return [N, D] float32 of golden texts, checked."""
    found = _encode(model, [GOLDEN_TEXTS[n] for n in texts], way, contract)
    checked_vectors(torch.from_numpy(found), [GOLDEN_TEXTS[n] for n in texts], contract.dimensions, name, model)
    return found


def _encode(
    model: SentenceTransformer, texts: Sequence[str], way: _Way, contract: EncodingContract, *, cut: bool = True
) -> np.ndarray:
    """Return [N, D] float32, with `cut` of the contract's dimensions at most."""
    routed: dict[str, Any] = {} if way.task is None else {"task": way.task}
    short = [i for i, text in enumerate(texts) if len(text) < LONG]
    alone = [i for i, text in enumerate(texts) if len(text) >= LONG]
    parts = []
    for rows, size in ((short, len(short)), (alone, 1)):
        if rows:
            some = [texts[i] for i in rows]
            found = model.encode(
                some, prompt=way.prompt, batch_size=size, show_progress_bar=False, convert_to_tensor=True, **routed
            )
            parts.append(found.float().cpu().numpy())
    vectors: np.ndarray = np.concatenate(parts)[np.argsort(short + alone)]
    if cut and vectors.shape[1] > contract.dimensions:
        vectors = vectors[:, : contract.dimensions]
        vectors = _unit(vectors) if contract.normalized else vectors
    return vectors.astype(np.float32)


def _hypotheses(
    model: SentenceTransformer,
    contract: EncodingContract,
    way: _Way,
    texts: Sequence[int],
    tokens: list[int] | None,
    limit: int | None,
    work: _Work,
) -> Iterator[Hypothesis]:
    """Yield what the model would give if it were served wrongly."""
    yield from _prompts(model, contract, way)
    shortened = contract.dimensions < int(model.get_embedding_dimension() or 0)
    if not routers_of(model):
        for kind, detail, modules in _variants(model):
            try:
                variant = _assembled(modules, model)
                vectors = _encode(variant, [GOLDEN_TEXTS[n] for n in PROBES], way, contract, cut=shortened)
            except (RuntimeError, KeyError, ValueError, AssertionError):  # the modules that remain do not fit together
                continue
            yield from _usable(kind, detail, PROBES, vectors)
    for cut, number in _cuts(model, texts, tokens, limit, work):
        with limited_tokens(model, cut):
            vectors = _encode(model, [GOLDEN_TEXTS[number]], way, contract)
        yield from _usable("cut" if limit is None or cut < limit else "not cut", str(cut), (number,), vectors)


def _prompts(model: SentenceTransformer, contract: EncodingContract, way: _Way) -> Iterator[Hypothesis]:
    """Yield vectors without the prompt, with it twice, and with that of another role before it, which a server may add."""
    others = dict.fromkeys(contract.prompt(role) for role in Role)
    if way.prompt:
        both = [("both prompts", other, other + way.prompt) for other in others if other not in ("", way.prompt)]
        for kind, detail, prompt in (("no prompt", "", ""), ("prompt twice", "", way.prompt * 2), *both):
            vectors = _encode(model, [GOLDEN_TEXTS[n] for n in PROBES], _Way(prompt, way.task), contract)
            yield from _usable(kind, detail, PROBES, vectors)


def _variants(model: SentenceTransformer) -> Iterator[tuple[str, str, list[Any]]]:
    """Yield kind, detail and modules of models that are put together in another way, of the same weights."""
    from sentence_transformers.sentence_transformer.modules import Pooling

    modules: list[Any] = list(model)
    for place, module in enumerate(modules):
        kind = type(module).__name__
        if isinstance(module, Pooling):
            for mode in POOLINGS:
                if mode != module.pooling_mode:
                    other = Pooling(module.embedding_dimension, pooling_mode=mode, include_prompt=module.include_prompt)
                    yield "pooling", mode, [*modules[:place], other, *modules[place + 1 :]]
        elif place and kind != "Normalize":  # without a normalisation only the lengths are others, which needs no vectors
            yield "left out", kind, [*modules[:place], *modules[place + 1 :]]


def _assembled(modules: list[Any], model: SentenceTransformer) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(modules=modules, device=str(model.device))


def _cuts(
    model: SentenceTransformer, texts: Sequence[int], tokens: list[int] | None, limit: int | None, work: _Work
) -> Iterator[tuple[int, int]]:
    """Yield other limits of tokens, each with the shortest golden text of which it leaves something else than the model's own."""
    if tokens is None:
        return
    most = limit_of(model).most
    by_length = sorted(texts, key=lambda n: tokens[n])
    for cut in CUTS:
        if (limit is None or cut < limit) and (number := next((n for n in by_length if tokens[n] > cut), None)) is not None:
            yield cut, number
    if limit is not None and (number := next((n for n in by_length if tokens[n] > limit), None)) is not None:
        more = tokens[number] if most is None else min(tokens[number], most)
        if more > limit and work.allows(more):
            yield more, number


def _usable(kind: str, detail: str, texts: Sequence[int], vectors: np.ndarray) -> Iterator[Hypothesis]:
    """Yield the record of directions [N, D], unless there are none."""
    if np.isfinite(vectors).all() and vectors.any(axis=1).all():
        yield Hypothesis(kind=kind, detail=detail, texts=tuple(texts), vectors=Vectors.of(_unit(vectors), "float16"))


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Return [N, D] at unit length; zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: np.ndarray = vectors / np.where(lengths == 0, 1, lengths)
    return found


def _bf16_distance(model: SentenceTransformer, contract: EncodingContract, way: _Way) -> float | None:
    """Return the largest cosine distance that computing in bf16 makes to the vectors of the probes."""
    texts = [GOLDEN_TEXTS[n] for n in PROBES]
    plain = _unit(_encode(model, texts, way, contract))
    try:
        with torch.autocast(model.device.type, dtype=torch.bfloat16):
            coarse = _unit(_encode(model, texts, way, contract))
    except RuntimeError:  # the device does not know bf16
        return None
    distance = float((1 - (plain.astype(np.float64) * coarse).sum(axis=1)).max())
    return distance if np.isfinite(distance) else None


def _listed(names: Iterable[list[str]]) -> str:
    return ", ".join(name for some in names for name in some)


def _too_long(texts: Sequence[int], tokens: list[int] | None, roles: Sequence[Role], device: str) -> str:
    """Return that only some texts were encoded under a prompt, and what that means."""
    others = _others(texts)
    known = "" if tokens is None else f" (of {min(tokens[n] for n in others):,} tokens and more)"
    whose = " and ".join(role.value for role in roles)
    return (
        f"the {len(others)} longest texts{known}, as {whose}: they take too long on {device}, so how such texts are read"
        " cannot be checked"
    )


def _others(texts: Sequence[int]) -> list[int]:
    return [n for n in range(len(GOLDEN_TEXTS)) if n not in set(texts)]


def _read(tokens: list[int] | None, number: int, limit: int | None) -> int:
    """Return how many tokens of a golden text are read, at a guess where they cannot be counted."""
    counted = len(GOLDEN_TEXTS[number]) // 4 if tokens is None else tokens[number]
    return counted if limit is None else min(counted, limit)


class _Work:
    """What reading a text takes.

    Args:
        model: that reads.
    """

    def __init__(self, model: SentenceTransformer) -> None:
        kinds = (torch.nn.Embedding, torch.nn.EmbeddingBag)
        tables = {id(weight) for module in model.modules() if isinstance(module, kinds) for weight in module.parameters()}
        self._weights = sum(weight.numel() for weight in model.parameters() if id(weight) not in tables)
        config = getattr(getattr(model[0], "auto_model", None), "config", None)
        hidden, layers = (getattr(config, name, 0) or 0 for name in ("hidden_size", "num_hidden_layers"))
        self._attention = 4 * layers * hidden
        self._most = MOST_WORK.get(model.device.type, MOST_WORK_ELSEWHERE)

    def allows(self, tokens: int) -> bool:
        """Tell whether reading so many tokens takes no more work than it may: twice a token's weights, and attention."""
        return bool(2 * self._weights * tokens + self._attention * tokens**2 <= self._most)


@contextmanager
def _untouched(model: SentenceTransformer) -> Iterator[None]:
    """Compute in fp32 without gradients, and leave modes and random states as they are."""
    training = [(module, module.training) for module in model.modules()]
    state, precision = torch.get_rng_state(), torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.no_grad(), torch.autocast(model.device.type, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)
        torch.set_rng_state(state)
        for module, mode in training:
            module.training = mode


class _Counter:
    """Counts the tokens of the golden texts, nothing cut.

    Args:
        model: whose tokenizer counts.
    """

    def __init__(self, model: SentenceTransformer) -> None:
        self._model = model
        self.ids = None if routers_of(model) else self._tokenised("")

    def counts(self, prompt: str) -> list[int] | None:
        """Return the [N] numbers of tokens under a prompt; None where they cannot be counted."""
        if self.ids is None:
            return None
        found = self.ids if not prompt else self._tokenised(prompt)
        return None if found is None else [len(one) for one in found]

    def digests(self) -> tuple[str, ...] | None:
        """Return the [N] digests of the token ids without prompt."""
        return None if self.ids is None else tuple(digest_of(one) for one in self.ids)

    def _tokenised(self, prompt: str) -> list[list[int]] | None:
        module = input_modules(self._model)[0]
        lower = bool(getattr(module, "do_lower_case", False))
        return token_ids(getattr(module, "tokenizer", None), [prompt + text for text in GOLDEN_TEXTS], lower=lower)


def token_ids(tokenizer: Any, texts: Sequence[str], *, lower: bool = False) -> list[list[int]] | None:
    """Return the ids of each text with special tokens, nothing cut; None where they cannot be had.

    Args:
        tokenizer: of transformers, or of the library `tokenizers` (static embeddings, which take no special tokens).
        texts: N texts.
        lower: the model puts texts into lower case first.
    """
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase

    texts = [text.lower() if lower else text for text in texts]
    if isinstance(tokenizer, PreTrainedTokenizerBase):
        found: list[list[int]] = tokenizer(
            list(texts), truncation=False, padding=False, return_attention_mask=False, verbose=False
        )["input_ids"]
        return found
    if isinstance(tokenizer, Tokenizer):
        whole = Tokenizer.from_str(tokenizer.to_str())
        whole.no_truncation()
        whole.no_padding()
        return [one.ids for one in whole.encode_batch(list(texts), add_special_tokens=False)]
    return None


def digest_of(ids: Sequence[int]) -> str:
    """Return a digest of token ids, 16 hexadecimal digits."""
    return hashlib.blake2b(np.asarray(ids, dtype="<i4").tobytes(), digest_size=8).hexdigest()
