"""What looks like a mistake, works, and is said."""

from __future__ import annotations

import json
from typing import Any

from tests.support.mistakes import PAIRS, Works, dry, objects, rows, table

SCORES = "sentence1,sentence2,score"
READ = ("question -> anchor", "answer -> positive", "rows: train 44, dev 20, test 16; documents: 80")
"""What is said of `pairs.csv` in any form."""
CONFIG = ["train", "--dry-run", "--config", "c.yaml", "model.device=cpu"]


def said_of(**cases: tuple[str, str | bytes, str]) -> dict[str, Any]:
    """Make one dry run over several data sets, each a suffix, the content of the file, and what is said of it."""
    files = {f"{name}{suffix}": content for name, (suffix, content, _) in cases.items()}
    sources = json.dumps({"data": {"datasets": [{"source": file} for file in files]}})
    says = [f"{name}: {line}" for name, (_, _, line) in cases.items()]
    return {"words": CONFIG, "files": files | {"c.yaml": sources}, "says": says}


WORKS = {
    "tables in any spelling": Works(
        **said_of(
            bom=(".csv", "\ufeff" + PAIRS, READ[-1]),
            utf16=(".csv", PAIRS.encode("utf-16"), "utf16.csv: read as UTF-16"),
            windows=(".csv", PAIRS.replace("\n", "\r\n"), READ[-1]),
            semicolons=(".csv", PAIRS.replace(",", ";"), "semicolons.csv: columns are separated by semicolons"),
            tabs=(".csv", PAIRS.replace(",", "\t"), "tabs.csv: columns are separated by tabs"),
            bars=(".csv", PAIRS.replace(",", "|"), "bars.csv: columns are separated by bars"),
            commas=(".tsv", PAIRS, "commas.tsv: columns are separated by commas"),
            lines=(
                ".json",
                objects(*({"query": f"q {i}", "document": f"d {i}"} for i in range(60))),
                "lines.json: read as one JSON object per line",
            ),
        )
    ),
    "texts that stand elsewhere, and classes": Works(
        CONFIG,
        [
            "links: document: 60 ids of documents.csv, read from there",
            "named: doc: 60 names of files below pages/, read from there",
            "classes: read as texts with a class each: 3 classes in 'intent' ('c0', 'c1', 'c2'), 60 texts",
            "flat: judged queries over a corpus",
            "flat: qrels.tsv: read as TREC's judgements",
        ],
        {
            "links.csv": rows("query,document", "what is red {i}?,d{i}"),
            "documents.csv": rows("id,text", "d{i},the long story of red {i}"),
            "named.csv": rows("query,doc", "where is blue {i}?,b{i}.md"),
            **{f"pages/b{i}.md": f"# Blue {i}\n\nIt is in room {i}.\n" for i in range(60)},
            "classes.csv": table("utterance,intent", *(f"please do {i} of it,c{i % 3}" for i in range(60))),
            "flat/corpus.csv": rows("id,text", "d{i},the story of green {i}"),
            "flat/queries.csv": rows("id,text", "q{i},what is green {i}?"),
            "flat/qrels.tsv": table(*(f"q{i} 0 d{i} 1" for i in range(60))),
            "c.yaml": "data: {datasets: [{source: links.csv}, {source: named.csv}, {source: classes.csv}, {source: flat}]}",
        },
    ),
    "rows that are seldom meant so": Works(
        **said_of(
            swapped=(
                ".csv",
                rows("query,document", "the long text of document {i} " * 20 + ",what {i}?"),
                "warning: train: the query is at least 4 times as long as its document: are the columns swapped? Rows: 33",
            ),
            ids=(
                ".csv",
                rows("query,document", "what is {i}?,{i}"),
                "warning: train: the text (positive) is a number: was a column of scores or ids taken for a text?",
            ),
            scores=(
                ".csv",
                rows(SCORES, "a {i},0.{i},0.{i}"),
                "warning: train: the text (sentence2) is a number: was a column of scores or ids taken for a text?",
            ),
            constant=(
                ".csv",
                table(
                    SCORES + ",split",
                    *(f"m {i},n {i},{0 if i == 7 else 1},train" for i in range(60)),
                    *(f"c {i},d {i},{i % 2},{split}" for i, split in enumerate(["dev"] * 6 + ["test"] * 6)),
                ),
                "warning: train: nearly all scores are the same: too few differ to learn much from; rows with that score: 59",
            ),
            quoting=(
                ".csv",
                rows("query,document", "the red thing {i},Somebody asked for the RED thing {i} today"),
                "warning: train: the document contains its query word for word: a plain word search would find it",
            ),
            echoes=(".csv", rows("query,document", "e {i},e {i}"), "warning: train: anchor and positive are the same text: 33"),
            negatives=(
                ".csv",
                rows("query,document,negative", "a {i},b {i},b {i}"),
                "warning: train: a negative equals the anchor or the positive: 33",
            ),
            endless=(
                ".csv",
                PAIRS + f"long one,{'word ' * 200_000}\n",
                "warning: test: a text of more than 100,000 characters, of which a model reads only the beginning: 1",
            ),
        )
    ),
    "the same rows in train and test, which are to be kept": Works(
        dry("set", "data.leaks=keep"),
        ["warning: rows of train whose pair is also in test: 60 (100%)", "train and test have 60 pairs in common"],
        {"set/train.csv": PAIRS, "set/test.csv": PAIRS},
    ),
    "some rows of test in train": Works(
        dry("set"),
        ["5 of 80 rows are taken out of train", "warning: rows of train whose pair is also in test: 5 (6.2%), dropped"],
        {
            "set/train.csv": PAIRS,
            "set/dev.csv": rows("question,answer", "some other {i}?,and its answer {i}"),
            "set/test.csv": rows("question,answer", "which red thing is number {i}?,the blue car that is {i}", 5),
        },
    ),
    "bad rows that may go, in the home folder": Works(
        dry("~/p.csv", "data.bad_rows=drop"),
        ['bad rows that were left out: 1, for instance p.csv, line 82, column "question": the text is empty'],
        {"p.csv": PAIRS + ",no question\n"},
        environment={"HOME": "."},
    ),
    "settings that are more than the data or the model has": Works(
        dry("pairs.csv", "training.batch_size=5000", "training.max_tokens=500"),
        [
            "pairs has only 44 training rows: one batch holds all of them",
            "note: training.max_tokens=500 is more than the 64 tokens that the model's settings allow: 500 are read",
        ],
    ),
    "values that YAML takes for something else": Works(
        CONFIG,
        ["learning rate 2e-05 (as set)", "run_name: '2024-01-31'", *READ],
        {"c.yaml": 'data: pairs.csv\nrun_name: 2024-01-31\ntraining:\n  learning_rate: "2e-5"\nevaluation:\n  # nothing yet\n'},
    ),
    "run name that YAML takes for a number": Works(dry("pairs.csv", "run_name=007"), ["run_name: '007'"]),
    "config in JSON": Works(
        ["train", "--dry-run", "--config", "c.json", "model.device=cpu"], READ, {"c.json": json.dumps({"data": "pairs.csv"})}
    ),
    "page over a broken run": Works(
        ["report"],
        ["1 run: 1 damaged"],
        {"checkpoints/x/config.yaml": "data: [", "checkpoints/x/environment.json": "{", "checkpoints/x/report.json": "{"},
    ),
    "launcher that asks for bf16": Works(
        dry("pairs.csv"),
        ["bf16 autocast", "as requested by Accelerate's configuration"],
        environment={"ACCELERATE_MIXED_PRECISION": "bf16"},
    ),
    "launcher that was asked for two processes and started one": Works(
        dry("pairs.csv"),
        [
            "warning: several processes were requested, but the launcher started one",
            "cpu_ranks.yaml",
            "this run continues with one process",
        ],
        environment={"ACCELERATE_MIXED_PRECISION": "no", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"},
    ),
}
