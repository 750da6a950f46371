"""What surrounds every call of the API, so that the user's process stays as it was."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from train.console import Listener, heard_by, quietly
from train.errors import ConfigError, memory_in_words


@contextmanager
def session(progress: Listener | None) -> Iterator[None]:
    """Let `progress` hear what is said inside the block; give warnings and random numbers back to the user's code as they were.

    Raises:
        ConfigError: `progress` is nothing that can be called.
        OutOfMemory: memory ran out inside.
    """
    if progress is not None and not callable(progress):
        raise ConfigError(
            f"progress={progress!r} cannot be called", hint="give a function of one line, for example progress=print"
        )
    with memory_in_words(), heard_by(progress), quietly(), _random_numbers_kept():
        yield


@contextmanager
def _random_numbers_kept() -> Iterator[None]:
    """Restore the states of the random generators that a run seeds, and the number of torch's threads."""
    python, numpy = random.getstate(), np.random.get_state()
    torch = sys.modules.get("torch")
    state = None if torch is None else (torch.get_rng_state(), torch.get_num_threads())
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        if torch is not None and state is not None:
            torch.set_rng_state(state[0])
            torch.set_num_threads(state[1])  # which training.threads sets
