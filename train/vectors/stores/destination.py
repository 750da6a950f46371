"""Where vectors go, as the user writes it: `qdrant:FOLDER/COLLECTION`, `qdrant:http://HOST:PORT/COLLECTION`, `faiss:FILE.faiss`.

Nothing heavy is imported here, so that mistakes are answered at once.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from data.storage import digest
from train.errors import ConfigError

Kind = Literal["qdrant", "faiss"]
FORMS = "write qdrant:FOLDER/COLLECTION, qdrant:http://HOST:PORT/COLLECTION or faiss:FILE.faiss"
NAME = re.compile(r'[^<>:"/\\|?*\x00-\x1f]{1,200}')
"""Names of collections: what Qdrant takes, with room for what is put behind the name while a collection is made."""
LIKE_ADDRESS = re.compile(r"//|https?:|[a-z]+://", re.IGNORECASE)
"""How an address begins, misspelt ones too, which would else be taken for folders."""
CLIENTS: dict[Kind, tuple[str, str]] = {"qdrant": ("qdrant_client", "qdrant-client"), "faiss": ("faiss", "faiss-cpu")}
"""Module and package of each store's client."""
TAKEN: dict[Kind, tuple[str, ...]] = {"qdrant": ("float32", "float16"), "faiss": ("float32", "float16", "ubinary")}
"""Precisions that a store compares as they are meant."""
WHY_NOT: dict[Kind, str] = {
    "qdrant": "Qdrant would compare the stored steps or bits as if they were the numbers; it makes small copies of its own"
    " of float32 (its settings scalar and binary quantization)",
    "faiss": "FAISS knows neither the range of each dimension nor this order of bits; bits are --precision ubinary",
}


@dataclass(frozen=True)
class Destination:
    """A collection of a store, or an index in a file.

    Attributes:
        kind: of the store.
        place: address or folder of a Qdrant, or the path of a FAISS file.
        collection: of a Qdrant; empty for FAISS.
    """

    kind: Kind
    place: str
    collection: str = ""

    def __str__(self) -> str:
        """Return what the user wrote; it never holds a key."""
        return f"{self.kind}:{self.place}" + (f"/{self.collection}" if self.collection else "")

    @property
    def is_server(self) -> bool:
        """Whether it is reached through the network."""
        return self.kind == "qdrant" and "://" in self.place

    def work_beside(self, output_dir: Path) -> Path:
        """Return the path beside which parts wait for their upload: a FAISS file itself, or one in the shared cache."""
        if self.kind == "faiss":
            return Path(self.place)
        place = self.place if self.is_server else str(Path(self.place).expanduser().resolve())
        return output_dir / ".cache" / "uploads" / f"{self.collection}-{digest(f'{place}/{self.collection}')[:12]}"

    def refuse_precision(self, precision: str) -> None:
        """Refuse vectors whose stored numbers the store would compare otherwise than they are meant.

        Raises:
            ConfigError: it would.
        """
        if precision not in TAKEN[self.kind]:
            raise ConfigError(
                f"--precision {precision} does not fit {self.kind}: {WHY_NOT[self.kind]}",
                hint=f"give --precision {' or '.join(TAKEN[self.kind])}",
            )

    def refuse_without_client(self) -> None:
        """Refuse before any work where the store's client is not installed.

        Raises:
            ConfigError: it is not.
        """
        module, package = CLIENTS[self.kind]
        if importlib.util.find_spec(module) is None:
            raise ConfigError(f"{self} needs the client {package}, which is not installed", hint=f"pip install {package}")


def is_destination(word: str) -> bool:
    """Tell whether a word of the command line begins as the name of a store does."""
    return word.startswith(tuple(f"{kind}:" for kind in CLIENTS))


def parse_destination(word: str, option: str = "--to") -> Destination:
    """Read where vectors go.

    Args:
        word: what the user wrote.
        option: with which, for messages.

    Raises:
        ConfigError: it is not of one of the forms.
    """
    kind, _, rest = word.partition(":")
    if kind == "faiss":
        if not rest.endswith(".faiss") or Path(rest).name == ".faiss":
            raise ConfigError(f"{option} {word}: a FAISS index is a file that ends in .faiss", hint=FORMS)
        return Destination("faiss", str(Path(rest).expanduser()))
    if kind == "qdrant":
        return _qdrant(word, rest, option)
    raise ConfigError(f"{option} {word}: no store of that name is known", hint=FORMS)


def _qdrant(word: str, rest: str, option: str) -> Destination:
    place, _, collection = rest.rpartition("/")
    if LIKE_ADDRESS.match(rest):
        try:
            parts: Sequence[str] = urlsplit(rest)
        except ValueError:
            raise ConfigError(f"{option} {word}: not the address of a Qdrant", hint=FORMS) from None
        if "@" in parts[1]:
            raise ConfigError(
                f"{option} qdrant:…: an address that holds a key would be printed and recorded",
                hint="leave it out, and put the key into the environment variable QDRANT_API_KEY",
            )
        if parts[0] not in ("http", "https") or not parts[1] or parts[3] or parts[4]:
            raise ConfigError(f"{option} {word}: not the address of a Qdrant", hint=FORMS)
        if "://" not in place or place.endswith("://"):
            raise ConfigError(f"{option} {word}: the name of the collection is missing", hint=FORMS)
    if not place or not NAME.fullmatch(collection) or collection in (".", ".."):
        raise ConfigError(f"{option} {word}: it does not name a collection in a Qdrant", hint=FORMS)
    return Destination("qdrant", place, collection)


def refuse_for_stores(**options: object) -> None:
    """Refuse options that have no meaning where a store searches by itself.

    Raises:
        ConfigError: one is given.
    """
    if options["min_similarity"] == "model":
        raise ConfigError("min_similarity model has no meaning for a store", hint="give the similarity as a number")
    for name, value in options.items():
        if value and name != "min_similarity":
            raise ConfigError(f"{name} has no meaning for a store, which searches by itself", hint="leave it out, or name a file")
