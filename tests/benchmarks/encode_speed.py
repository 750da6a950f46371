"""How fast encoding is, compared with Sentence Transformers' own `encode` on the same texts.

    python -m tests.benchmarks.encode_speed --workload mixed --texts 512 --rounds 4 --arms A,B,D

Run it from the repository's root; it needs no data. Arms: A, `SentenceTransformer.encode` with its defaults; B, the same with
its best options on this machine (bf16 weights where the project's rule says that bf16 pays, flash attention where it is
installed, and the fastest of several batch sizes, timed at the start); D, `train.encode.local.Encoder.encode`. Each arm lives
in a process of its own, and only one computes at a time: they take turns (A B D, D A B, …), and each turn encodes `--texts`
texts that were not seen before, so that nothing can be kept from the last time. A turn is timed from the texts to the vectors in
main memory.

Workloads: `mixed`, `short`, `long` and `fixed` (every text has 64 tokens, so that packing cannot help): texts of words that are
one token each, their lengths log-normal as said in the result.

Figures: texts and real tokens by second, padding efficiency, share of the measured matrix peak, peak memory beyond what the
process had before its first turn, the largest difference of any vector's component to arm A's. The last line printed is one JSON
object with everything.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks.children import Child
from tests.benchmarks.console import add_shared, check_shared, command_of, look_at_machine, model_name, run_as_program, say
from tests.benchmarks.figures import check_same_work, last_line, orders, ratio_lines, ratios, summary, table
from tests.benchmarks.workloads import ENCODED, draw_texts

if TYPE_CHECKING:
    from train.encode.local import Encoder

BATCHES = (32, 64, 128, 256)
"""Batch sizes that arm B tries; on a GPU four times as large ones, too."""

LABELS = {
    "rows_per_second": "texts/s",
    "tokens_per_second": "real tokens/s",
    "padding_efficiency": "padding efficiency",
    "peak_share": "share of the matrix peak",
    "peak_memory_mb": "peak memory, MiB beyond the start",
    "difference_to_a": "largest difference to A",
}


@dataclass(frozen=True)
class EncodeSpec:
    """What one arm encodes; equal in all arms but for `arm`. `texts` are encoded in each turn; `attention` is for arm B."""

    arm: str
    workload: str
    model: str
    device: str
    texts: int
    seed: int
    attention: str | None


def encode_arm(spec: EncodeSpec, connection: Connection) -> None:
    """In a child: encode the texts of a round as the parent says `go`; answer figures and vectors. Round 0 is the warm-up."""
    from tests.benchmarks.counting import Cost, TokenCounter, digest, token_lengths
    from tests.benchmarks.machine import Memory
    from train.config.schema import ModelConfig
    from train.encode.open import open_model

    encoder = open_model(ModelConfig(name=spec.model, device=spec.device)).local
    tokenizer, limit = encoder.model.tokenizer, encoder.contract.max_tokens
    encode, options = chosen_encode(spec, encoder)
    encode(["one", "two"])  # what libraries load for it is no arm's own memory
    cost, memory, counter = Cost.of(encoder.model), None, TokenCounter(encoder.model)
    connection.send(("ready", options))
    while (message := connection.recv())[0] == "go":
        texts = texts_of(spec, tokenizer, message[1])
        counter.take()
        memory = memory or Memory(str(encoder.model.device))
        start = time.perf_counter()
        vectors = encode(texts)
        report = {"seconds": time.perf_counter() - start, "rows": len(texts), **memory.figures(), **counter.take()}
        lengths = token_lengths(encoder.model, texts, encoder.contract.prompt("symmetric"), limit)
        report |= {"tokens": sum(lengths), "flops": cost.forward(lengths), "rows_hash": digest(texts)}
        connection.send(("turn", (report, np.asarray(vectors, dtype=np.float32))))
    connection.send(("final", None))


def texts_of(spec: EncodeSpec, tokenizer: Any, number: int) -> list[str]:
    """The texts of one round; other ones in each."""
    rng = np.random.default_rng([spec.seed, number])
    return draw_texts(tokenizer, ENCODED[spec.workload].draw(rng, spec.texts), rng)


def chosen_encode(spec: EncodeSpec, encoder: Encoder) -> tuple[Callable[[list[str]], Any], dict[str, Any]]:
    """How an arm encodes, giving float32 vectors [N, D] in main memory, and what was chosen for it."""
    model = encoder.model
    if spec.arm == "D":
        return lambda texts: encoder.encode(texts, "symmetric").numpy(), {}
    if spec.arm == "A":
        return lambda texts: model.encode(texts, show_progress_bar=False), {"batch": 32}
    return best_encode(spec, encoder)


def best_encode(spec: EncodeSpec, encoder: Encoder) -> tuple[Callable[[list[str]], Any], dict[str, Any]]:
    """Arm B: precision, attention and batch size that are best here."""
    import torch
    from transformers.utils import is_flash_attn_2_available

    from tests.benchmarks.arms import set_attention
    from train.fit.precision import bf16_pays

    model, on_gpu = encoder.model, encoder.model.device.type == "cuda"
    bf16, why = bf16_pays(str(model.device))
    if bf16:
        model.to(torch.bfloat16)
    attention = spec.attention or ("flash_attention_2" if on_gpu and bf16 and is_flash_attn_2_available() else "sdpa")
    set_attention(model, attention)

    def encode(texts: list[str], batch: int) -> Any:
        found = model.encode(texts, batch_size=batch, show_progress_bar=False, convert_to_tensor=True)
        return found.float().cpu().numpy()

    sample = texts_of(replace(spec, texts=min(spec.texts, 256 if not on_gpu else 4096)), model.tokenizer, 0)
    seconds = {}
    for batch in BATCHES + tuple(4 * size for size in BATCHES[1:] if on_gpu):
        encode(sample[:batch], batch)
        start = time.perf_counter()
        encode(sample, batch)
        seconds[batch] = time.perf_counter() - start
    best = min(seconds, key=lambda batch: seconds[batch])
    options = {"bf16": why, "attention": attention, "batch": best}
    return lambda texts: encode(texts, best), options | {"seconds_by_batch": seconds}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.encode_speed", description=str(__doc__).splitlines()[0])
    parser.add_argument("--workload", choices=tuple(ENCODED), default="mixed")
    parser.add_argument("--texts", type=int, default=512, help="texts in a turn")
    add_shared(parser)
    return parser.parse_args(argv)


def take_turns(spec: EncodeSpec, arms: Sequence[str], asked: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Run the arms in turn; options, reports and the largest difference to A by arm."""
    with contextlib.ExitStack() as alive:
        children, options = {}, {}
        for arm in arms:
            say(f"arm {arm}: loading, one turn of warm-up")
            child = Child(f"arm {arm}", encode_arm, replace(spec, arm=arm), asked.threads, work / f"{arm}.log")
            children[arm] = alive.enter_context(child)
            options[arm] = child.receive()
            child.ask("go", 0)
        turns: dict[str, list[Any]] = {arm: [] for arm in arms}
        differences = dict.fromkeys(arms, 0.0)
        for number, order in enumerate(orders(arms, asked.rounds), start=1):
            vectors = {}
            for arm in order:
                report, vectors[arm] = children[arm].ask("go", number)
                turns[arm].append(report)
            for arm in arms:
                apart = float(np.abs(vectors[arm] - vectors["A"]).max()) if "A" in arms else float("nan")
                differences[arm] = max(differences[arm], apart)
            say(f"round {number} of {asked.rounds}: " + ", ".join(f"{arm} {turns[arm][-1]['seconds']:.2f} s" for arm in arms))
        for child in children.values():
            child.ask("stop")
    return {"options": options, "turns": turns, "differences": differences if "A" in arms else dict.fromkeys(arms)}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its result.

    Raises:
        BenchmarkError, ModelError: see `run_as_program`.
    """
    asked = parse(argv)
    arms = check_shared(asked, "texts")
    with tempfile.TemporaryDirectory(prefix="encode-speed-") as name:
        work = Path(name)
        spec = EncodeSpec("", asked.workload, model_name(asked, work), asked.device, asked.texts, asked.seed, asked.attention)
        machine = look_at_machine(spec.model, asked, work)
        found = take_turns(spec, arms, asked, work)
    figures = {
        arm: summary(found["turns"][arm], machine["peak_flops"])
        | {"difference_to_a": found["differences"][arm], "options": found["options"][arm]}
        for arm in arms
    }
    compared = ratios({arm: [one["seconds"] for one in found["turns"][arm]] for arm in arms})
    print(table(figures, LABELS))
    print(*ratio_lines(compared), sep="\n")
    head = {
        "benchmark": "encode_speed",
        "command": command_of("tests.benchmarks.encode_speed", argv),
        "machine": machine,
        "workload": {"name": asked.workload, "lengths": ENCODED[asked.workload].sentence()},
        "model": "random BERT-base" if asked.random_bert_base else asked.model,
        **{key: getattr(asked, key) for key in ("texts", "rounds", "seed")},
    }
    print(last_line(head | {"arms": figures, "ratios": compared, "same_tokens": check_same_work(found["turns"])}))


if __name__ == "__main__":
    run_as_program(main)
