"""A text is tokenised once in its life: for all epochs, for base, checkpoints and the tuned model, and for later runs.

What decides token ids is the tokenizer, the prompt and the maximum of tokens: together they are a *space*, a folder of its own
(see `eligibility`). In a space each text has a key, a digest of its bytes, and its ids lie in segments, files that
are mapped into memory (`segments`). The weights play no part, so a model and its tuned copies share their spaces.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from data.storage import digest
from train.encode.token_limit import limited_tokens
from train.encode.tokens.eligibility import identity, plain_tokens, why_not_stored
from train.encode.tokens.ragged import Tokens
from train.encode.tokens.segments import KEY_BYTES, ROOM, Segment, places, prune, read
from train.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

KEEP_BYTES = 4 << 30
"""Bytes on disk that stay when a store is opened."""
BLOCK_TEXTS, BLOCK_CHARACTERS = 1024, 1 << 21
"""Texts of similar length that are tokenised together; fewer where they are long."""
WINDOW_TEXTS, WINDOW_CHARACTERS = 1 << 16, 1 << 22
"""Texts that are in memory at a time and sorted by length."""
SEGMENT_TOKENS = 1 << 24
"""Tokens after which a segment is closed (64 MB)."""
SMALL_BYTES, MANY_SMALL = 1 << 20, 8
"""When more than so many segments of less than so many bytes have come together, they become one."""


@dataclass(frozen=True, eq=False)
class TokenRows:
    """The tokens of N texts, ready to be taken in any order. Goes to other processes cheaply: files are mapped, not copied.

    Attributes:
        segments: where the ids lie.
        which: [N] int32, the segment of each text.
        starts: [N] int32, where its ids begin there.
        counts: [N] int32, its number of tokens.
    """

    segments: tuple[Segment, ...]
    which: np.ndarray
    starts: np.ndarray
    counts: np.ndarray

    def __len__(self) -> int:
        """Return N, the number of texts."""
        return len(self.which)

    @property
    def lengths(self) -> Tensor:
        """[N] int64, tokens of each text."""
        return torch.from_numpy(self.counts.astype(np.int64))

    def take(self, indices: Sequence[int] | np.ndarray | Tensor) -> Tokens:
        """Return the tokens of some texts.

        Args:
            indices: [M] integers below N, in any order; one may come several times.

        Raises:
            IndexError: there is no such text.
        """
        rows = np.asarray(indices, dtype=np.int64)
        which, starts, lengths = self.which[rows], self.starts[rows], self.counts[rows].astype(np.int64)
        present = np.unique(which)
        if len(present) == 1:
            ids = self.segments[present[0]].ids[places(starts, lengths)].astype(np.int64)
            return Tokens(torch.from_numpy(ids), torch.from_numpy(lengths))
        ids = np.empty(lengths.sum(), dtype=np.int64)
        goals = np.cumsum(lengths) - lengths
        for number in present:
            mine = np.flatnonzero(which == number)
            source = self.segments[number].ids
            ids[places(goals[mine], lengths[mine])] = source[places(starts[mine], lengths[mine])]
        return Tokens(torch.from_numpy(ids), torch.from_numpy(lengths))


class TokenStore:
    """Tokens of all texts that a model was asked for, in memory or in a folder that outlives the run.

    Several processes may use one folder at the same time. What is damaged there is made again; a disk that takes no more is
    reported once, and the store continues in memory.

    Args:
        model: passes `why_not_stored`. Its tokenizer must not be changed while the store is in use.
        folder: where spaces lie (in its folder `tokens`); None keeps everything in memory.
        keep_bytes: of what lies there, the least recently used is deleted beyond this many bytes.
        warn: gets the sentence that says why nothing more is written; None for the log.

    Raises:
        ModelError: token ids cannot stand for the model's texts.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        folder: Path | None = None,
        keep_bytes: int = KEEP_BYTES,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        reason = why_not_stored(model)
        if reason is not None:
            raise ModelError(f"texts of this model cannot be stored as token ids: {reason}")
        self._model, self._folder = model, folder
        self._warn = warn or logging.getLogger(__name__).warning
        self._identity = identity(model)
        self._spaces: dict[tuple[str, int], _Space] = {}
        self._writes = folder is not None
        if folder is not None:
            prune(folder, keep_bytes)

    def rows(
        self, texts: Iterable[str], prompt: str = "", max_tokens: int = 512, progress: Callable[[int], None] | None = None
    ) -> TokenRows:
        """Return the tokens of texts, tokenising each that was not tokenised before.

        Args:
            texts: N texts; read once, in order, never all in memory.
            prompt: put before each text; "" for none.
            max_tokens: texts are cut there, special tokens included.
            progress: called with the number of texts done so far, after every block.

        Returns:
            Row i holds the ids that the model's own `preprocess` gives for text i, without padding.
        """
        space = self._space(prompt, max_tokens)
        parts, done, looked = [np.empty(0, dtype=f"S{KEY_BYTES}")], 0, False
        for window in _windows(texts):
            keys = _keys(window)
            parts.append(keys)
            missing = np.flatnonzero(space.find(keys) < 0)
            if len(missing) and not looked:
                space.look_for_more()  # another process may have written them by now
                looked, missing = True, np.flatnonzero(space.find(keys) < 0)
            absent, first = np.unique(keys[missing], return_index=True)
            done += len(window) - len(absent)
            if len(absent):
                self._tokenise(space, absent, [window[i] for i in missing[first]], prompt, max_tokens, done, progress)
                done += len(absent)
            elif progress is not None:
                progress(done)
        self._close_segment(space)
        return space.rows(np.concatenate(parts))

    def forget(self) -> None:
        """Let go of everything that is in memory; what lies in the folder stays."""
        self._spaces.clear()

    def _space(self, prompt: str, max_tokens: int) -> _Space:
        if (prompt, max_tokens) not in self._spaces:
            name = digest(json.dumps([self._identity, prompt, max_tokens]))
            folder = None if self._folder is None else self._folder / ROOM / name
            self._spaces[prompt, max_tokens] = _Space(folder)
        return self._spaces[prompt, max_tokens]

    def _tokenise(
        self,
        space: _Space,
        keys: np.ndarray,
        texts: Sequence[str],
        prompt: str,
        max_tokens: int,
        done: int,
        progress: Callable[[int], None] | None,
    ) -> None:
        """Tokenise the texts of some keys in blocks of similar length, and add them to the space."""
        blocks, order = [], []
        with limited_tokens(self._model, max_tokens):
            for block in _blocks(texts):
                tokens = plain_tokens(self._model, [texts[i] for i in block], prompt)
                blocks.append((tokens.ids.numpy().astype(np.int32), tokens.lengths.numpy()))
                order.extend(block)
                if progress is not None:
                    progress(done + len(order))
        ids, lengths = (np.concatenate(part) for part in zip(*blocks, strict=True))
        space.add([Segment.of(keys[order], ids, lengths)], fresh=True)
        if space.fresh_tokens() >= SEGMENT_TOKENS:
            self._close_segment(space)

    def _close_segment(self, space: _Space) -> None:
        """Make one segment of what was tokenised since the last one, and write it."""
        numbers = space.to_merge()
        if not numbers:
            return
        merged = Segment.merge([space.segments[number] for number in numbers])
        if self._writes and space.folder is not None:
            try:
                merged = merged.write(space.folder)
            except OSError as error:
                self._writes = False
                self._warn(f"tokenised texts are kept in memory only: {space.folder}: {error.strerror or error}")
        space.replace(numbers, merged)


