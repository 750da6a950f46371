"""`embed-tune search`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from train.cli.ask import ask_for_queries
from train.cli.options import CacheOption, DebugOption, JsonOption, VerboseOption, YesOption, cache_setting
from train.cli.output import agreement, print_json, print_line, progress_aside
from train.cli.quick import quick_imports

TOP, RESCORE = 10, 10


class MethodName(StrEnum):
    """Ways to search stored vectors."""

    EXACT = "exact"
    INT8 = "int8"
    UBINARY = "ubinary"
    UBINARY_INT8 = "ubinary+int8"
    UBINARY_FLOAT = "ubinary+float"


def search_command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[VECTORS] [QUERY]...",
            help="A file or a store that `embed` filled, queries, and settings of the model (KEY=VALUE).",
            show_default=False,
        ),
    ] = None,
    queries: Annotated[Path | None, typer.Option("--queries", help="File of queries, as `embed` reads texts.")] = None,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", "-d", help="Judged queries, as for `evaluate`: shows the nDCG@10 of each method."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="MODEL", help="The model; by default the one that made the vectors.")
    ] = None,
    method: Annotated[
        MethodName | None,
        typer.Option(
            "--method",
            metavar="METHOD",
            help="`exact`, `int8`, `ubinary`, `ubinary+int8` or `ubinary+float`; by default all that the file allows, with the "
            "hits of the best.",
        ),
    ] = None,
    finer: Annotated[
        Path | None, typer.Option("--finer", help="A file of the same texts in higher precision, to score candidates again.")
    ] = None,
    top: Annotated[int, typer.Option("--top", "-k", min=1, metavar="K", help="Hits per query.")] = TOP,
    rescore: Annotated[
        int, typer.Option("--rescore", min=1, metavar="N", help="Candidates per hit that are found by bits, then scored again.")
    ] = RESCORE,
    min_similarity: Annotated[
        str | None,
        typer.Option(
            "--min-similarity",
            metavar="X",
            help="Leave out hits that are less similar: a number, or `model` for what `embed-tune threshold` chose.",
        ),
    ] = None,
    documents: Annotated[
        Path | None, typer.Option("--documents", help="The file that was embedded, so that its texts are shown.")
    ] = None,
    cache: CacheOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
    _verbose: VerboseOption = False,
) -> None:
    """Try queries against vectors by every method that their precision allows, and see what each costs.

    Each method is shown with its size, its time, and the share of the best method's hits that it also finds. With judged queries
    (`--data`) its nDCG@10 is shown; VECTORS may then be left out, and the documents of the data are embedded. Without a query it
    asks for one after the other, or takes each line of standard input for one.

    - `embed-tune search vectors.parquet "how do I restart a pod"`

    - `embed-tune search qdrant:store/docs "how do I restart a pod"`

    - `embed-tune search bits.npy --finer bytes.npy "roll back"`

    - `embed-tune search --data beir/ --model all-MiniLM-L6-v2`
    """
    from train.resolve.vectors import (
        SearchRequest,
        TextChoice,
        checked_destination,
        is_setting,
        is_vector_file,
        read_min_similarity,
    )
    from train.vectors.stores.destination import is_destination, refuse_for_stores

    settings = [word for word in words or () if is_setting(word)]
    others = [word for word in words or () if not is_setting(word)]
    if others and is_destination(others[0]):
        refuse_for_stores(data=data, method=method, finer=finer, documents=documents, min_similarity=min_similarity)
        store = checked_destination(others[0], "search")  # before what takes seconds to import
        with quick_imports():
            from train.workflows.search_store import StoreSearch, search_store

        asked = StoreSearch(
            store,
            tuple(others[1:]),
            None if queries is None else TextChoice(str(queries)),
            model,
            (*settings, *cache_setting(cache)),
            top,
            None if min_similarity is None else float(read_min_similarity(min_similarity)),
        )
        with progress_aside(as_json):
            answer = search_store(asked, confirm=agreement(yes), debug=debug)
        if as_json:
            print_json(answer.to_dict())
        else:
            print_line(f"\n{answer}")
        return
    named = bool(others) and is_vector_file(others[0])
    own = [word for word in settings if word.startswith("data.")]
    request = SearchRequest(
        vectors=Path(others[0]) if named else None,
        finer=finer,
        queries=tuple(others[1:] if named else others),
        query_file=None if queries is None else TextChoice(str(queries)),
        model=model,
        overrides=(*(word for word in settings if word not in own), *cache_setting(cache)),
        method=None if method is None else method.value,
        top=top,
        rescore=rescore,
        documents=None if documents is None else TextChoice(str(documents)),
        data=tuple(data or ()),
        data_settings=tuple(own),
        min_similarity=None if min_similarity is None else read_min_similarity(min_similarity),
        asks=len(others) == 1 and named and queries is None and not data,
    )
    if request.asks:
        ask_for_queries(request, confirm=agreement(yes), as_json=as_json, debug=debug)
        return
    with quick_imports():
        from train.workflows.search import search_vectors

    with progress_aside(as_json):
        result = search_vectors(request, confirm=agreement(yes), debug=debug)
    if as_json:
        print_json(result.to_dict())
    else:
        print_line(f"\n{result}")
