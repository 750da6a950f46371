"""Mistakes with files and folders: not there, something else than they seem, broken, empty, without the right columns."""

from __future__ import annotations

import json

from tests.support.mistakes import PAIRS, SCORED, Mistake, data, objects, pairs, table

GOOD = {"query": "a", "document": "b"}

FILES = {
    "missing file": Mistake(data("pears.csv"), "no such file or folder", "pears.csv", "did you mean 'pairs.csv'"),
    "missing folder": Mistake(
        data("dta/pairs.csv"), "no such folder: dta", "dta/pairs.csv", "did you mean 'data'", {"data/pairs.csv": PAIRS}
    ),
    "folder left out": Mistake(data("set/pairs.csv"), "no such folder: set", "set/pairs.csv", "did you mean 'pairs.csv'"),
    "Windows path": Mistake(data(r"C:\Users\me\p.csv"), "a Windows path", r"C:\Users\me\p.csv", "/mnt/c/Users/me/p.csv"),
    "home folder": Mistake(
        data("~/no-such-file.csv"),
        "no such folder: /nobody/home",
        "/nobody/home/no-such-file.csv",
        "correct the path",
        environment={"HOME": "/nobody/home"},
    ),
    "glob without a match": Mistake(data("*.parquet"), "no file matches the pattern", "*.parquet", "quote the pattern"),
    "Hub id without a network": Mistake(
        data("owner/name"),
        "no such file or folder here",
        "owner/name",
        "unset HF_HUB_OFFLINE, or download",
        environment={"HF_HUB_OFFLINE": "1"},
    ),
    "setting for the Hub on a file": Mistake(
        pairs("data.hub_config=en"), "hub_config has no meaning", "pairs.csv", "remove hub_config"
    ),
    "empty file": Mistake(data("empty.csv"), "the file is empty", "empty.csv", "a header line and rows", {"empty.csv": ""}),
    "header alone": Mistake(data("h.csv"), "no rows", "h.csv", "add rows below it", {"h.csv": "query,document\n"}),
    "one row": Mistake(
        data("one.csv"),
        "1 query in 1 row: too few to split off dev and test",
        "one.csv",
        "or give dev and test of your own",
        {"one.csv": "query,document\na,b\n"},
    ),
    "three rows": Mistake(
        data("three.csv"),
        "one training row, and two are needed",
        "three.csv",
        "add rows to train on",
        {"three.csv": table("query,document", "a,b", "c,d", "e,f")},
    ),
    "Latin-1": Mistake(
        data("latin.csv"),
        "not UTF-8: byte 0xe9 at position 26",
        "latin.csv, line 3",
        "iconv -f WINDOWS-1252 -t UTF-8",
        {"latin.csv": "query,document\nok,fine\ncafé,x\n".encode("latin-1")},
    ),
    "UTF-16 that is cut": Mistake(
        data("u.csv"),
        "not UTF-16: truncated data",
        "u.csv, line",
        "save the file as UTF-8",
        {"u.csv": PAIRS.encode("utf-16")[:-1]},
    ),
    "NUL byte": Mistake(
        data("nul.csv"),
        "a NUL byte, at position 20",
        "nul.csv, line 3",
        r"tr -d '\000'",
        {"nul.csv": "query,document\na,b\nc\0,d\n"},
    ),
    "Macintosh line ends": Mistake(
        data("cr.csv"),
        "there is a carriage return in the line",
        "cr.csv, line 1",
        r"tr '\r' '\n'",
        {"cr.csv": PAIRS.replace("\n", "\r")},
    ),
    "too many cells": Mistake(
        data("more.csv"),
        "3 cells, but the header has 2 columns",
        "more.csv, line 3",
        "a comma in double quotes",
        {"more.csv": table("query,document", "a,b", "c,d,e")},
    ),
    "too few cells": Mistake(
        data("less.csv"),
        "1 cell, but the header has 2 columns",
        "less.csv, line 3",
        "complete the row",
        {"less.csv": table("query,document", "a,b", "c")},
    ),
    "quote that is never closed": Mistake(
        data("quote.csv"),
        "a quote opens in this row and is never closed",
        "quote.csv, line 3",
        "close the quote",
        {"quote.csv": table("query,document", "a,b", '"c,d', "e,f", "g,h")},
    ),
    "quote inside of quotes": Mistake(
        data("quote.csv"),
        "a quoted cell continues after its closing quote",
        "quote.csv, line 2",
        'doubled ("")',
        {"quote.csv": table("query,document", '"say "hello"",b', "c,d")},
    ),
    "no header": Mistake(
        data("bare.csv"),
        "the column names do not say",
        "bare.csv",
        "add a first line with the names of the columns",
        {"bare.csv": PAIRS.partition("\n")[2]},
    ),
    "column named twice": Mistake(
        data("twice.csv"), "the header names 'query' twice", "twice.csv", "its own name", {"twice.csv": "query,query\na,b\n"}
    ),
    "column without a name": Mistake(
        data("bare.csv"),
        "'query' looks like the anchor, but nothing like the positive",
        "bare.csv",
        "give column 2 a name",
        {"bare.csv": "query,\na,b\n"},
    ),
    "columns of unknown names": Mistake(
        data("foo.csv"),
        "the column names do not say which texts belong together. Columns found: 'foo', 'bar'",
        "foo.csv",
        "data.columns.anchor=NAME data.columns.positive=NAME",
        {"foo.csv": "foo,bar\n1,2\n"},
    ),
    "unknown separator": Mistake(
        data("sep.csv"),
        "Columns found: 'query:document'",
        "sep.csv",
        "separate the columns with commas, semicolons, tabs or bars",
        {"sep.csv": "query:document\na:b\n"},
    ),
    "misspelt column": Mistake(
        pairs("data.columns.anchor=qestion"),
        "a column 'qestion' that does not exist; did you mean 'question'",
        "pairs.csv",
        "correct columns.anchor",
    ),
    "workbook named .csv": Mistake(
        data("book.csv"),
        "a ZIP archive, as .xlsx workbooks are",
        "book.csv",
        "rename it so that it ends in .xlsx",
        {"book.csv": b"PK\x03\x04\x14\0"},
    ),
    "old workbook": Mistake(
        data("book.xls"), "unknown kind of file '.xls'", "book.xls", "save it as .xlsx", {"book.xls": b"\xd0\xcf\x11\xe0"}
    ),
    "PDF named .csv": Mistake(
        data("p.csv"), "a PDF document", "p.csv", "put the texts into a table", {"p.csv": b"%PDF-1.7\n%\xe2\n"}
    ),
    "compressed": Mistake(data("p.csv"), "compressed with gzip", "p.csv", "gunzip", {"p.csv": b"\x1f\x8b\x08\0\0\0"}),
    "web page in place of a download": Mistake(
        data("p.csv"), "a web page", "p.csv", "open it to see why", {"p.csv": "<!DOCTYPE html>\n<html>Not found</html>\n"}
    ),
    "Git LFS pointer": Mistake(
        data("p.jsonl"),
        "the data itself was not downloaded",
        "p.jsonl",
        "git lfs pull",
        {"p.jsonl": "version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 12\n"},
    ),
    "broken Parquet": Mistake(
        data("p.parquet"), "not a readable Parquet file", "p.parquet", "write the file again", {"p.parquet": "PAR1"}
    ),
    "JSON that is one object": Mistake(
        data("p.json"),
        "neither an array of objects",
        "p.json",
        'write [{"query": "...", "document": "..."}',
        {"p.json": json.dumps(GOOD)},
    ),
    "broken JSON line": Mistake(
        data("p.jsonl"),
        "broken JSON",
        "p.jsonl, line 2, character 16",
        "correct or remove the line",
        {"p.jsonl": objects(GOOD) + '{"query": "a", \n'},
    ),
    "JSON line that is a list": Mistake(
        data("p.jsonl"),
        "a JSON list where an object was expected",
        "p.jsonl, line 2",
        "write the row as the others are",
        {"p.jsonl": objects(GOOD, ["a", "b"])},
    ),
    "folder without data": Mistake(
        data("notes"),
        "no data files in the folder (found: readme.md)",
        "notes",
        "put train, dev and test files there",
        {"notes/readme.md": "x"},
    ),
    "folder above the data": Mistake(
        data("set"),
        "no data files in the folder (found: v1/)",
        "set",
        "name the folder that holds the files: set/v1",
        {"set/v1/train.csv": PAIRS},
    ),
    "two files for dev": Mistake(
        data("set"),
        "several files for dev: dev.csv, validation.csv",
        "set",
        "keep one of them",
        {f"set/{name}.csv": PAIRS for name in ("train", "dev", "validation")},
    ),
    "pairs for training, scores for the test": Mistake(
        data("set"),
        "no column 'question', which train.csv has",
        "set/test.csv",
        "the same columns",
        {"set/train.csv": PAIRS, "set/test.csv": SCORED},
    ),
    "test rows alone": Mistake(
        data("set"), "no training rows (it has test 80)", "set", "embed-tune evaluate MODEL --data set", {"set/test.csv": PAIRS}
    ),
}
