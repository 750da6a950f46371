"""What embedding gave: a file of vectors, or vectors in memory, and what it took."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train.console import notebook_view
from train.errors import RunError
from train.vectors.files import VectorFile, VectorInfo, open_vectors
from train.vectors.quantization import bytes_per_vector
from train.wording import duration

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class EmbedResult:
    """Vectors of texts, in a file or in memory.

    Attributes:
        info: what they are: model, role, precision, dimensions, number.
        file: where they are; None for vectors in memory.
        vectors: those in memory; None for a file.
        seconds: that it took.
        kept: texts that an earlier attempt had embedded.
        skipped: rows without a text that were left out.
        cut: texts that reach `max_tokens`, so that what is longer was cut; counted among those embedded now.
        clipped: values outside the ranges of int8 or uint8 that were put to their ends.
        max_tokens: that the model reads.
        from_cache: vectors that came from the cache.
        cached: what the cache saved, in words; None where it saved nothing.
        store: the store that they went to; None for a file and for memory.
        stored: vectors that the store then holds, older ones among them.
    """

    info: VectorInfo
    file: Path | None = None
    vectors: VectorFile | None = None
    seconds: float = 0.0
    kept: int = 0
    skipped: int = 0
    cut: int = 0
    clipped: int = 0
    max_tokens: int = 0
    from_cache: int = 0
    cached: str | None = None
    store: str | None = None
    stored: int = 0

    def open(self) -> VectorFile:
        """Return the vectors with their ids and texts: those in memory, or the file, opened.

        Raises:
            DataError: the file was removed or damaged meanwhile.
            RunError: they are in a store.
        """
        if self.vectors is not None:
            return self.vectors
        if self.store is not None:
            raise RunError(f"the vectors are in {self.store}, not in a file", hint="read them through the store's own client")
        if self.file is None:
            raise ValueError("a result has vectors in a file, in a store or in memory")
        return open_vectors(self.file)

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` prints; vectors in memory stand beside their texts."""
        info = self.info
        if self.vectors is not None:
            texts = [] if self.vectors.texts is None else self.vectors.texts.to_pylist()
            return {
                "model": info.label,
                "role": info.role,
                "precision": info.precision,
                "dimensions": info.dimensions,
                "vectors": [
                    {"text": text, "vector": vector} for text, vector in zip(texts, self.vectors.stored.tolist(), strict=True)
                ],
            }
        return {
            "file": None if self.file is None else str(self.file),
            **({} if self.store is None else {"store": self.store, "stored": self.stored}),
            "rows": info.rows,
            "precision": info.precision,
            "dimensions": info.dimensions,
            "bytes": info.bytes,
            "seconds": round(self.seconds, 3),
            "rows_kept": self.kept,
            "rows_skipped": self.skipped,
            "texts_cut": self.cut,
            "values_clipped": self.clipped,
            "vectors_from_cache": self.from_cache,
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return a row a vector: id, text where it is known, and the stored vector."""
        import pandas as pd

        found = self.open()
        texts = {} if found.texts is None else {"text": found.texts.to_pylist()}
        return pd.DataFrame({"id": found.ids.to_pylist(), **texts, "vector": list(found.stored)})

    def __str__(self) -> str:
        """Return what was made, and what the user should know about it."""
        info, made = self.info, self.info.rows - self.kept
        whole = info.rows * bytes_per_vector("float32", info.dimensions)
        share = "" if info.bytes == whole else f", {whole / info.bytes:.3g} times smaller than float32"
        rate = f", {made / self.seconds:,.0f} texts/s" if made and self.seconds else ""
        lines = [
            f"{info.rows:,} vectors of {info.dimensions} dimensions, {info.precision}: {info.bytes:,} bytes{share}",
            f"  took {duration(self.seconds)}{rate}",
        ]
        if self.store is not None:
            lines.append(f"  {self.store} holds {self.stored:,} vectors")
        if self.cut:
            lines.append(
                f"  {self.cut:,} texts reach the {self.max_tokens:,} tokens that the model reads; what is longer was cut"
            )
        if self.clipped:
            part = self.clipped / max(1, made * info.dimensions)
            lines.append(
                f"  {self.clipped:,} values ({part:.2%}) lie outside the ranges of the first part and were put to their ends"
            )
        return "\n".join([*lines, *([f"  {self.cached}"] if self.cached else [])])

    def _repr_html_(self) -> str:
        return notebook_view(str(self) if self.file is None else f"{self}\n  {self.file}")
