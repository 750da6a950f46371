"""Who is told how much was just encoded: signs of life from long work, and a measure of its pace."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

LONGEST = 1024
"""Characters of a text that count: about 256 tokens of English."""

_listeners: list[tuple[int, Callable[[int], object]]] = []


@contextmanager
def paced_by(listener: Callable[[int], object]) -> Iterator[None]:
    """Let `listener` hear inside the block how many characters this thread has just encoded, each time."""
    heard = (threading.get_ident(), listener)
    _listeners.append(heard)
    try:
        yield
    finally:
        _listeners.remove(heard)


def encoded(texts: Iterable[str]) -> None:
    """Tell that texts were just encoded."""
    here = threading.get_ident()
    listeners = [listener for thread, listener in _listeners if thread == here]
    if listeners:
        characters = sum(min(len(text), LONGEST) for text in texts)
        for listener in listeners:
            listener(characters)
