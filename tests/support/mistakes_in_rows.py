"""Mistakes in rows: texts that are none, scores that say nothing, queries and documents that do not fit together."""

from __future__ import annotations

from tests.support.mistakes import Mistake, beir, data, objects, pairs, rows, table

SCORES = "sentence1,sentence2,score"
GOOD = {"query": "a", "document": "b"}

ROWS = {
    "ids for documents": Mistake(
        data("faq.csv"),
        "the text (positive) is an id (a running number) rather than the text that it stands for",
        "faq.csv:",
        "data.literal=true",
        {"faq.csv": rows("query,document", "how do I mend part {i},doc_{i}")},
    ),
    "nested value": Mistake(
        data("p.jsonl"),
        "the cell holds an object, not a text; its keys are 'url'",
        'p.jsonl, line 1, column "document", item 1',
        "name a column that holds the text itself",
        {"p.jsonl": objects({"query": "a", "document": [{"url": "b"}]})},
    ),
    "number for a text": Mistake(
        data("p.jsonl"),
        "the value 7 is of type int, not a text",
        'p.jsonl, line 1, column "document"',
        "write it in quotes",
        {"p.jsonl": objects({"query": "a", "document": 7})},
    ),
    "key that a row lacks": Mistake(
        data("p.jsonl"),
        "the text is missing",
        'p.jsonl, line 2, column "document"',
        "data.bad_rows=drop",
        {"p.jsonl": objects(GOOD, {"query": "c"})},
    ),
    "two kinds of names in one file": Mistake(
        data("p.jsonl"),
        "2 columns could be the anchor: 'query', 'question'",
        "p.jsonl",
        "data.columns.anchor=NAME",
        {"p.jsonl": objects(GOOD, {"question": "a", "answer": "b"})},
    ),
    "empty text": Mistake(
        data("p.csv"),
        "the text is empty",
        'p.csv, line 3, column "document"',
        "data.bad_rows=drop",
        {"p.csv": "query,document\na,b\nc, \n"},
    ),
    "invisible text": Mistake(
        data("p.csv"),
        "it holds invisible characters only",
        'p.csv, line 3, column "document"',
        "give the text",
        {"p.csv": "query,document\na,b\nc,\u200b\u00a0\n"},
    ),
    "the same rows in train and test": Mistake(
        data("set"),
        "every row of train is in test, for instance train.csv:2 as test.csv:2",
        "set",
        "data.leaks=keep",
        {name: rows("query,document", "red {i},blue {i}") for name in ("set/train.csv", "set/test.csv")},
    ),
    "warnings where none is to pass": Mistake(
        data("p.csv", "data.strict=true"),
        "pair.equal: train: anchor and positive are the same text: 33 (100%)",
        "",
        "embed-tune check says how",
        {"p.csv": rows("query,document", "red {i},red {i}")},
    ),
    "rows that are all equal": Mistake(
        data("p.csv"),
        "60 rows, all with the same query",
        "p.csv",
        "check whether the right columns are used",
        {"p.csv": rows("query,document", "a,b")},
    ),
    "queries that are all equal": Mistake(
        data("p.csv"),
        "60 rows, all with the same query",
        "p.csv",
        "data.columns.anchor=NAME",
        {"p.csv": rows("query,document", "a,b {i}")},
    ),
    "answers that are all equal": Mistake(
        data("p.csv"),
        "the whole corpus is one document",
        "p.csv",
        "data.columns.positive=NAME",
        {"p.csv": rows("query,document", "what is {i}?,yes")},
    ),
    "group column with one value": Mistake(
        data("p.csv"),
        "all rows are in one group",
        "p.csv",
        "remove the group column",
        {"p.csv": rows("query,document,group", "a {i},b {i},all")},
    ),
    "unknown word in the split column": Mistake(
        data("p.csv"),
        "'later' is not a split",
        'p.csv, line 3, column "split"',
        "write train, dev (or validation) or test",
        {"p.csv": table("query,document,split", "a,b,train", "c,d,later")},
    ),
    "rows without the negative that others have": Mistake(
        data("p.csv"),
        "the text is empty; 20 of 60 rows lack the negative",
        'p.csv, line 2, column "negative"',
        "(40 of 60 stay): data.bad_rows=drop; or train on the pairs without negatives: data.columns.anchor=query data.columns",
        {"p.csv": table("query,document,negative", *(f"a {i},b {i},{f'c {i}' if i % 3 else ''}" for i in range(60)))},
    ),
    "checked rows without the negative": Mistake(
        ["check", "p.csv", "--no-tokens"],
        "training stops: the text is empty; 20 of 60 rows lack the negative: 20, for instance p.csv, line 2",
        "p.csv",
        "(40 of 60 stay): data.bad_rows=drop",
        {"p.csv": table("query,document,negative", *(f"a {i},b {i},{f'c {i}' if i % 3 else ''}" for i in range(60)))},
    ),
    "column of numbers for texts": Mistake(
        data("p.jsonl"),
        "the value 0 is of type int, not a text; 60 of 60 rows have no text there that can be used",
        'p.jsonl, line 1, column "query"',
        "name a column that holds texts: data.columns.anchor=NAME",
        {"p.jsonl": objects(*({"query": i, "document": f"b {i}"} for i in range(60)))},
    ),
    "word for a score": Mistake(
        data("p.csv"),
        "the score 'high' is not a number",
        'p.csv, line 3, column "score"',
        "write a number",
        {"p.csv": table(SCORES, "a,b,0.5", "c,d,high")},
    ),
    "missing score": Mistake(
        data("p.csv"),
        "the score is missing",
        'p.csv, line 4, column "score"',
        "data.bad_rows=drop",
        {"p.csv": table(SCORES, "a,b,0.5", "c,d,1", "e,f,")},
    ),
    "score out of range": Mistake(
        data("p.csv"),
        "the scores lie in 0..47",
        "highest p.csv:3",
        "data.score_range=[LOW,HIGH]",
        {"p.csv": table(SCORES, "a,b,0", "c,d,47", "e,f,1")},
    ),
    "scores in percent": Mistake(
        data("p.csv"),
        "the score '0%' is not a number",
        'p.csv, line 2, column "score"',
        "0.05 for 5%",
        {"p.csv": "\n".join([rows(SCORES, "a {i},b,{i}%").rstrip("\n"), "a,b,0.5", ""])},
    ),
    "the same word for all scores": Mistake(
        data("p.csv"),
        "all 60 scores are 1",
        'p.csv, column "label"',
        "data.columns.anchor=NAME data.columns.positive=NAME",
        {"p.csv": rows("sentence1,sentence2,label", "a {i},b {i},True")},
    ),
    "words and numbers for scores": Mistake(
        data("p.csv"),
        "the score 'yes' is not a number",
        'p.csv, line 2, column "label"',
        "write 1 for texts that mean the same",
        {"p.csv": table("sentence1,sentence2,label", "a,b,yes", "c,d,0", "e,f,0.5")},
    ),
    "commas and points in one column of scores": Mistake(
        data("p.csv"),
        "the score '0,5' is not a number",
        "p.csv, line 3",
        "a decimal point",
        {"p.csv": table("sentence1;sentence2;score", "a;b;0.5", "c;d;0,5", "e;f;1.0")},
    ),
    "classes in words under a name that says labels": Mistake(
        data("p.jsonl"),
        "the values are classes: contradiction (20), entailment (20), neutral (20); 'annotator_labels' may be labels, too",
        'p.jsonl, column "gold_label"',
        "set data.columns.anchor=sentence1 data.columns.positive=sentence2; to train on one class alone",
        {
            "p.jsonl": objects(
                *(
                    {"sentence1": f"a {i}", "sentence2": f"b {i}", "gold_label": word, "annotator_labels": [word, word]}
                    for i in range(20)
                    for word in ("entailment", "neutral", "contradiction")
                )
            )
        },
    ),
    "a column of grades with a name of its own": Mistake(
        data("p.csv"),
        "column 'flag' may say how well the two texts belong together (0 (30), 1 (30))",
        "p.csv",
        "data.columns.score=flag",
        {"p.csv": table("sentence1,sentence2,flag", *(f"a {i},b {i},{i % 2}" for i in range(60)))},
    ),
    "labels that nobody filled in": Mistake(
        data("p.csv"),
        "column 'label' is blank in all rows",
        "p.csv",
        "data.columns.anchor=sentence1 data.columns.positive=sentence2",
        {"p.csv": rows("sentence1,sentence2,label", "a {i},b {i},")},
    ),
    "score column swapped with a text": Mistake(
        data("p.csv"),
        'column "sentence2" has a number there: are the columns swapped?',
        'p.csv, line 2, column "score"',
        "data.columns.score=NAME",
        {"p.csv": rows("sentence1,score,sentence2", "a red {i},a blue {i},0.{i}")},
    ),
    "scores of one kind": Mistake(
        data("p.csv"),
        "all 60 scores are 1",
        'p.csv, column "score"',
        "remove the column of scores",
        {"p.csv": rows(SCORES, "a {i},b {i},1")},
    ),
    "scores nearly of one kind": Mistake(
        data("p.csv"),
        "the 50 pairs of the dev split of p all have the same score",
        "p.csv",
        "your own dev and test with different scores",
        {"p.csv": table(SCORES, *(f"a {i},b {i},{0.5 if i == 7 else 1}" for i in range(300)))},
    ),
    "classes for scores": Mistake(
        data("p.csv"),
        "the labels look like classes",
        'p.csv, column "label"',
        "set data.columns.score=label data.score_range=[0,2]",
        {"p.csv": table("text1,text2,label", "a,b,0", "c,d,1", "e,f,2")},
    ),
    "range without scores": Mistake(
        pairs("data.score_range=[0,5]"), "score_range is set, but no column holds scores", "pairs.csv", "remove score_range"
    ),
    "document id given twice": Mistake(
        data("b"),
        "the document id 'd3' occurs twice",
        "b/corpus.jsonl, line 5",
        "give each its own _id",
        beir("b", corpus=objects(*({"_id": f"d{i}", "text": f"t {i}"} for i in (0, 1, 2, 3, 3, 4)))),
    ),
    "query id given twice": Mistake(
        data("b"),
        "the query id 'q0' occurs twice",
        "b/queries.jsonl, line 2",
        "give each its own _id",
        beir("b", queries=objects(*({"_id": "q0", "text": f"t {i}"} for i in range(3)))),
    ),
    "judged document that is nowhere": Mistake(
        data("b"),
        "the document 'd99' is not in corpus.jsonl",
        "b/qrels/train.tsv, line 3",
        "remove the judgement",
        beir("b", train=table("query-id\tcorpus-id\tscore", "q1\td1\t1", "q2\td99\t1")),
    ),
    "judgements with swapped columns": Mistake(
        data("b"),
        "the query 'd1' is not in queries.jsonl",
        "b/qrels/train.tsv, line 2",
        "corpus.jsonl has that id: are the columns",
        beir("b", train=table("query-id\tcorpus-id\tscore", "d1\tq1\t1")),
    ),
    "judgements without tabs": Mistake(
        data("b"),
        "no tab in the line",
        "b/qrels/train.tsv, line 2",
        "query-id, corpus-id, score, separated by tabs",
        beir("b", train=table("query-id\tcorpus-id\tscore", "q1 d1 1")),
    ),
    "judgements all of grade 0": Mistake(
        data("b"),
        "no judgement has a score above 0",
        "b/qrels/train.tsv",
        "add judgements",
        beir("b", train=table("query-id\tcorpus-id\tscore", "q1\td1\t0")),
    ),
    "BEIR folder without judgements": Mistake(
        data("b"),
        "corpus.jsonl and queries.jsonl, but no judgements",
        "b",
        "write b/qrels.tsv with the columns query-id, corpus-id, score",
        {name: text for name, text in beir("b").items() if "qrels" not in name},
    ),
    "names of files that are not there": Mistake(
        data("p.csv"),
        "column 'doc' holds names of files ('f0.md', 'f1.md', 'f10.md') rather than texts",
        "p.csv",
        "data.literal=true",
        {"p.csv": rows("query,doc", "what is red {i}?,f{i}.md")},
    ),
    "texts of one class": Mistake(
        data("p.csv"),
        "all 60 texts have one class, 'red'",
        'p.csv, column "class"',
        "add texts of other classes",
        {"p.csv": rows("text,class", "something red {i},red")},
    ),
}
