"""What looks like a mistake, works, and is said."""

from __future__ import annotations

import json

from tests.train.mistakes import PAIRS, Works, dry, objects, rows, table

SCORES = "sentence1,sentence2,score"
READ = ("question -> anchor", "answer -> positive", "rows: train 56, dev 8, test 16; documents: 80")
"""What is said of `pairs.csv` in any form."""

WORKS = {
    "byte-order mark": Works(dry("p.csv"), READ, {"p.csv": "\ufeff" + PAIRS}),
    "Windows line ends": Works(dry("p.csv"), READ, {"p.csv": PAIRS.replace("\n", "\r\n")}),
    "semicolons": Works(dry("p.csv"), [*READ, "columns are separated by semicolons"], {"p.csv": PAIRS.replace(",", ";")}),
    "tabs in a .csv": Works(dry("p.csv"), [*READ, "columns are separated by tabs"], {"p.csv": PAIRS.replace(",", "\t")}),
    "bars": Works(dry("p.csv"), [*READ, "columns are separated by bars"], {"p.csv": PAIRS.replace(",", "|")}),
    "commas in a .tsv": Works(dry("p.tsv"), [*READ, "columns are separated by commas"], {"p.tsv": PAIRS}),
    "a JSON object a line in a .json": Works(
        dry("p.json"),
        ["read as one JSON object a line"],
        {"p.json": objects(*({"query": f"q {i}", "document": f"d {i}"} for i in range(60)))},
    ),
    "million characters": Works(
        dry("p.csv"),
        ["a text of more than 100,000 characters, of which a model reads the beginning only: 1 (p.csv:82)"],
        {"p.csv": PAIRS + f"long one,{'word ' * 200_000}\n"},
    ),
    "home folder": Works(dry("~/pairs.csv"), READ, environment={"HOME": "."}),
    "swapped columns": Works(
        dry("p.csv"),
        ["warning: train: the query is 4 times as long as its document or longer: are the columns swapped?"],
        {"p.csv": rows("query,document", "the long text of document {i} " * 20 + ",what {i}?")},
    ),
    "ids for texts": Works(
        dry("p.csv"),
        ["warning: train: the text (positive) is a number: was a column of scores or ids taken for a text?"],
        {"p.csv": rows("query,document", "what is {i}?,{i}")},
    ),
    "scores for texts": Works(
        dry("p.csv"),
        ["warning: train: the text (sentence2) is a number: was a column of scores or ids taken for a text?"],
        {"p.csv": rows(SCORES, "a {i},0.{i},0.{i}")},
    ),
    "scores that hardly differ": Works(
        dry("p.csv"),
        ["warning: train: one and the same score: the others are too few to learn much from"],
        {
            "p.csv": table(
                SCORES + ",split",
                *(f"a {i},b {i},{0 if i == 7 else 1},train" for i in range(60)),
                *(f"c {i},d {i},{i % 2},{split}" for i, split in enumerate(["dev"] * 6 + ["test"] * 6)),
            )
        },
    ),
    "documents that quote their query": Works(
        dry("p.csv"),
        ["warning: train: the document holds its query word for word"],
        {"p.csv": rows("query,document", "the red thing {i},Somebody asked for the RED thing {i} today")},
    ),
    "the same rows in train and test": Works(
        dry("set"),
        ["warning: rows of test whose pair is also in train: 72", "train and test have 72 pairs in common"],
        {"set/train.csv": PAIRS, "set/test.csv": PAIRS},
    ),
    "queries that are their own answers": Works(
        dry("p.csv"),
        ["warning: train: anchor and positive are the same text: 42"],
        {"p.csv": rows("query,document", "a {i},a {i}")},
    ),
    "negatives that are the positive": Works(
        dry("p.csv"),
        ["warning: train: a negative equals the anchor or the positive: 42"],
        {"p.csv": rows("query,document,negative", "a {i},b {i},b {i}")},
    ),
    "bad rows that may go": Works(
        dry("p.csv", "data.bad_rows=drop"),
        ['bad rows that were left out: 1, for instance p.csv, line 82, column "question": the text is empty'],
        {"p.csv": PAIRS + ",no question\n"},
    ),
    "batch larger than the data": Works(
        dry("pairs.csv", "training.batch_size=5000"), ["pairs has only 56 training rows: one batch holds all of them"]
    ),
    "learning rate that YAML takes for a text": Works(
        ["train", "--dry-run", "--config", "c.yaml", "model.device=cpu"],
        ["learning rate 2e-05 (from your config)"],
        {"c.yaml": 'data: pairs.csv\ntraining:\n  learning_rate: "2e-5"\n'},
    ),
    "run name that YAML takes for a number": Works(dry("pairs.csv", "run_name=007"), ["run_name: '007'"]),
    "run name that YAML takes for a date": Works(
        ["train", "--dry-run", "--config", "c.yaml", "model.device=cpu"],
        ["run_name: '2024-01-31'"],
        {"c.yaml": "data: pairs.csv\nrun_name: 2024-01-31\n"},
    ),
    "section without settings": Works(
        ["train", "--dry-run", "--config", "c.yaml", "model.device=cpu"],
        READ,
        {"c.yaml": "data: pairs.csv\ntraining:\n  # epochs: 1\n"},
    ),
    "config in JSON": Works(
        ["train", "--dry-run", "--config", "c.json", "model.device=cpu"], READ, {"c.json": json.dumps({"data": "pairs.csv"})}
    ),
    "more tokens than the model reads": Works(
        dry("pairs.csv", "model.max_tokens=5000"), ["note: model.max_tokens=5000 is more than the model can read: 64 are used"]
    ),
    "page over a broken run": Works(
        ["report"],
        ["1 run: 1 damaged"],
        {"checkpoints/x/config.yaml": "data: [", "checkpoints/x/environment.json": "{", "checkpoints/x/report.json": "{"},
    ),
    "launcher that asks for bf16": Works(
        dry("pairs.csv"),
        ["bf16 autocast", "asked for by Accelerate's configuration"],
        environment={"ACCELERATE_MIXED_PRECISION": "bf16"},
    ),
    "launcher that was asked for two processes and started one": Works(
        dry("pairs.csv"),
        ["warning: several processes were asked for, but the launcher started one", "cpu_ranks.yaml", "this run goes on alone"],
        environment={"ACCELERATE_MIXED_PRECISION": "no", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"},
    ),
}
