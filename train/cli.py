"""The command line. Heavy imports live inside the commands, so that `--help` and config mistakes answer at once."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from data.errors import DataError
from train import distributed
from train.commands.benchmark import TaskList, benchmark_command
from train.commands.check import check_command
from train.commands.compare import compare_command
from train.commands.embed import embed_command
from train.commands.mine import mine_command
from train.commands.options import EXIT_CODES, CacheOption, JsonOption, YesOption, cache_setting
from train.commands.search import search_command
from train.errors import EmbedTuneError, VerdictError

app = typer.Typer(
    name="embed-tune",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

# typer may carry click inside itself, so its errors are found through a class that both have
UsageProblem: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

DEFAULT_CONFIG = Path(__file__).resolve().parents[1] / "configs" / "default.yaml"


class FailOn(StrEnum):
    """Verdicts that `--fail-on` makes a failure of."""

    REGRESSED = "regressed"
    NO_EVIDENCE = "no_evidence"


class Split(StrEnum):
    """Rows that `evaluate` can judge."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"
    ALL = "all"


FailOnOption = Annotated[
    FailOn | None,
    typer.Option(
        "--fail-on",
        metavar="VERDICT",
        help="For CI: `regressed` ends with exit code 3 if anything got worse; `no_evidence` does so unless something got better "
        "and nothing worse. All is written all the same.",
    ),
]


@app.callback()
def _root() -> None:
    """Fine-tune text-embedding models and prove that it helped.

    In the order of the work: `compare` models, `check` your texts, `train` a model on them, `evaluate` it, see all runs with
    `report`, `diff` two of them, `push` the one to keep; `embed` texts and `search` them. `embed-tune COMMAND --help` shows
    examples.

    - `embed-tune check my_pairs.csv`

    - `embed-tune train --data my_pairs.csv run_name=first`

    - `embed-tune evaluate checkpoints/first --data other_pairs.csv`

    - `embed-tune report --open`

    - `embed-tune diff first second`

    - `embed-tune push first me/my-model`
    """


@app.command("train", epilog=EXIT_CODES, short_help="Fine-tune a model on your texts and judge it against its base.")
def train_command(
    overrides: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Settings, e.g. training.epochs=2")] = None,
    config: Annotated[
        list[Path] | None,
        typer.Option(
            "--config",
            "-c",
            readable=False,
            help="YAML file; configs/ has one for each purpose, configs/models/ one for each of many models. May be given "
            "several times: a later file goes before an earlier one, key by key.",
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            "-d",
            help="A data set: a file, folder or glob (CSV TSV JSON JSONL Parquet, BEIR) or a Hub id. May be given several times: "
            "one model is trained on all of them.",
        ),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", help="Continue this run folder from its last complete checkpoint.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would happen, with time and memory; train nothing.")
    ] = False,
    fail_on: FailOnOption = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and library logs.")] = False,
) -> None:
    """Fine-tune a model on your texts and judge it against its base: load, split, fit, judge, report, export.

    Without options it trains on the embedded default: Python's own documentation and 1,200 DevOps phrases, no download.

    - `embed-tune train --data my_pairs.csv --dry-run`

    - `embed-tune train --data my_pairs.csv run_name=first training.epochs=2`

    - `embed-tune train --config configs/ranking.yaml --fail-on regressed`

    - `embed-tune train --resume checkpoints/first`
    """
    from train.settings import load_config

    if resume is not None:
        if config or data or overrides or dry_run:
            raise EmbedTuneError(
                "--resume takes no other settings: a run goes on as it began", mend="drop them, or start a new run"
            )
        from train.pipeline import resume_run

        _fail_on(fail_on, resume_run(resume, debug=debug))
        return
    if not config and not data:
        config = [DEFAULT_CONFIG]
    from train.console import say
    from train.launcher import heed_launcher

    settings = heed_launcher(load_config(config, data=data or None, overrides=overrides or ()), say)
    from train.pipeline import dry_run as show_plan
    from train.pipeline import start_run

    if dry_run:
        show_plan(settings, debug=debug)
    else:
        _fail_on(fail_on, start_run(settings, debug=debug))


