"""What fewer bytes cost in search quality: nDCG@10 of every method beside its total bytes, on public data sets.

    python -m tests.benchmarks.quantised --datasets FOLDER scifact finqa10k

Run it from the repository's root. FOLDER (by default EMBED_TUNE_DATASETS) holds BEIR folders of these names. The documents and
the test queries of each are encoded with all-MiniLM-L6-v2 (kept by `--cache PLACE`, if that is given) and searched by every
method of `embed-tune search`. Targets: int8 keeps at least 99% of the nDCG@10 of float32, ubinary with int8 rescoring 97%, and
ubinary takes a 32nd of the bytes. The last line is one JSON object; exit code 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks.console import run_as_program, say
from tests.benchmarks.workloads import BenchmarkError
from train.resolve.vectors import SearchRequest
from train.workflows.search import search_vectors

TARGETS = {"int8": 0.99, "ubinary+int8": 0.97}
"""Least share of the nDCG@10 of exact search that a method must keep."""
METRIC = "ndcg@10"


def main() -> None:
    """Search, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["scifact", "finqa10k"])
    parser.add_argument("--datasets", type=Path, default=os.environ.get("EMBED_TUNE_DATASETS"))
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--rescore", type=int, default=10)
    parser.add_argument("--cache", default="off")
    asked = parser.parse_args()
    if asked.datasets is None:
        raise BenchmarkError("it is not said where the data sets are: give --datasets FOLDER")
    found = measure([str(Path(asked.datasets) / name) for name in asked.names], asked.model, asked.rescore, asked.cache)
    missed = [line for one in found["datasets"] for line in misses(one)]
    for line in missed:
        say(line)
    print(json.dumps({**found, "targets_met": not missed}))
    sys.exit(1 if missed else 0)


def measure(data: list[str], model: str, rescore: int, cache: str) -> dict[str, Any]:
    """What `embed-tune search --data` gives, with each method's share of exact search."""
    request = SearchRequest(None, model=model, overrides=(f"vector_cache={cache}",), rescore=rescore, data=tuple(data))
    result = search_vectors(request)
    say(str(result))
    found = result.to_dict()
    for one in found["datasets"]:
        exact = one["methods"][0]
        for method in one["methods"]:
            method["share_of_exact"] = round(method[METRIC] / exact[METRIC], 4)
            method["times_smaller"] = round(exact["bytes"] / method["bytes"], 2)
    return {**found, "rescore": rescore}


def misses(dataset: dict[str, Any]) -> list[str]:
    """The targets that a data set misses, in words."""
    by_name = {one["method"]: one for one in dataset["methods"]}
    lines = [
        f"{dataset['name']}: {method} keeps {by_name[method]['share_of_exact']:.1%} of the nDCG@10, the target is {least:.0%}"
        for method, least in TARGETS.items()
        if by_name[method]["share_of_exact"] < least
    ]
    if by_name["ubinary"]["times_smaller"] != 32:
        lines.append(f"{dataset['name']}: ubinary is {by_name['ubinary']['times_smaller']} times smaller, not 32")
    return lines


if __name__ == "__main__":
    run_as_program(main)
