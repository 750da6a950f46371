"""Several processes that compute one run: who this one is, and what they tell each other.

What is exchanged here (names, decisions, counts, vectors on the CPU) goes through a gloo group of its own, whatever the gradients
use: it needs no GPU, never makes one wait, and its time limit allows one process to read a large data set while the others wait.
With one process every function answers at once and torch is not asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from data.errors import EmbedTuneError
from data.foreign_errors import NCCL_MISUSED, PEER_LOST
from train.errors import ConfigError, Interrupted

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")

PATIENCE = timedelta(hours=6)
"""How long a process waits for the others; a process that ends is noticed at once, this is for one that works."""

_group: list[Any] = []


class PeerStopped(EmbedTuneError):
    """Another process of this run failed and says why; this one only ends."""

    exit_code = 1


def rank() -> int:
    """Return the number of this process among all, from 0."""
    return int(os.environ.get("RANK", "0"))


def world_size() -> int:
    """Return the number of processes that compute this run."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def on_one_machine() -> bool:
    """Tell whether all processes of this run are on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", world_size())) >= world_size()


def is_main() -> bool:
    """Tell whether this process speaks and writes (rank 0, or the only one)."""
    return rank() == 0


def join(device: str) -> None:
    """Meet the other processes; call once, before anything else here.

    Args:
        device: `model.device` of the config; `cpu` keeps the gradients' group off the GPUs.
    """
    if world_size() == 1 or _group:
        return
    import torch.distributed as dist
    from accelerate import PartialState

    PartialState(cpu=device == "cpu" or wants_cpu())
    _group.append(dist.new_group(backend="gloo", timeout=PATIENCE))


def leave() -> None:
    """Part from the other processes, at the end of a run that went well."""
    if _group:
        import torch.distributed as dist

        wait()
        _group.clear()
        dist.destroy_process_group()


def wants_cpu() -> bool:
    """Tell whether the launch configuration (`use_cpu`) keeps this run off the GPUs."""
    return os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes")


def weights_are_spread() -> bool:
    """Tell whether each process holds a part of the weights only (FSDP in the launch configuration).

    Raises:
        ConfigError: the launch configuration saves the parts only, of which no model could be exported.
    """
    if world_size() == 1 or os.environ.get("ACCELERATE_USE_FSDP", "").lower() != "true":
        return False
    if os.environ.get("FSDP_STATE_DICT_TYPE", "") != "FULL_STATE_DICT":
        raise ConfigError(
            "the launch configuration saves the weights in parts (fsdp_state_dict_type)",
            hint="set fsdp_state_dict_type: FULL_STATE_DICT, as configs/accelerate/fsdp.yaml does",
        )
    return True


def wait() -> None:
    """Wait until every process is here."""
    if world_size() > 1:
        import torch.distributed as dist

        dist.barrier(group=_group[0])


def share(value: T) -> T:
    """Return rank 0's value, on every rank."""
    return collect(value)[0]


def collect(value: T) -> list[T]:
    """Return the values of all ranks, by rank, on every rank."""
    if world_size() == 1:
        return [value]
    import torch.distributed as dist

    out: list[Any] = [None] * world_size()
    dist.all_gather_object(out, value, group=_group[0])
    return out


def totals(numbers: Sequence[float]) -> list[float]:
    """Add up the numbers of all ranks, place by place."""
    if world_size() == 1:
        return list(numbers)
    import torch
    import torch.distributed as dist

    sums = torch.tensor(numbers, dtype=torch.float64)
    dist.all_reduce(sums, group=_group[0])
    return sums.tolist()


def anyone(flag: bool) -> bool:
    """Tell whether the flag is set on any rank; the same answer everywhere."""
    return totals([float(flag)])[0] > 0


def gather_rows(rows: Tensor, counts: Sequence[int]) -> Tensor:
    """Return the rows of all ranks one below the other.

    Args:
        rows: [counts[rank], D] float32 on the CPU.
        counts: rows of each rank.

    Returns:
        [sum(counts), D].
    """
    if world_size() == 1:
        return rows
    import torch
    import torch.distributed as dist

    padded = torch.zeros(max(counts), rows.shape[1], dtype=rows.dtype)
    padded[: len(rows)] = rows
    parts = [torch.empty_like(padded) for _ in counts]
    dist.all_gather(parts, padded, group=_group[0])
    return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])


def copy_weights(state: Mapping[str, Tensor], model: Any) -> None:
    """Put rank 0's weights into the model of every rank; `state` may be empty on the others."""
    import torch
    import torch.distributed as dist

    with torch.no_grad():
        for name, weight in model.state_dict().items():
            value = (
                state[name].detach().to("cpu", weight.dtype).contiguous() if is_main() else torch.empty_like(weight, device="cpu")
            )
            dist.broadcast(value, src=0, group=_group[0])
            weight.copy_(value)


def on_main(work: Callable[[], T]) -> T:
    """Do some work on rank 0; the others wait and get the result.

    Raises:
        Whatever the work raises, on rank 0; PeerStopped on the others.
    """
    result: list[T] = []
    if is_main():
        try:
            result.append(work())
        except BaseException:
            share(None)
            raise
    shared = share(result if is_main() else None)
    if shared is None:
        raise PeerStopped("rank 0 stopped and says why")
    return shared[0]


def first_on_each_machine(work: Callable[[], T]) -> T:
    """Do some work in one process per machine first, so that the others find the files there; each gets a result of its own.

    Raises:
        Whatever the work raises, where it is raised; PeerStopped on the others.
    """
    if world_size() == 1:
        return work()
    first = os.environ.get("LOCAL_RANK", "0") == "0"
    result: list[T] = []
    error: BaseException | None = None
    for mine in (first, not first):
        if mine:
            try:
                result.append(work())
            except BaseException as raised:
                error = raised
        failed = collect(error is not None)
        if error is not None and (is_main() or not failed[0]):
            raise error
        if any(failed):
            raise PeerStopped("another process stopped and says why")
    return result[0]


def should_report(error: BaseException) -> bool:
    """Tell whether this process prints an error: rank 0 always, others only what rank 0 cannot know."""
    return is_main() or (bool(_group) and not isinstance(error, PeerStopped | Interrupted))


def prefix() -> str:
    """Return the words that name this process in a message; empty on rank 0."""
    return "" if is_main() else f"process {rank()} of {world_size()}: "


def peer_is_lost(error: BaseException) -> bool:
    """Tell whether an error says that another process can no longer be reached."""
    if world_size() == 1:
        return False
    import torch.distributed as dist

    if isinstance(error, dist.DistBackendError):
        return not NCCL_MISUSED.said_by(error)
    return isinstance(error, dist.DistNetworkError | dist.DistStoreError | ConnectionError) or PEER_LOST.said_by(error)
