"""A model with prompts and a Dense layer, copies of it with one fault each, and a server that has such a copy."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer

from tests.support.tiny_models import bert, raw, saved
from train.config.schema import ModelConfig
from train.deploy.export import export_model
from train.encode.open import open_model

QUERY, DOCUMENT = "search for this: ", "a text: "
PROMPTS = {"query": QUERY, "document": DOCUMENT}


def shipped_model(folder: Path) -> Path:
    """Return a model as a run leaves it: 256 tokens, prompts, mean pooling, a Dense layer, normalised, with encoding.json."""
    parts = raw(folder / "raw", bert())
    torch.manual_seed(7)
    modules = [Transformer(str(parts), max_seq_length=256), Pooling(32), Dense(32, 24), Normalize()]
    encoder = open_model(ModelConfig(name=str(saved(folder / "base", *modules, prompts=PROMPTS)), device="cpu")).local
    return export_model(encoder.model, folder / "model", encoder)


def edited(path: Path, change: Callable[[Any], Any]) -> None:
    """Change a JSON file."""
    path.write_text(json.dumps(change(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")


def without(folder: Path, kind: str) -> None:
    """Take modules of a kind out of modules.json."""
    edited(folder / "modules.json", lambda modules: [one for one in modules if not one["type"].endswith(f".{kind}")])


def quantised(folder: Path, levels: int, *, by_row: bool) -> None:
    """Round the weights of matrices to so many steps to each side of zero."""
    model = SentenceTransformer(str(folder), device="cpu")
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() == 2 and "embeddings" not in name:
                step = (weight.abs().amax(dim=1, keepdim=True) if by_row else weight.abs().amax()) / levels
                weight.copy_((weight / step).round() * step)
    model.save_pretrained(str(folder), create_model_card=False)


def other_weights(folder: Path) -> None:
    """Put a model of other weights there."""
    model = SentenceTransformer(str(folder), device="cpu")
    model[0].auto_model.load_state_dict(bert(seed=5).state_dict())
    model.save_pretrained(str(folder), create_model_card=False)


def cased(folder: Path) -> None:
    """Make the tokenizer one that keeps capitals."""
    edited(folder / "tokenizer.json", lambda one: one | {"normalizer": one["normalizer"] | {"lowercase": False}})
    edited(folder / "tokenizer_config.json", lambda one: one | {"do_lower_case": False})


def prompted_by(folder: Path, prompts: dict[str, str]) -> None:
    edited(folder / "config_sentence_transformers.json", lambda one: one | {"prompts": prompts})


def pooled_by_cls(folder: Path) -> None:
    edited(folder / "1_Pooling" / "config.json", lambda one: one | {"pooling_mode": "cls"})


def shorter(folder: Path) -> None:
    names = {"max_seq_length", "model_max_length"}
    for path in (folder / "sentence_bert_config.json", folder / "tokenizer_config.json"):
        if path.is_file():
            edited(path, lambda one: {key: 128 if key in names else value for key, value in one.items()})


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "no pooling": (lambda folder: (without(folder, "Pooling"), without(folder, "Dense"))[0], "no pooling"),
    "CLS for mean": (pooled_by_cls, "pooling"),
    "no normalisation": (lambda folder: without(folder, "Normalize"), "not normalised"),
    "prompt missing": (lambda folder: prompted_by(folder, {"query": "", "document": ""}), "prompt missing"),
    "prompt doubled": (lambda folder: prompted_by(folder, {key: text * 2 for key, text in PROMPTS.items()}), "prompt doubled"),
    "128 for 256 tokens": (shorter, "cut too early"),
    "dropped Dense": (lambda folder: without(folder, "Dense"), "module left out"),
    "bad int8": (lambda folder: quantised(folder, 2, by_row=False), "quantised too coarsely"),
    "other model": (other_weights, "other model"),
    "other tokenizer": (cased, "other tokenizer"),
}  # fmt: skip
"""What is planted in a copy's folder, and the code of what `verify` should find."""


def copy_with(model: Path, goal: Path, fault: str | None = None) -> Path:
    """Return a copy of a model's folder with a fault."""
    shutil.copytree(model, goal)
    if fault is not None:
        FAULTS[fault][0](goal)
    return goal


@dataclass
class EmbeddingServer:
    """A server of a Sentence Transformers folder in OpenAI's protocol.

    Attributes:
        model: that it serves; texts get no prompts, unless it adds one.
        adds: put before each text.
        most: tokens of a text; longer ones are refused with 413. None cuts as the model does.
        as_base64: answer so, whatever was asked for.
        tokens: answer with vectors of tokens.
        counts: say how many tokens were read.
        half: round vectors to 16 bits.
        plan: HTTP states of the next answers, before anything else is done.
        requests: what was asked: path, key and content.
    """

    model: SentenceTransformer
    adds: str = ""
    most: int | None = None
    as_base64: bool = False
    tokens: bool = False
    counts: bool = True
    half: bool = False
    names: Sequence[str] = ("served",)
    plan: list[int] = field(default_factory=list)
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    url: str = ""

    def answer(self, content: dict[str, Any]) -> tuple[int, Any]:
        texts = [self.adds + text for text in content["input"]]
        counts = [len(ids) for ids in self.model.tokenizer(texts, truncation=False, verbose=False)["input_ids"]]
        if self.most is not None and max(counts) > self.most:
            return 413, {"error": {"message": f"input of {max(counts)} tokens is too long", "type": "Validation"}}
        if self.tokens:
            first = SentenceTransformer(modules=[self.model[0]], device="cpu")
            rows = [one.tolist() for one in first.encode(texts, output_value="token_embeddings")]
        else:
            found = self.model.encode(texts, prompt="", show_progress_bar=False)
            if self.half:
                found = torch.from_numpy(found).to(torch.bfloat16).float().numpy()
            rows = [one.tobytes() if self.as_base64 else one.tolist() for one in found]
        if self.as_base64:
            import base64

            rows = [base64.b64encode(one).decode() for one in rows]
        data = [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(rows)]
        limit = self.model.max_seq_length
        usage = {"usage": {"prompt_tokens": sum(min(count, limit) for count in counts)}} if self.counts else {}
        return 200, {"object": "list", "data": data[::-1], "model": content["model"], **usage}


@contextmanager
def embedding_server(model: SentenceTransformer, **settings: Any) -> Iterator[EmbeddingServer]:
    """Serve a model on the loopback interface inside the `with` block; `url` ends in /v1."""
    state = EmbeddingServer(model, **settings)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            self._send(200, {"object": "list", "data": [{"id": name} for name in state.names]})

        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.requests.append((self.path, self.headers.get("Authorization", ""), content))
            if state.plan:
                status = state.plan.pop(0)
                self._send(status, {"error": {"message": f"fault, {self.headers.get('Authorization')}"}})
                return
            self._send(*state.answer(content))

        def _send(self, status: int, content: Any) -> None:
            raw = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
