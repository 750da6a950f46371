"""What a measured time depends on besides model and texts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.metadata import version

from train.encode.protocol import TextEncoder
from train.machine import processor


@dataclass(frozen=True)
class Machine:
    """Where a model was measured.

    Attributes:
        device: cpu, cuda, mps, or api.
        name: of the GPU or the processor; "network" for a model behind an API.
        cores: that the system has.
        threads: that torch computes with; 0 where it does not compute.
        torch: its version.
    """

    device: str
    name: str
    cores: int
    threads: int
    torch: str

    @classmethod
    def here(cls, encoder: TextEncoder) -> Machine:
        """Describe this machine, as a model uses it."""
        import torch

        model = getattr(encoder, "model", None)
        cores, release = os.cpu_count() or 1, version("torch")
        if model is None:
            return cls("api", "network", cores, 0, release)
        kind = model.device.type
        name = torch.cuda.get_device_name(model.device) if kind == "cuda" else processor()
        return cls(kind, name, cores, torch.get_num_threads(), release)

    def sentence(self) -> str:
        """Describe it in a sentence."""
        if self.device == "api":
            return "over the network from this machine"
        threads = f", {self.threads} thread{'s' * (self.threads != 1)}" if self.device == "cpu" else ""
        return f"{self.name}{threads}"
