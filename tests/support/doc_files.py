"""Small files by the names that the documentation uses, so that its commands have something to work on."""

from __future__ import annotations

import csv
import json
from pathlib import Path

THINGS = ("pod", "certificate", "database", "queue", "gateway", "volume", "pipeline", "dashboard", "secret", "cluster")
OTHER_THINGS = ("router", "mailbox", "printer", "licence", "sandbox", "calendar", "invoice", "tunnel", "sensor", "archive")
NEW_THINGS = ("bucket", "webhook", "replica", "snapshot", "notebook", "alert", "policy", "token", "runner", "mirror")
TASKS = {
    "restart": "drain the {} first, then start it again from the console",
    "back up": "a nightly job copies the {} to the archive bucket",
    "monitor": "the {} sends its metrics every ten seconds",
    "rename": "open the settings of the {} and type another name",
    "delete": "only an owner may remove the {} for good",
    "resize": "raise the limit in the plan of the {}",
    "share": "invite a colleague to the {} by mail",
    "debug": "look at the last hundred log lines of the {}",
}


def write_files(folder: Path) -> None:
    """Write `my_pairs.csv`, `golden.csv`, `new.csv`, `corpus.jsonl`, `notes.txt` and `today.jsonl` into a folder."""
    _write_pairs(folder / "my_pairs.csv", THINGS)
    _write_pairs(folder / "new.csv", NEW_THINGS)
    _write_pairs(folder / "golden.csv", OTHER_THINGS)
    answers = [answer for _, answer in _pairs(THINGS)]
    lines = (json.dumps({"_id": f"d{number}", "text": answer}) for number, answer in enumerate(answers))
    (folder / "corpus.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    asked = (json.dumps({"query": question}) for question, _ in _pairs(THINGS))
    (folder / "today.jsonl").write_text("\n".join(asked) + "\n", encoding="utf-8")
    (folder / "notes.txt").write_text("\n".join(answers) + "\n", encoding="utf-8")


def _pairs(things: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(f"how do I {task} the {thing}", answer.format(thing)) for thing in things for task, answer in TASKS.items()]


def _write_pairs(path: Path, things: tuple[str, ...]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("question", "answer"))
        writer.writerows(_pairs(things))
