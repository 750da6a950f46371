"""The one way to open a model: open weights or an exported graph on this machine, or a model behind an API."""

from __future__ import annotations

from pathlib import Path

from train.config.schema import ModelConfig
from train.encode.exported.record import holds_export
from train.encode.protocol import OpenedModel
from train.encode.weights.names import folder_of
from train.errors import ModelError


def open_model(config: ModelConfig, *, batch_size: int = 64, tokens: Path | None = None) -> OpenedModel:
    """Open a model, by the API that `config.api` names, from an exported graph or from its weights; only the last has `local`.

    Args:
        config: which model.
        batch_size: see `Encoder`.
        tokens: folder for token ids that outlive the process; None keeps them in memory.

    Raises:
        ModelError: unknown model, broken folder, a missing key or client, or a device that is not there.
    """
    if config.api is not None:
        from train.encode.api.encoder import open_api_model

        return open_api_model(config)
    if config.base_url is not None:
        raise ModelError(
            f"model.base_url is for models behind an API, but {config.name} is not one", hint="set model.api, or leave it out"
        )
    if (folder := folder_of(config.name)) is not None and holds_export(folder):
        from train.encode.exported.open import open_exported

        return open_exported(folder, config, batch_size=batch_size)
    from train.encode.local import load_encoder

    encoder, origin, notes = load_encoder(config, batch_size, tokens)
    return OpenedModel(encoder, origin, notes)