@app.command("evaluate", epilog=EXIT_CODES, short_help="Judge a model, or one against another, without training.")
def evaluate_command(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A model folder, a run, a checkpoint-* folder, a name in configs/models/, a model behind an API (openai:NAME), "
            "or a Hub id (owner/name).",
        ),
    ],
    other: Annotated[
        str | None, typer.Argument(metavar="OTHER", help="A second model, judged against the first.", show_default=False)
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            help="Settings, e.g. data.columns.anchor=question. Those under `model` are for MODEL, under `other` for OTHER.",
        ),
    ] = None,
    data: Annotated[
        list[str] | None, typer.Option("--data", "-d", help="A data set, as for `train`; may be given several times.")
    ] = None,
    config: Annotated[
        list[Path] | None,
        typer.Option(
            "--config",
            "-c",
            readable=False,
            help="YAML file that names the data, e.g. checkpoints/first/config.yaml; may be given several times.",
        ),
    ] = None,
    split: Annotated[
        Split | None,
        typer.Option(
            "--split",
            metavar="ROWS",
            help="`train`, `dev`, `test` or `all`. By default test where the data has it, else all rows; but never those that a "
            "judged run was trained on.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="With two models: new folder for report.html, report.json and scores.")
    ] = None,
    cache: CacheOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
    fail_on: FailOnOption = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and library logs.")] = False,
) -> None:
    """Judge a model without training; with two models, judge the second against the first.

    One model gets a 95% interval for each metric. Two get the paired interval of the difference, a verdict, and the queries that
    changed most.

    - `embed-tune evaluate all-MiniLM-L6-v2 --data my_pairs.csv`

    - `embed-tune evaluate all-MiniLM-L6-v2 intfloat/e5-small --data beir/`

    - `embed-tune evaluate old/ checkpoints/first -d a.csv -d b.csv -o old-first`

    - `embed-tune evaluate old/ new/ --data a.csv --json --fail-on regressed`
    """
    words = [model, *([] if other is None else [other]), *(overrides or ()), *cache_setting(cache)]
    from train.candidates import read_request

    request = read_request(words, data=data or (), config=config, split=None if split is None else split.value)
    if len(request.candidates) == 1:
        for option, value in (("--output", output), ("--fail-on", fail_on)):
            if value is not None:
                raise EmbedTuneError(f"{option} needs two models: one alone has no verdict", mend="name a second model")
    from train.judging import evaluate_models

    _fail_on(fail_on, evaluate_models(request, output=output, yes=yes, as_json=as_json, debug=debug))


