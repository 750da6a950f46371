"""Install packages with pip and show how far it is: `python tools/install.py .` in the environment that they are for.

Pip by itself either says nothing for minutes or prints several lines a package. Only the standard library is used, since nothing
else is there yet.
"""

from __future__ import annotations

import itertools
import queue
import re
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from pathlib import Path

PACKAGES = 84
"""Packages that a user needs, about."""
SECONDS = 15
"""Between two lines where nobody sees a line change."""
COLLECTED = re.compile(r"\s*Collecting ([\w.-]+)")
DOWNLOADED = re.compile(r"\s*Downloading (\S+) \((.+)\)")
FOUND = re.compile(r"\s*(?:Using cached|Processing) (\S+)")
INSTALLING = re.compile(r"Installing collected packages: (.+)")


def main(arguments: list[str]) -> int:
    """Run `pip install` with these arguments and return its exit code."""
    print(
        "Installing into .venv: most of a gigabyte is downloaded (several where pip takes torch for GPUs, which it does on Linux"
        " by itself),\n2.5 GB of disk are used. It takes one to three minutes where the network does not hold it up.",
        flush=True,
    )
    began, said = time.monotonic(), Line()
    command = [sys.executable, "-u", "-m", "pip", "install", "--progress-bar", "off", "--disable-pip-version-check", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    assert process.stdout is not None
    heard: list[str] = []
    state = State(installed())
    for line in lines(process.stdout):
        if line is not None:
            heard.append(line)
            state.hear(line)
        said.say(f"{time.monotonic() - began:4.0f} s  {state}", news=state.news())
    code = process.wait()
    said.end()
    if code:
        print("".join(heard[-40:]), file=sys.stderr)
    else:
        print(f"{installed()} packages are installed, {time.monotonic() - began:.0f} s", flush=True)
    return code


class State:
    """What pip is doing."""

    def __init__(self, before: int) -> None:
        self.before, self.collected, self.to_install = before, 0, 0
        self.doing, self.told = "asking for packages", ""

    def hear(self, line: str) -> None:
        """Take in a line of pip."""
        if found := COLLECTED.match(line):
            self.collected += 1
            self.doing = found[1]
        elif found := DOWNLOADED.match(line):
            self.doing = f"{found[1].split('-')[0]}, {found[2]}"
        elif found := FOUND.match(line):
            self.doing = f"{Path(found[1]).name.split('-')[0]}, without a download"
        elif found := INSTALLING.match(line):
            self.to_install = found[1].count(",") + 1

    def news(self) -> bool:
        """Tell whether another part of the work began since it was last asked."""
        part = "installing" if self.to_install else "collecting"
        changed, self.told = part != self.told, part
        return changed

    def __str__(self) -> str:
        if self.to_install:
            return f"installing, {min(self.to_install, max(0, installed() - self.before))} of {self.to_install} packages"
        return f"collecting, {self.collected} of about {PACKAGES} packages: {self.doing}"


class Line:
    """One line that changes where a person watches, and a new one now and then elsewhere."""

    def __init__(self) -> None:
        self.watched = sys.stdout.isatty()
        self.last = -float(SECONDS)

    def say(self, text: str, *, news: bool) -> None:
        """Show how far it is."""
        if self.watched:
            print(f"\r\033[K{text[:79]}", end="", flush=True)
        elif news or time.monotonic() - self.last >= SECONDS:
            self.last = time.monotonic()
            print(text, flush=True)

    def end(self) -> None:
        """Leave the line that changes."""
        if self.watched:
            print("\r\033[K", end="", flush=True)


def installed() -> int:
    """Return the number of packages in this environment."""
    return sum(1 for _ in Path(sysconfig.get_paths()["purelib"]).glob("*.dist-info"))


def lines(stream: object) -> Iterator[str | None]:
    """Yield what a stream says, and None each second in which it says nothing, to its end."""
    heard: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in itertools.chain(stream, [None]):  # type: ignore[call-overload]
            heard.put(line)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = heard.get(timeout=1)
        except queue.Empty:
            yield None
            continue
        if line is None:
            return
        yield line


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
