"""The command line. Heavy imports live inside the commands, so that `--help` and config mistakes answer at once."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from data.errors import EmbedTuneError
from train import distributed
from train.cli.benchmark import TaskList, benchmark_command
from train.cli.check import check_command
from train.cli.clean import clean_command
from train.cli.compare import compare_command
from train.cli.diff import diff_command
from train.cli.display import display
from train.cli.embed import embed_command
from train.cli.evaluate import evaluate_command
from train.cli.export import export_command
from train.cli.interrupts import STOPPED, interruptible
from train.cli.mine import mine_command
from train.cli.monitor import monitor_command
from train.cli.options import EXIT_CODES
from train.cli.output import print_line
from train.cli.push import push_command
from train.cli.report import report_command
from train.cli.search import search_command
from train.cli.serve import serve_command
from train.cli.settings import settings_command
from train.cli.settings_as_options import SettingsCommand
from train.cli.threshold import threshold_command
from train.cli.train import train_command
from train.cli.verify import verify_command
from train.errors import Interrupted, disk_in_words, memory_in_words

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


def _say_version(asked: bool) -> None:
    if asked:
        from train.machine import own_version

        print_line(own_version())
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_say_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Fine-tune text-embedding models and prove that it helped.

    In the order of the work: `compare` models, `check` your texts, `train` a model on them, `evaluate` it, see all runs with
    `report`, `diff` two of them, `export` or `push` the one to keep, `monitor` what comes in, `clean` up; `embed` texts and
    `search` them. `embed-tune settings` lists what can be set, and `embed-tune COMMAND --help` shows examples.

    - `embed-tune check my_pairs.csv`

    - `embed-tune train --data my_pairs.csv run_name=first`

    - `embed-tune evaluate checkpoints/first --data other_pairs.csv`

    - `embed-tune report --open`

    - `embed-tune diff first second`

    - `embed-tune push first me/my-model`
    """


app.command(
    "train", cls=SettingsCommand, epilog=EXIT_CODES, short_help="Fine-tune a model on your texts and judge it against its base."
)(train_command)
app.command(
    "evaluate", cls=SettingsCommand, epilog=EXIT_CODES, short_help="Judge a model, or one against another, without training."
)(evaluate_command)
app.command("report", short_help="Build one page over all runs: sort, filter, open, compare two.")(report_command)
app.command("diff", epilog=EXIT_CODES, short_help="Compare the models of two finished runs; nothing is encoded.")(diff_command)
app.command("threshold", epilog=EXIT_CODES, short_help="Choose the similarity from which on texts are taken for matches.")(
    threshold_command
)
app.command("export", epilog=EXIT_CODES, short_help="Turn a model into a graph that runs without PyTorch, and judge it.")(
    export_command
)
app.command("verify", epilog=EXIT_CODES, short_help="Check that a folder, a file or a server gives a model's vectors.")(
    verify_command
)
app.command("monitor", epilog=EXIT_CODES, short_help="Tell whether new texts are still those that the model was judged on.")(
    monitor_command
)
app.command("push", short_help="Put the model of a finished run on the Hugging Face Hub.")(push_command)
app.command("clean", short_help="Remove what takes room and nobody needs, after asking.")(clean_command)
app.command(
    "check", cls=SettingsCommand, epilog=EXIT_CODES, short_help="Look for leaks, duplicates and broken texts in your data."
)(check_command)
app.command(
    "mine", cls=SettingsCommand, epilog=EXIT_CODES, short_help="Find hard negatives for pairs, or audit how they are found."
)(mine_command)
app.command(
    "compare", cls=SettingsCommand, epilog=EXIT_CODES, short_help="Compare models on your texts: quality, speed, size and price."
)(compare_command)
app.command("benchmark", cls=TaskList, epilog=EXIT_CODES, short_help="Run public benchmark tasks (MTEB) and your data sets.")(
    benchmark_command
)
app.command("embed", cls=SettingsCommand, epilog=EXIT_CODES, short_help="Turn a file of texts into vectors.")(embed_command)
app.command("search", cls=SettingsCommand, epilog=EXIT_CODES, short_help="Try queries against vectors that `embed` made.")(
    search_command
)
app.command("serve", cls=SettingsCommand, epilog=EXIT_CODES, short_help="Serve a model's vectors in OpenAI's form.")(
    serve_command
)
app.command("settings", short_help="List all settings, or those that contain a word.")(settings_command)


def main(arguments: Sequence[str] | None = None, program: str = "embed-tune") -> None:
    """Run the command line; errors meant for people end with their exit code and without a traceback."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    try:
        # typer turns a Ctrl-C into an exit code that it returns here, and nothing else that is not 0 or None
        with interruptible(), memory_in_words(), display():
            code = app(words, standalone_mode=False, prog_name=program)
        if isinstance(code, int) and code:
            print("stopped", file=sys.stderr)
            sys.exit(code)
    except Interrupted as stop:
        if distributed.should_report(stop):
            print(f"{stop.message}{f'; {stop.hint}' if stop.hint else ''}", file=sys.stderr)
        sys.exit(stop.exit_code)
    except (EmbedTuneError, UsageProblem) as error:
        if debug:
            traceback.print_exc()
        message = getattr(error, "format_message", error.__str__)().replace(": Value error, ", ": ", 1)
        if distributed.should_report(error):
            print(f"{distributed.prefix()}error: {message}", file=sys.stderr)
        sys.exit(getattr(error, "exit_code", 2))
    except OSError as error:  # a full disk, a folder that became read-only: nothing that a traceback would explain
        if debug:
            traceback.print_exc()
        what, hint = disk_in_words(error)
        print(f"error: {what}\n  What to do: {hint}; --debug shows more", file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        print("stopped", file=sys.stderr)
        sys.exit(STOPPED)


if __name__ == "__main__":
    main()
