"""Words by which errors of other libraries are recognised where neither a class nor a number says the same.

Whoever asks checks the class first. Each entry names the library and the version whose words it repeats;
`tests/data/test_foreign_errors.py` makes the library raise each that can be provoked on a CPU.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """What a library says in an error of a class that it also raises for something else.

    Attributes:
        library: whose words they are, with the version in which they were read.
        kind: class of the error.
        signs: parts of its text in lower case, of which any one is enough.
    """

    library: str
    kind: type[BaseException]
    signs: tuple[str, ...]

    def said_by(self, error: BaseException) -> bool:
        """Tell whether an error is of the class and says one of the signs."""
        text = str(error).lower()
        return isinstance(error, self.kind) and any(sign in text for sign in self.signs)


NO_MEMORY = (
    Words("torch 2.13, CPU allocator (the second sign on Windows)", RuntimeError, ("can't allocate memory", "not enough memory")),
    Words("torch 2.13, CUDA outside of its allocator", RuntimeError, ("cuda error: out of memory", "cublas_status_alloc_failed")),
    Words("torch 2.13, MPS allocator", RuntimeError, ("mps backend out of memory",)),
    Words("oneDNN 3 in torch 2.13", RuntimeError, ("could not create a primitive", "could not create a memory")),
    Words("C++ library, as torch 2.13 passes it on", RuntimeError, ("bad_alloc",)),
)
"""Memory ran out; `train.errors.is_out_of_memory` asks for the classes first. Of torch only CUDA's allocator has one."""

MEMORY_ASKED_FOR = re.compile(r"tried to allocate ([\d.]+) ?(bytes|[KMGT]i?B)", re.IGNORECASE)
"""How much an allocator of torch 2.13 was asked for when it failed: the CPU's counts in bytes, CUDA's in MiB or GiB."""

PEER_LOST = Words("gloo in torch 2.13", RuntimeError, ("gloo/transport/", "connectfullmesh failed"))
"""The connection to another process broke or was silent for too long: gloo names its source file, and has no class of its own."""

NCCL_MISUSED = Words("NCCL 2 in torch 2.13", RuntimeError, ("ncclinvalidusage", "ncclinvalidargument"))
"""Of a DistBackendError: NCCL refuses how it is used (two processes on one GPU, say); no process is lost. Needs GPUs."""

SHORT_WRITE = Words("archive writer of torch 2.13", RuntimeError, ("unexpected pos",))
"""Less was written than it had asked for: the disk is full."""

NO_SUCH_COLUMN = Words("SQLite 3.40", sqlite3.OperationalError, ("no such column",))
"""The table is another program's. Its number (SQLITE_ERROR) stands for every mistake in a statement."""

NO_GZIP = Words("gzip of Python 3.11", gzip.BadGzipFile, ("not a gzipped file",))
"""The file does not begin as gzip's do; the same class stands for damaged ones."""

EXTRA_DATA = Words("json of Python 3.11", json.JSONDecodeError, ("extra data",))
"""Something follows the first value of a JSON file: objects one after another."""

CSV_QUOTE_OPEN = Words("csv of Python 3.11", csv.Error, ("unexpected end of data",))
CSV_AFTER_QUOTE = Words("csv of Python 3.11", csv.Error, ("expected after",))
CSV_CARRIAGE_RETURN = Words("csv of Python 3.11", csv.Error, ("new-line",))
"""The csv module has one class for all that is wrong with a row."""

TOO_LONG = re.compile(r"\b(max|maximum|too long|too large|too many|exceeds?|longer than|less than|context length)\b")
TOO_LONG_OF = re.compile(r"token|batch size")
"""Both are found where a server of embeddings refuses a request as too long (HTTP 400 or 422), for which there is no common code.
The sentences that were read stand in `tests/support/api_server.py`."""