@app.command("report", short_help="Build one page over all runs: sort, filter, open, compare two.")
def report_command(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder that your runs are in; of a single run, its page is named.")
    ] = Path("checkpoints"),
    open_page: Annotated[bool, typer.Option("--open", help="Show the page in the browser.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Build FOLDER/index.html over all runs: one row a run, to sort, filter, open and compare two.

    Unfinished and broken runs are listed with the way to go on. The page needs no network.

    - `embed-tune report`

    - `embed-tune report checkpoints --open`

    - `embed-tune report first --open`
    """
    from train.overview import report_folder

    report_folder(folder, open_page=open_page)


@app.command("diff", epilog=EXIT_CODES, short_help="Compare the models of two finished runs; nothing is encoded.")
def diff_command(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="Folder of a finished run, or the name of one in checkpoints/.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="The run that is judged against it.")],
    as_json: JsonOption = False,
    fail_on: FailOnOption = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Compare the tuned models of two finished runs on the same test items, from their files; nothing is encoded.

    Says which is better and how sure that is, which settings differ, and what each run cost. Folders that `evaluate --output`
    made can be compared, too.

    - `embed-tune diff first second`

    - `embed-tune diff checkpoints/first checkpoints/second --fail-on regressed`

    - `embed-tune diff first second --json`
    """
    from train.compare import diff_runs

    _fail_on(fail_on, diff_runs(run_a, run_b, as_json=as_json).as_json())


@app.command("push", short_help="Put the model of a finished run on the Hugging Face Hub.")
def push_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run, or the name of one in checkpoints/.")],
    repo_id: Annotated[str, typer.Argument(metavar="REPO", help="Repository on the Hub, OWNER/NAME; made if it is not there.")],
    public: Annotated[bool, typer.Option("--public", help="Everybody may see it; otherwise only its owner.")] = False,
    licence: Annotated[
        str | None, typer.Option("--licence", help="Licence for the model card, by the Hub's id, e.g. apache-2.0.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Put the model of a finished run on the Hugging Face Hub, with a card; private unless `--public`.

    The token comes from the environment variable HF_TOKEN or from `hf auth login`.

    - `embed-tune push first me/my-model`

    - `embed-tune push checkpoints/first me/my-model --public --licence apache-2.0`
    """
    from train.deploy.hub import push_run

    push_run(run, repo_id, private=not public, licence=licence)


app.command("check", epilog=EXIT_CODES, short_help="Look for leaks, duplicates and broken texts in your data.")(check_command)
app.command("mine", epilog=EXIT_CODES, short_help="Find hard negatives for pairs, or audit how they are found.")(mine_command)
app.command("compare", epilog=EXIT_CODES, short_help="Compare models on your texts: quality, speed, size and price.")(
    compare_command
)
app.command("benchmark", cls=TaskList, epilog=EXIT_CODES, short_help="Run public benchmark tasks (MTEB) and your data sets.")(
    benchmark_command
)
app.command("embed", epilog=EXIT_CODES, short_help="Turn a file of texts into vectors.")(embed_command)
app.command("search", epilog=EXIT_CODES, short_help="Try queries against vectors that `embed` made.")(search_command)


def _fail_on(condition: FailOn | None, judged: Path | Mapping[str, Any]) -> None:
    """End with exit code 3 if the verdict is one that `--fail-on` names.

    Args:
        condition: what `--fail-on` says.
        judged: the content of a report.json, or the folder of the run that has one.
    """
    from train.distributed import is_main

    if condition is None or not is_main():
        return
    from train.evaluate.verdict import DatasetResult, fails, verdict_lines
    from train.wording import Sides

    report = json.loads((judged / "report.json").read_text(encoding="utf-8")) if isinstance(judged, Path) else judged
    if fails(report["verdict"], condition.value):
        results = [DatasetResult.model_validate(entry) for entry in report["datasets"]]
        words = report["verdict"].replace("_", " ")
        raise VerdictError(f"--fail-on {condition}: the verdict is {words}. {verdict_lines(results, Sides.of(report))[0]}")


def main(arguments: Sequence[str] | None = None, program: str = "embed-tune") -> None:
    """Run the command line; errors meant for people end with their exit code and without a traceback."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    try:
        # typer turns a Ctrl-C into an exit code that it returns here, and nothing else that is not 0 or None
        code = app(words, standalone_mode=False, prog_name=program)
        if isinstance(code, int) and code:
            print("stopped", file=sys.stderr)
            sys.exit(code)
    except (EmbedTuneError, DataError, UsageProblem) as error:
        if debug:
            traceback.print_exc()
        message = getattr(error, "format_message", error.__str__)()
        if distributed.should_report(error):
            print(f"{distributed.prefix()}error: {message}", file=sys.stderr)
        sys.exit(getattr(error, "exit_code", 2))
    except OSError as error:  # a full disk, a folder that became read-only: nothing that a traceback would explain
        if debug:
            traceback.print_exc()
        from train.errors import disk_in_words

        what, mend = disk_in_words(error)
        print(f"error: {what}\n  What to do: {mend}; --debug shows more", file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        print("stopped", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
