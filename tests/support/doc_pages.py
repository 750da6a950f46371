"""Reads the documentation: fenced blocks, the commands in them, links, headings, and settings named in the text."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "docs").glob("*.md")))
"""The pages whose Python and commands are run."""
ALL_PAGES = (*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "checkpoints" / "README.md")
"""The pages whose links, commands and settings are checked."""

PYTHON = ("python",)
SHELL = ("sh", "bash", "console")
PLAIN = ("text", "yaml", "json", "sql")
"""Languages of fenced blocks: what is executed, what is run, and what is only shown."""

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
SECTIONS = ("model", "other", "data", "training", "evaluation", "tracking", "export", "mining", "limits", "measure")
SETTING = re.compile(rf"({'|'.join(SECTIONS)})(\.(?!json)[A-Za-z0-9_]+)+(=.*)?")
"""A setting in the text: `training.seed`, `data.leaks=keep`."""


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: its page.
        line: number of its first line, from 1.
        language: the word behind the fence; empty where there is none.
        text: its lines.
    """

    page: Path
    line: int
    language: str
    text: str

    def commands(self) -> list[str]:
        """Return the commands of a shell block, continued lines joined, comments left out; of `console` those after `$`."""
        lines = self.text.replace("\\\n", " ").splitlines()
        if self.language == "console":
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        split = [shlex.split(line, comments=True) for line in lines]
        return [shlex.join(words) for words in split if words]


def name_of(page: Path) -> str:
    """Return the path of a page below the root."""
    return page.relative_to(ROOT).as_posix()


@cache
def blocks(page: Path) -> tuple[Block, ...]:
    """Return the fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return tuple(Block(page, text.count("\n", 0, found.start(2)) + 1, found[1], found[2]) for found in FENCE.finditer(text))


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def fenced_commands(page: Path) -> list[str]:
    """Return the commands of all shell blocks of a page."""
    return [command for block in blocks(page) if block.language in SHELL for command in block.commands()]


def named_commands(page: Path) -> list[str]:
    """Return the `embed-tune` commands that the text names, without those that hold a PLACEHOLDER for the command."""
    return [code for code in CODE.findall(prose(page)) if re.match(r"embed-tune [a-z]", code)]


def named_settings(page: Path) -> list[str]:
    """Return the keys of the settings that the text names."""
    return [code.partition("=")[0] for code in CODE.findall(prose(page)) if SETTING.fullmatch(code)]


def links(page: Path) -> list[str]:
    """Return the targets of a page's links that lead to files of the project."""
    return [target for target in LINK.findall(prose(page)) if not re.match(r"[a-z]+:", target)]


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the names by which the headings of a page are linked to, as GitHub makes them.

    Lower case, punctuation left out, blanks turned to hyphens.
    """
    headings = re.findall(r"^#{1,6} (.+?)\s*$", prose(page), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)
