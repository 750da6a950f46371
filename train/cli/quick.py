"""Commands that answer at once need their libraries sooner than those that work for minutes."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import what stands inside without looking for garbage meanwhile, and end the process without looking through it again.

    A million objects of the libraries live to the end. Looking for garbage among them took 0.6 s of the 5.1 s that importing
    sentence_transformers and ending the process take, and another look at the end 1.0 s (2 shared cores; `python -X importtime`).
    """
    was_on = gc.isenabled()
    gc.disable()
    atexit.register(gc.freeze)
    try:
        yield
    finally:
        if was_on:
            gc.enable()