class _Space:
    """The texts of one space and where their tokens lie.

    The index has 24 bytes a text: `keys` [M] ascending, each once; `where` [M, 2] int32, number of the segment and row in it.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.segments: dict[int, Segment] = {}
        self._fresh: list[int] = []  # numbers of segments that were never written, nor tried to
        self._count = 0
        self._seen: set[str] = set()
        self._keys = np.empty(0, dtype=f"S{KEY_BYTES}")
        self._where = np.empty((0, 2), dtype=np.int32)

    def look_for_more(self) -> None:
        """Map the files of the folder that were not seen before. Damaged ones are left to be written again."""
        if self.folder is None:
            return
        new = [path for path in sorted(self.folder.glob("*.arrow")) if path.name not in self._seen]
        self._seen.update(path.name for path in new)
        self.add([segment for path in new if (segment := read(path)) is not None])

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Return [N] int64, the position of each key in the index, −1 for one that is not there."""
        at = np.searchsorted(self._keys, keys)
        at[at == len(self._keys)] = -1
        if len(self._keys):
            at[self._keys[at] != keys] = -1
        return at

    def add(self, segments: Sequence[Segment], fresh: bool = False) -> None:
        """Put segments into the index; a text that is there already stays where it is."""
        if not segments:
            return
        numbers = list(range(self._count, self._count + len(segments)))
        self._count += len(segments)
        self.segments.update(zip(numbers, segments, strict=True))
        if fresh:
            self._fresh += numbers
        keys, first = np.unique(np.concatenate([one.keys for one in segments]), return_index=True)
        where = np.concatenate([_where(number, one) for number, one in zip(numbers, segments, strict=True)])
        new = self.find(keys) < 0
        at = np.searchsorted(self._keys, keys[new])
        self._keys = np.insert(self._keys, at, keys[new])
        self._where = np.insert(self._where, at, where[first[new]], axis=0)

    def fresh_tokens(self) -> int:
        """Return the number of tokens that were never written."""
        return sum(len(self.segments[number].ids) for number in self._fresh)

    def to_merge(self) -> list[int]:
        """Return the segments that should become one: the fresh ones, and the small ones if they have become many."""
        if not self._fresh:
            return []
        small = [number for number, one in self.segments.items() if number not in self._fresh and one.ids.nbytes < SMALL_BYTES]
        return self._fresh + (small if len(small) >= MANY_SMALL else [])

    def replace(self, numbers: Sequence[int], merged: Segment) -> None:
        """Put one segment instead of some whose texts it has, and delete their files."""
        number = self._count
        self._count += 1
        self._fresh = []
        self.segments[number] = merged
        if merged.path is not None:
            self._seen.add(merged.path.name)
        self._where[self.find(merged.keys)] = _where(number, merged)
        for old in numbers:
            segment = self.segments.pop(old)
            if merged.path is not None and segment.path != merged.path:
                segment.delete()

    def rows(self, keys: np.ndarray) -> TokenRows:
        """Return the rows of texts by their keys, all of which are in the index."""
        numbers, rows = self._where[self.find(keys)].T
        present = np.unique(numbers)
        starts, ends = np.empty((2, len(keys)), dtype=np.int32)
        for number in present:
            mine = numbers == number
            offsets = self.segments[number].offsets
            starts[mine], ends[mine] = offsets[rows[mine]], offsets[rows[mine] + 1]
            self.segments[number].touch()
        return TokenRows(
            tuple(self.segments[number] for number in present),
            np.searchsorted(present, numbers).astype(np.int32),
            starts,
            ends - starts,
        )


