"""Files that are not what their name says (a workbook called .csv, a web page in place of a download), by their first bytes."""

from __future__ import annotations

from data.errors import DataError

SHEET = "open it in a spreadsheet and save it as .xlsx, or the sheet as CSV (UTF-8)"
RENAME = "rename it so that it ends in .xlsx if it is a workbook"
UNPACK = "unpack it and give what is inside"
DOWNLOAD = "a download that failed leaves such a page: open it to see why, then download the data itself"

SIGNATURES = (
    (b"PK\x03\x04", "a ZIP archive, as .xlsx workbooks are", f"{RENAME}, or {UNPACK}"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file, or one with a password", SHEET),
    (b"\x1f\x8b", "a file compressed with gzip", "add .gz to its name (as in pairs.csv.gz), or unpack it: gunzip"),
    (b"BZh91AY&SY", "a file compressed with bzip2", f"{UNPACK}: bunzip2"),
    (b"\xfd7zXZ\x00", "a file compressed with xz", f"{UNPACK}: unxz"),
    (b"\x28\xb5\x2f\xfd", "a file compressed with Zstandard", f"{UNPACK}: unzstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"%PDF-", "a PDF document", "put the texts into a table: CSV, TSV, JSON, JSONL or Parquet"),
    (b"\x89PNG", "a picture (PNG)", "give the file that holds the texts"),
    (b"\xff\xd8\xff", "a picture (JPEG)", "give the file that holds the texts"),
    (b"SQLite format 3\x00", "an SQLite database", "export the table as CSV"),
    (b"PAR1\x15", "a Parquet file", "rename it, so that it ends in .parquet"),
    (b"ARROW1\x00\x00", "an Arrow file", "save it as Parquet, in a file that ends in .parquet"),
    (b"<!doctype html", "a web page", DOWNLOAD),
    (b"<html", "a web page", DOWNLOAD),
    (b"<?xml", "an XML file", "put the texts into a table: CSV, TSV, JSON, JSONL or Parquet"),
    (b"version https://git-lfs", "a Git LFS pointer (the data itself was not downloaded)", "run git lfs pull in that repository"),
)
"""First bytes (in lower case where they are text), what such a file is, and what to do with it."""

SUFFIXES = {
    **dict.fromkeys((".xls", ".xlsb", ".ods", ".numbers"), SHEET),
    **dict.fromkeys((".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz"), UNPACK),
    **dict.fromkeys((".txt", ".dat", ".tab"), "where it is a table, rename it: .csv for commas or semicolons, .tsv for tabs"),
    ".arrow": "save it as Parquet",
}
"""What to do with a file whose suffix says that it is no table that can be read here."""


def refuse_foreign(raw: bytes, where: str) -> None:
    """Raise `DataError` where the first bytes of a file are those of another kind of file."""
    start = raw[:32].lstrip(b"\xef\xbb\xbf \t\r\n")
    for signature, what, hint in SIGNATURES:
        if start.startswith(signature) or start.lower().startswith(signature):
            raise DataError(f"this is {what}, not a table of texts", where=where, hint=hint)
