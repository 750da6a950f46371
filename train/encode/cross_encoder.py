"""A cross-encoder that judges pairs of texts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from data.errors import reason
from train.config.schema import ModelConfig
from train.encode.weights.locate import WeightsOrigin, locate
from train.errors import ModelError, NotFinite

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


PAIRS_AT_ONCE = 64
"""Texts in one forward pass of the cross-encoder."""


class CrossJudge:
    """A cross-encoder as what mining asks for: probabilities that a document belongs to a query. Loaded when first asked."""

    def __init__(self, name: str, device: str) -> None:
        self.device = device
        self.origin: WeightsOrigin = locate(ModelConfig(name=name))

    @cached_property
    def _model(self) -> CrossEncoder:
        from sentence_transformers import CrossEncoder

        try:
            model: CrossEncoder = CrossEncoder(str(self.origin.path), device=self.device)
        except Exception as error:  # a damaged file raises whatever the library that reads it raises
            raise ModelError(
                f"mining.cross_encoder: {self.origin.name} could not be loaded: {reason(error, most=300)}",
                hint="check that the folder is complete, or leave it out",
            ) from error
        if model.num_labels != 1:
            raise ModelError(
                f"mining.cross_encoder: {self.origin.name} gives {model.num_labels} labels, not one score",
                hint="name a cross-encoder for ranking, such as cross-encoder/ms-marco-MiniLM-L6-v2",
            )
        return model

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Return the probabilities [P], in 0..1.

        Raises:
            NotFinite: one of them is NaN.
        """
        import torch

        found = self._model.predict(
            list(pairs), batch_size=PAIRS_AT_ONCE, show_progress_bar=False, activation_fn=torch.nn.Sigmoid()
        )
        probabilities = np.asarray(found, dtype=np.float32)
        if wrong := int((~np.isfinite(probabilities)).sum()):
            raise NotFinite(
                f"mining.cross_encoder: {self.origin.name} gives scores that are not finite (NaN or infinity):"
                f" those of {wrong:,} of {len(pairs):,} pairs",
                hint="download or save the model again, or leave it out",
            )
        return probabilities
