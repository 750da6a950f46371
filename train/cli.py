"""The command line. Heavy imports live inside the commands, so that `--help` and config mistakes answer at once."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from data.schema import DataError
from train.errors import EmbedTuneError

app = typer.Typer(
    name="embed-tune",
    help="Fine-tune text-embedding models and prove that it helped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

# typer may carry click inside itself, so its errors are found through a class that both have
UsageProblem: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

DEFAULT_CONFIG = Path(__file__).resolve().parents[1] / "configs" / "default.yaml"


@app.callback()
def _root() -> None:
    """Fine-tune text-embedding models and prove that it helped."""


@app.command("train")
def train_command(
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings, e.g. training.epochs=2")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="YAML file; configs/ has one for each purpose.")] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", "-d", help="One data set: a file, folder or glob (CSV TSV JSON JSONL Parquet, BEIR) or a Hub id."),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", help="Continue this run folder from its last complete checkpoint.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would happen, with time and memory; train nothing.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and library logs.")] = False,
) -> None:
    """Load, split, fit, judge, report and export.

    Without options it trains on the embedded default: Python's own documentation and 1,200 DevOps phrases, no download.

    - `embed-tune train`

    - `embed-tune train --data my_pairs.csv`

    - `embed-tune train --config configs/ranking.yaml training.epochs=2`

    - `embed-tune train --resume checkpoints/my-run`
    """
    from train.settings import load_config

    if resume is not None:
        if config or data or overrides or dry_run:
            raise EmbedTuneError(
                "--resume takes no other settings: a run goes on as it began", mend="drop them, or start a new run"
            )
        from train.pipeline import resume_run

        resume_run(resume, debug=debug)
        return
    if config is None and data is None:
        config = DEFAULT_CONFIG
    settings = load_config(config, data=data, overrides=overrides or ())
    from train.pipeline import dry_run as show_plan
    from train.pipeline import start_run

    if dry_run:
        show_plan(settings, debug=debug)
    else:
        start_run(settings, debug=debug)


@app.command("push")
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

    - `embed-tune push checkpoints/my-run me/my-model`
    """
    from train.deploy.hub import push_run

    push_run(run, repo_id, private=not public, licence=licence)


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
        print(f"error: {message}", file=sys.stderr)
        sys.exit(getattr(error, "exit_code", 2))
    except OSError as error:  # a full disk, a folder that became read-only: nothing that a traceback would explain
        if debug:
            traceback.print_exc()
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {place}{error.strerror or error}", file=sys.stderr)
        print("  What to do: look at the disk and at the rights of the folder; --debug shows more", file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        print("stopped", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
