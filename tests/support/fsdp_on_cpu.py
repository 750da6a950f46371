"""`train/run.py` with FSDP between processes on the CPU, which Accelerate itself offers on GPUs only.

Accelerate takes its gloo processes for GPU processes whose device is the CPU; everything else is the real thing. Started
in several processes with the variables of `configs/accelerate/fsdp.yaml`.
"""

from __future__ import annotations

import os
import sys
from typing import Any

os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"

import torch.distributed as dist
from accelerate import PartialState
from accelerate.utils import DistributedType


def _as_gpu(self: Any, *args: Any, **kwargs: Any) -> tuple[str, DistributedType]:
    return "gloo", DistributedType.MULTI_GPU


if __name__ == "__main__":
    PartialState._prepare_backend = _as_gpu
    dist.init_process_group("gloo")
    from train.cli.app import main

    main(["train", *sys.argv[1:]])
