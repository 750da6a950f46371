"""A run in wandb: figures by optimiser step, the test results, the report as an artifact. No texts unless `tracking.log_texts`.

Facts that this stands on, seen with wandb 0.31 and a server of its protocol: a row is written when a row of a later step begins;
rows of steps that the server has are dropped online, and renumbered by `wandb sync`; a killed process loses what was not flushed;
`wandb sync` puts several offline folders of one id together when the later ones were begun with `resume`; an upload that the
server refuses is reported in a log file only.
"""

from __future__ import annotations

import importlib
import json
import os
import secrets
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from data.storage import write_json
from train.config.schema import TrainSettings
from train.console import say
from train.errors import Interrupted
from train.tracking.base import Page, Tracker
from train.tracking.destination import QUIET, Destination, environment, first_lines, load_wandb, refusal, server, settle
from train.tracking.logbook import last_step
from train.tracking.tables import dev_figures, example_tables, result_columns, result_rows, summary_of, training_figures

SESSION_FILE = "tracking.json"
"""In the run folder: what a resumed session needs to continue the same wandb run."""

PATIENCE = {"init_timeout": 30.0, "finish_timeout": 60.0}
"""Seconds to wait for the server at the start and for uploads at the end; WANDB_INIT_TIMEOUT and WANDB_FINISH_TIMEOUT win."""

FLUSH_SECONDS = 1.0
"""After this time a row is on disk: a kill loses no more, and `wandb leet` sees a running run."""

PRIVATE = {
    "console": "off",  # the terminal names files and columns of the user
    "disable_code": True,
    "save_code": False,
    "disable_git": True,  # the patch of uncommitted changes, the remote's address
    "disable_job_creation": True,
    "label_disable": True,  # reads the program for labels
    "host": "",
    "program": "embed-tune",  # its path
    "x_disable_machine_info": True,
    "x_disable_meta": True,  # command line, user, paths
    "x_disable_stats": True,
    "x_save_requirements": False,
    "sagemaker_disable": True,  # its parameters, and a run id of its own
}
"""wandb's settings with which nothing leaves but what this module logs."""


@dataclass
class Session:
    """What is remembered from one session of a run to the next.

    Attributes:
        id: of the wandb run.
        online: whether it reports to a server; what began offline stays offline.
    """

    id: str
    online: bool


def begin_wandb(config: TrainSettings, run: Path, *, new: bool) -> Tracker:
    """Begin the wandb run, or continue it in a resumed session.

    Args:
        config: the resolved config.
        run: the run folder.
        new: remove the run folder if wandb cannot begin.

    Raises:
        TrackingError: wandb cannot begin, for whatever reason.
    """
    try:
        return _begin(config, run)
    except BaseException:
        if new:
            shutil.rmtree(run, ignore_errors=True)
        raise


