"""Two processes of which one vanishes while the other waits for it; the other prints what it makes of the error, as JSON.

`python -m tests.support.lost_peer PORT HOW`, where HOW is `killed`, `silent` (it answers no more) or `store` (the one that keeps
the store is killed).
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import time
from datetime import timedelta

SECONDS = 3.0
"""How long the one waits for the other."""


def join(rank: int, port: str) -> None:
    """Meet the other process."""
    import torch.distributed as dist

    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    dist.init_process_group("gloo", rank=rank, world_size=2, timeout=timedelta(seconds=SECONDS))
    dist.barrier()


def vanish(rank: int, port: str, how: str) -> None:
    """Meet the other process and be lost to it."""
    join(rank, port)
    if how == "silent":
        time.sleep(3 * SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def wait_in_vain(how: str) -> None:
    """Ask for what the other process would have to give."""
    import torch
    import torch.distributed as dist

    while True:
        if how == "store":
            dist.distributed_c10d._get_default_store().set("a", "b")  # type: ignore[attr-defined]
        else:
            dist.all_reduce(torch.ones(1000))
        time.sleep(0.05)


def main(port: str, how: str) -> None:
    """Start the process that vanishes, and be the one that is left."""
    from train.distributed import peer_is_lost

    own = 1 if how == "store" else 0
    other = multiprocessing.get_context("spawn").Process(target=vanish, args=(1 - own, port, how), daemon=True)
    other.start()
    join(own, port)
    try:
        wait_in_vain(how)
    except Exception as error:
        print(json.dumps({"lost": peer_is_lost(error), "class": type(error).__name__, "text": str(error)}), flush=True)
    other.kill()
    os._exit(0)  # gloo's threads would complain about the connection on the way out


if __name__ == "__main__":
    main(*sys.argv[1:])
