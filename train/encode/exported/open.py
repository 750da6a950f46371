"""Open an exported folder as a model that encodes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from train.config.schema import ModelConfig
from train.encode.exported.encoder import ExportedEncoder
from train.encode.exported.record import TOKENIZER, ExportRecord, read_record
from train.encode.exported.runtime import open_runtime
from train.encode.protocol import OpenedModel
from train.encode.weights.locate import locate
from train.errors import ModelError

FIXED = ("max_tokens", "pooling", "dimensions")
"""Settings that were decided when the graph was made."""

PROMPTS = ("query_prompt", "document_prompt")
"""Settings of what is put before a text, which the graph has no part in."""


def open_exported(folder: Path, config: ModelConfig, *, batch_size: int = 64) -> OpenedModel:
    """Open an export.

    Args:
        folder: holds export.json.
        config: which model; only its name, and prompts, may differ from what was exported.
        batch_size: texts in one run of the graph.

    Raises:
        ModelError: the folder is not complete, its runtime is not installed, or a setting asks for something else than what was
            exported.
    """
    record = read_record(folder)
    _refuse_settings(record, config)
    runtime = open_runtime(record.kind, folder / record.graph)
    prompts = {name: value for name in PROMPTS if (value := getattr(config, name)) is not None}
    contract = replace(record.contract, **prompts, prompts_from="your config") if prompts else record.contract
    encoder = ExportedEncoder(contract, record, folder, _tokenizer(folder), runtime, config.name, batch_size)
    notes = [] if config.device in ("auto", "cpu") else [f"exports run on the CPU: model.device={config.device} is not used"]
    return OpenedModel(encoder, locate(config), notes + _other_processor(record, runtime.identity.get("products")))


def _other_processor(record: ExportRecord, products: str | None) -> list[str]:
    """Return what is to be known where this processor adds products of int8 otherwise than that on which it was judged."""
    judged = record.settings.get("products")
    if products is None or judged is None or products == judged:
        return []
    return [
        f"this export was compared with its original on a processor whose sums of 8-bit products are {judged}; here they are "
        f"{products}, which may move its vectors: embed-tune verify tells how far, and exported here it is judged here"
    ]


def _tokenizer(folder: Path) -> Any:
    """Return the tokenizer without padding: only texts of one length share a batch."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_padding()
    return tokenizer


def _refuse_settings(record: ExportRecord, config: ModelConfig) -> None:
    """Refuse settings that a graph cannot follow any more."""
    own = record.contract
    for name in FIXED:
        asked = getattr(config, name)
        given = str(asked) if name == "pooling" and asked is not None else asked
        if given is not None and given != getattr(own, name):
            raise ModelError(
                f"model.{name}={asked} is not what {config.name} was exported with: {getattr(own, name)!r}",
                hint=f"leave it out, or export the original with model.{name}={asked}",
            )