def _begin(config: TrainSettings, run: Path) -> Tracker:
    target = settle(config.tracking, verify=False)
    if target is None:
        say("tracking: none (WANDB_MODE=disabled)")
        return Tracker()
    file = run / SESSION_FILE
    known = Session(**json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None
    if known is not None and not known.online and target.online:
        target = Destination(online=False, why="as it began")
    session = Session(known.id if known else secrets.token_hex(4), target.online)
    tracker = WandbTracker(config, run, session, resumed=known is not None)
    write_json(file, asdict(session))
    say(tracker.greeting(target))
    return tracker


class WandbTracker(Tracker):
    """One session of a wandb run.

    Args:
        config: the resolved config.
        run: the run folder.
        session: what earlier sessions left.
        resumed: whether there were any.

    Raises:
        TrackingError: wandb cannot begin.
    """

    def __init__(self, config: TrainSettings, run: Path, session: Session, resumed: bool) -> None:
        self._config, self._folder, self._session = config.tracking, run, session
        floor = None if session.online else last_step(run / "wandb")
        self._undo = ExitStack()
        self._undo.enter_context(environment(QUIET | {"WANDB_DATA_DIR": str(run.resolve() / "wandb" / "data")}))
        facts = json.loads((run / "environment.json").read_text(encoding="utf-8"))
        self._description = {**config.model_dump(mode="json"), "environment": facts}
        try:
            self._run = self._init(online=session.online, resumed=resumed)
        except Exception as error:  # wandb's own, pydantic's for a bad setting, and what its service process raises
            self._undo.close()
            raise refusal(error) from error
        self._floor = floor if floor is not None else self._run.starting_step - 1  # a server knows best what it has
        self._step = self._floor
        self._trouble: str | None = None
        self._left_over: Callable[[Any], None] | None = None

    def _init(self, online: bool, resumed: bool) -> Any:
        wandb = load_wandb()
        patience = {name: seconds for name, seconds in PATIENCE.items() if f"WANDB_{name.upper()}" not in os.environ}
        settings: dict[str, Any] = {**PRIVATE, **patience, "finish_timeout_raises": True}
        run = wandb.init(
            project=self._config.project or os.environ.get("WANDB_PROJECT") or "embed-tune",
            entity=self._config.entity,
            group=self._config.group,
            tags=self._config.tags or None,
            job_type="train",
            dir=str(self._folder),
            id=self._session.id,
            name=self._folder.name,
            config=self._description,
            mode="online" if online else "offline",
            # the flag is kept in the run's file: only what continues a run may be put together with what is there
            resume="allow" if resumed else None,
            reinit="create_new",
            settings=wandb.Settings(x_transaction_log_flush_interval=FLUSH_SECONDS, **settings),
        )
        # it would report each import of some libraries, and where its own process has ended, that import would fail
        with suppress(ImportError, AttributeError):
            importlib.import_module("wandb.sdk.lib.import_hooks").unregister_all_post_import_hooks()
        return run

    def greeting(self, target: Destination) -> str:
        """Say where to look, on one line."""
        if target.online:
            return f"tracking: wandb, {self._run.url}"
        return f"tracking: wandb offline ({target.why}); view it with `wandb leet {shlex.quote(str(self._folder / 'wandb'))}`"

    def log_training(self, step: int, figures: Mapping[str, float]) -> None:
        self._log(step, training_figures(figures))

    def log_scores(self, line: Mapping[str, Any], base: Mapping[str, float]) -> None:
        if figures := dev_figures(line, base):
            self._log(line["step"], figures)

    def _log(self, step: int, figures: Mapping[str, float]) -> None:
        """Hand a row over, unless an earlier session did: the same weights had the same figures, or nearly."""
        if step <= self._floor or self._trouble:
            return
        with self._surviving("figures"):
            self._run.log(dict(figures), step=step)
            self._step = step

    def log_report(self, report: Mapping[str, Any], page: Page, examples: Sequence[Mapping[str, Any]]) -> None:
        texts = self._config.log_texts

        def files(run: Any) -> None:
            wandb = load_wandb()
            tables = {"results": (result_columns(), result_rows(report))} | (example_tables(examples) if texts else {})
            row = {name: wandb.Table(columns=columns, data=rows) for name, (columns, rows) in tables.items()}
            run.log(row, step=max(self._step, self._floor + 1))
            artifact = wandb.Artifact(f"{self._folder.name[:100]}-report", type="report")
            with artifact.new_file("report.html", encoding="utf-8") as handle:
                handle.write(page(texts))
            artifact.add_file(str(self._folder / "report.json"), skip_cache=True)
            run.log_artifact(artifact)

        self._left_over = files
        with self._surviving("the report", at_end=True):
            self._run.summary.update(summary_of(report))
            files(self._run)  # the only calls that wait for the server
            self._left_over = None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        outcome, code = "finished", 0
        if error is not None:
            stopped = isinstance(error, KeyboardInterrupt | Interrupted)
            outcome, code = ("interrupted", Interrupted.exit_code) if stopped else ("failed", 1)
        with self._surviving("the end of the run", at_end=True):
            self._run.summary["outcome"] = outcome
            self._run.finish(exit_code=code)
        if self._session.online and self._left_over is not None:
            with self._surviving("the report", at_end=True):
                self._leave_for_sync(self._left_over)
        self._say_where(self._missing() if self._session.online else self._trouble)
        self._undo.close()
        with suppress(Exception, SystemExit, KeyboardInterrupt):
            load_wandb().teardown()  # ends its service process; the next run reads the environment again

    def _leave_for_sync(self, files: Callable[[Any], None]) -> None:
        """Put what no server took into an offline folder of the same run, which `wandb sync` uploads with the rest."""
        offline = self._init(online=False, resumed=True)
        files(offline)
        offline.finish()

    def _missing(self) -> str | None:
        """Return why something did not reach the server, or None. wandb reports uploads that were refused in its own log only."""
        if self._trouble:
            return self._trouble
        with suppress(OSError, ValueError):
            log = Path(self._run.sync_dir) / "logs" / "debug-internal.log"
            entries = [json.loads(line) for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
            errors = [entry for entry in entries if entry.get("level") == "ERROR" and "/graphql" not in entry.get("url", "")]
            for entry in errors:
                return f"HTTP {entry['status']}" if "status" in entry else first_lines(ValueError(entry["msg"]))
        return None

    def _say_where(self, problem: str | None) -> None:
        place = shlex.quote(str(self._folder / "wandb"))
        if not self._session.online:
            note = f"; incomplete: {problem}" if problem else ""
            say(f"tracking: wandb offline{note}; view it with `wandb leet {place}`, upload with `wandb sync {place}`")
        elif problem:
            say(f"tracking: {server()} did not take everything ({problem}); upload it with `wandb sync --include-online {place}`")
        else:
            say(f"tracking: {self._run.url}")

    @contextmanager
    def _surviving(self, what: str, at_end: bool = False) -> Iterator[None]:
        """Keep trouble with the dashboard from troubling the run: it is kept for the line at the end.

        Args:
            what: is being reported.
            at_end: the run itself is over, so Ctrl-C means the upload.
        """
        try:
            yield
        except Exception as error:  # whatever a broken connection, disk or service process raises
            if not at_end:
                say(f"tracking: {what} could not be reported, and nothing more will be ({first_lines(error)}); the run continues")
            self._trouble = self._trouble or f"{what}: {first_lines(error)}"
        except KeyboardInterrupt:
            if not at_end:
                raise
            self._trouble = self._trouble or "stopped by Ctrl-C"