def _where(number: int, segment: Segment) -> np.ndarray:
    """Return [N, 2] int32: the number of a segment, and each of its rows."""
    where = np.full((len(segment), 2), number, dtype=np.int32)
    where[:, 1] = np.arange(len(segment))
    return where


def _keys(texts: Sequence[str]) -> np.ndarray:
    """Return the [N] keys of texts."""
    encoded = (text.encode("utf-8", "surrogatepass") for text in texts)
    together = b"".join([hashlib.blake2b(one, digest_size=KEY_BYTES).digest() for one in encoded])
    return np.frombuffer(together, dtype=f"S{KEY_BYTES}")


def _windows(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield texts in order, as many at a time as should be in memory together."""
    window: list[str] = []
    characters = 0
    for text in texts:
        window.append(text)
        characters += len(text)
        if len(window) == WINDOW_TEXTS or characters >= WINDOW_CHARACTERS:
            yield window
            window, characters = [], 0
    if window:
        yield window


def _blocks(texts: Sequence[str]) -> Iterator[list[int]]:
    """Yield the numbers of texts in ascending length, as many at a time as should be tokenised together."""
    block: list[int] = []
    for i in sorted(range(len(texts)), key=lambda i: len(texts[i])):
        if block and (len(block) == BLOCK_TEXTS or (len(block) + 1) * len(texts[i]) > BLOCK_CHARACTERS):
            yield block
            block = []
        block.append(i)
    if block:
        yield block
