"""Where wandb's figures go: to a server, or into the run folder until somebody uploads them. And how its errors read."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from urllib.parse import urlsplit

from train.config.sharing import TrackingConfig
from train.errors import TrackingError

QUIET = {"WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
"""wandb prints nothing of its own, and sends no reports about itself to its makers."""

MODES = {"online": "online", "run": "online", "offline": "offline", "dryrun": "offline", "disabled": "disabled"}
"""What WANDB_MODE may be, with wandb's older names."""

GO_ON = "or continue without a server: WANDB_MODE=offline (upload later), tracking=none"


@dataclass(frozen=True)
class Destination:
    """Online: a server takes the figures while the run goes. Offline: `why` says why not."""

    online: bool
    why: str = ""


def load_wandb() -> ModuleType:
    """Import the library.

    Raises:
        TrackingError: it is not there, or cannot be imported.
    """
    try:
        import wandb
    except Exception as error:  # a broken installation raises whatever breaks in it
        raise TrackingError(
            f"tracking=wandb needs the package wandb, which cannot be imported: {first_lines(error)}",
            hint="reinstall it (pip install 'wandb>=0.31'), or set tracking=none",
        ) from error
    return wandb


def settle(config: TrackingConfig, *, verify: bool) -> Destination | None:
    """Settle where figures go: online with a key or with a server of one's own (WANDB_BASE_URL), otherwise offline;
    `tracking.mode` and WANDB_MODE decide when they are set, the former first. None: WANDB_MODE=disabled.

    Args:
        config: the tracking section.
        verify: show the key to the server, which takes seconds at most.

    Raises:
        TrackingError: the mode is unknown, there is no key, or the server refuses it or does not answer.
    """
    load_wandb()
    mode: str = config.mode.value
    given = os.environ.get("WANDB_MODE", "")
    if mode == "auto" and given:
        if given not in MODES:
            raise TrackingError(
                f"WANDB_MODE={given} is not supported here", hint="set it to online, offline or disabled, or remove it"
            )
        mode = MODES[given]
    if mode == "disabled":
        return None
    if mode == "offline":
        return Destination(online=False, why="as asked for")
    demanded = mode == "online" or bool(os.environ.get("WANDB_BASE_URL"))
    if _log_in(verify, online=mode == "online"):
        return Destination(online=True)
    if demanded:
        raise TrackingError(
            f"tracking: there is no API key for {server()}",
            hint=f"put one into WANDB_API_KEY, or log in with `wandb login --host {server()}`; {GO_ON}",
        )
    return Destination(online=False, why="no API key")


def _log_in(verify: bool, online: bool) -> bool:
    """Tell whether there is a key, in the environment, in wandb's settings or in netrc. Never ask for one."""
    import wandb

    with environment(QUIET | ({"WANDB_MODE": "online"} if online else {}), override=online):
        try:
            return bool(wandb.login(prompt=False, verify=verify))
        except Exception as error:  # wandb's own, pydantic's for a bad setting, and what its service process raises
            raise refusal(error) from error


def refusal(error: Exception) -> TrackingError:
    """Return what to say when the server, or wandb itself, does not want to begin. The key is in no message."""
    reason = first_lines(error)
    if "did not respond in time" in reason:
        reason = f"it did not answer in time{_why_silent(server())}"
    return TrackingError(
        f"tracking: {server()} cannot be used: {reason}",
        hint=f"check the key (WANDB_API_KEY or `wandb login`), the address (WANDB_BASE_URL) and the network; {GO_ON}",
    )


def _why_silent(address: str) -> str:
    """Return what a plain connection finds, where it finds anything."""
    parts = urlsplit(address)
    try:
        socket.create_connection((parts.hostname, parts.port or 443), timeout=2).close()
    except OSError as error:
        return f" ({error.strerror or error})"
    return ""


def server() -> str:
    """Return the address of the server that is reported to."""
    if given := os.environ.get("WANDB_BASE_URL"):
        return given
    import wandb

    try:
        return str(wandb.setup().settings.base_url)
    except Exception:  # settings that cannot be read are reported by whoever reads them first
        return "the wandb server"


def first_lines(error: BaseException) -> str:
    """Put an error on one line, at most 300 characters, without the API key and without pydantic's address for more of it."""
    lines = [re.sub(r" \[type=.*", "", line).strip() for line in str(error).splitlines() if "errors.pydantic.dev" not in line]
    text = "; ".join(line for line in lines if line) or type(error).__name__
    key = os.environ.get("WANDB_API_KEY")
    text = text.replace(key, "…") if key else text
    return re.sub(r"\b[0-9a-fA-F]{40,}\b", "…", text)[:300]


@contextmanager
def environment(values: Mapping[str, str], override: bool = False) -> Iterator[None]:
    """Set environment variables for what a `with` block starts (wandb and its process, say), and take them back afterwards.

    Args:
        values: the variables.
        override: replace what the user has set.
    """
    before = {name: os.environ.get(name) for name in values}
    os.environ.update({name: value for name, value in values.items() if override or before[name] is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
