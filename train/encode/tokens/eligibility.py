"""Whether all that a model reads of a text is its token ids, and what decides these ids."""

from __future__ import annotations

import hashlib
import inspect
import json
import tempfile
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from data.storage import digest
from train.encode.routes import routers_of
from train.encode.tokens.ragged import Tokens
from train.encode.weights.vocabulary import MEND, rows_of
from train.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

FORMAT = 1
"""Raised when what is stored, or how texts are keyed, changes."""
PLAIN = {"input_ids", "attention_mask", "token_type_ids"}
"""Tensors that `preprocess` may give; of token types only zeros, which are what a model assumes without them."""
BESIDES = {"modality", "prompt_length"}
"""What else it may give: a word that says "text", and a number that only pooling without the prompt reads."""
PROBES = ("", "a", "two words, and a few more")
"""Texts on which it is tried out what `preprocess` gives."""


def why_not_stored(model: SentenceTransformer) -> str | None:
    """Return why token ids cannot stand for the texts of a model, in words; None when they can."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Transformer
    from transformers import PreTrainedTokenizerBase

    module = model[0]
    if routers_of(model):
        return "it has a router, which sends queries and documents through different modules"
    if not isinstance(module, Transformer):
        return f"its first module is {type(module).__name__}, not a transformer"
    stock = type(model).preprocess is SentenceTransformer.preprocess and type(module).preprocess is Transformer.preprocess
    obstacles = {
        "it has a preprocessing of its own": not stock,
        "its texts do not go straight to a tokenizer": not isinstance(module.processor, PreTrainedTokenizerBase),
        "it reads more than texts, or texts inside a chat template": set(module.modality_config) != {"text"},
        "it has processing settings of its own": bool(module.processing_kwargs),
        "its pooling leaves the prompt out": leaves_prompt_out(model),
    }
    reason = next((reason for reason, holds in obstacles.items() if holds), None)
    return reason or _why_not_plain(model.preprocess(list(PROBES)), len(PROBES))


def leaves_prompt_out(model: nn.Module) -> bool:
    """Tell whether pooling skips the tokens of the prompt (Instructor models), so that a text is more than its tokens."""
    return any(not getattr(module, "include_prompt", True) for module in model.modules())


def plain_tokens(model: SentenceTransformer, texts: Sequence[str], prompt: str) -> Tokens:
    """Return the tokens of texts, exactly those of the model's own `preprocess`.

    Args:
        model: passes `why_not_stored`.
        texts: at least one. Halves of surrogate pairs, which no tokenizer takes, are read as U+FFFD.
        prompt: "" for none.

    Raises:
        ModelError: `preprocess` gives for these texts what it did not give when the model was tried out, or a token without a
            vector.
    """
    features = model.preprocess([encodable(text) for text in texts], prompt=prompt or None)
    reason = _why_not_plain(features, len(texts))
    if reason is not None:
        raise ModelError(f"texts of this model cannot be stored as token ids: {reason}")
    rows, largest = rows_of(model), int(features["input_ids"].max())
    if rows is not None and largest >= rows:
        token = model.tokenizer.convert_ids_to_tokens(largest)
        raise ModelError(f"a text has the token {token}, for which the matrix of word embeddings has no row", hint=MEND)
    return Tokens.from_padded(features["input_ids"], features["attention_mask"])


def identity(model: SentenceTransformer) -> str:
    """Return a digest of everything in a model and its libraries that decides token ids, but for prompt and maximum tokens.

    Copies of a model have the same one, wherever they lie; fine-tuning does not change it.
    """
    module, tokenizer = model[0], model.tokenizer
    parts = [
        FORMAT,
        {name: version(name) for name in ("sentence-transformers", "transformers", "tokenizers")},
        type(module).__name__,
        bool(getattr(module, "do_lower_case", False)),
        type(tokenizer).__qualname__,
        tokenizer.truncation_side,
        tokenizer.model_input_names,
        bool(getattr(tokenizer, "split_special_tokens", False)),
        _backend(tokenizer) if _is_plainly_fast(tokenizer) else _in_python(tokenizer),
    ]
    # repr of a setting that is no JSON: at worst it differs without need
    return digest(json.dumps(parts, sort_keys=True, default=repr))


def _why_not_plain(features: Mapping[str, Any], rows: int) -> str | None:
    """Return in what the features of so many texts are more, or less, than token ids each; None where in nothing."""
    tensors = {key for key, value in features.items() if isinstance(value, Tensor)} - BESIDES
    more = sorted((set(features) - PLAIN - BESIDES) | (tensors - PLAIN))
    if more:
        return f"its preprocessing gives {', '.join(more)} besides token ids"
    if not {"input_ids", "attention_mask"} <= tensors or features["input_ids"].shape != features["attention_mask"].shape:
        return "its preprocessing gives no token ids with a mask"
    mask = features["attention_mask"]
    if mask.dim() != 2 or len(mask) != rows:
        return "its preprocessing does not give one row of token ids per text"
    if "token_type_ids" in tensors and bool((features["token_type_ids"] * mask).any()):
        return "its token types are not all zero"
    if not bool(mask.any(dim=1).all()):
        return "its tokenizer gives an empty text no token"
    return None


def _is_plainly_fast(tokenizer: Any) -> bool:
    """Tell whether the Rust library alone makes the ids: a fast tokenizer whose Python side adds nothing."""
    from transformers import PreTrainedTokenizerFast

    names = ("__call__", "_encode_plus")
    kind = type(tokenizer)
    return isinstance(tokenizer, PreTrainedTokenizerFast) and all(
        getattr(kind, name) is getattr(PreTrainedTokenizerFast, name) for name in names
    )


def _backend(tokenizer: Any) -> dict[str, Any]:
    """Return the serialised state of the Rust tokenizer without what the last call left in it: its truncation and padding."""
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    return {key: value for key, value in state.items() if key not in ("truncation", "padding")}


def _in_python(tokenizer: Any) -> list[Any]:
    """Return what decides the ids of a tokenizer written in Python: vocabulary, files, settings, and code that came with it."""
    settings = {key: value for key, value in tokenizer.init_kwargs.items() if key != "name_or_path" and not key.endswith("_file")}
    with tempfile.TemporaryDirectory() as folder:
        with suppress(NotImplementedError):  # some have nothing to save but what `get_vocab` gives
            tokenizer.save_vocabulary(folder)
        files = {path.name: hashlib.blake2b(path.read_bytes()).hexdigest() for path in sorted(Path(folder).iterdir())}
    code = [_source(kind) for kind in type(tokenizer).__mro__ if kind.__module__.partition(".")[0] != "transformers"]
    added = {number: repr(token) for number, token in tokenizer.added_tokens_decoder.items()}
    backend = _backend(tokenizer) if tokenizer.is_fast else {}
    return [settings, tokenizer.get_vocab(), added, files, code, backend, unicodedata.unidata_version]


def _source(kind: type) -> str:
    """Return the code of a class, "" where it has none to show (built in)."""
    show: Callable[[type], str] = inspect.getsource
    try:
        return show(kind)
    except (OSError, TypeError):
        return ""


def encodable(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
