"""What both pages, a run's and the index, are made of: one HTML file that carries its styles, scripts and data in itself.

Nothing is ever loaded. A content security policy says so to the browser: it runs only the scripts and styles whose SHA-256
stands in the page, so that even a text that became markup by a mistake of ours could do nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from train import wording
from train.console import plain
from train.evaluate.headline import scope

_HERE = Path(str(files("train.report")))
ASSETS = _HERE / "assets"

_ICON_COLOURS = {"improved": "%231a7f37", "regressed": "%23cf222e", "mixed": "%23b07a00", "no_evidence": "%2377808a"}
_ICON_SHAPES = {
    "improved": "M8 3l5 9H3z",
    "regressed": "M8 13l5-9H3z",
    "mixed": "M8 2l5 6-5 6-5-6z",
    "no_evidence": "M8 4a4 4 0 100 8 4 4 0 000-8z",
}


RELOADED_EVERY = 10
"""Seconds after which the page reloads itself."""

SILENT_AFTER = 180
"""Seconds without a new figure after which the page asks whether the run still goes on. Long stretches without one are a few tens
of seconds: a large window of texts on a slow processor, resampling of a large test."""


def build(template: str, *, styles: Sequence[str], scripts: Sequence[str], data: Any, verdict: str, **context: Any) -> str:
    """Build a complete page.

    Args:
        template: file name of the template, in `templates`.
        styles, scripts: file names in `assets`, in their order.
        data: JSON value that the scripts read.
        verdict: shown in the browser's tab by colour and shape.
        context: everything else that the template names.
    """
    style, script = "\n".join(map(_asset, styles)), "\n".join(map(_asset, scripts))
    html = (
        _templates()
        .get_template(template)
        .render(
            style=Markup(style),
            script=Markup(script),
            policy=policy([style], [script]),
            icon=Markup(icon(verdict)),
            verdict=verdict,
            data=script_data(data),
            **context,
        )
    )
    return writable(html)


def live_data(updated_at: str) -> dict[str, str | int]:
    """Return what the script needs that reloads a page."""
    return {"updated": updated_at, "every": RELOADED_EVERY, "silent": SILENT_AFTER}


def policy(styles: Iterable[str], scripts: Iterable[str]) -> str:
    """Return the content security policy of a page with these inline styles and scripts, and with nothing else."""
    hashes = {"style-src": styles, "script-src": scripts}
    allowed = (f"{rule} {' '.join(_digest(text) for text in texts)}" for rule, texts in hashes.items())
    return "; ".join(["default-src 'none'", *allowed, "img-src data:", "base-uri 'none'", "form-action 'none'"])


def script_data(value: Any) -> Markup:
    """Return JSON for a `<script type="application/json">`: no character in it can end the element or begin another.

    Raises:
        ValueError: it holds NaN or infinity, which JSON does not know.
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))  # ASCII, so U+2028 and U+2029 are escaped already
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def inline_script(text: str) -> str:
    """Return JavaScript that can stand in a `<script>` element and means the same.

    `</script` and `<!--` in it would end the element or change how it is read. They occur in strings, templates and regular
    expressions, where `\\x3C` is another way to write `<`.
    """
    return re.sub(r"<(?=/script|script|!--)", r"\\x3C", text, flags=re.IGNORECASE)


def icon(verdict: str) -> str:
    """Return the address of the icon in the browser's tab, a drawing within the address itself."""
    colour, shape = _ICON_COLOURS.get(verdict, "%2377808a"), _ICON_SHAPES.get(verdict, _ICON_SHAPES["no_evidence"])
    return (
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
        f"%3Cpath fill='{colour}' d='{shape}'/%3E%3C/svg%3E"
    )


def moment(text: str, *, seconds: bool = False) -> str:
    """Return a time in ISO 8601 as people read it, in UTC: "2026-11-22 17:35 UTC". What is no such time stays as it is."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return plain(text)
    return (found if found.tzinfo is None else found.astimezone(UTC)).strftime(f"%Y-%m-%d %H:%M{':%S' * seconds} UTC")


def writable(html: str) -> str:
    """Return the text without what UTF-8 or a browser cannot take: halves of surrogate pairs, as a cut JSON escape leaves,
    NUL."""
    whole = html.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\0", "\ufffd")


@cache
def _templates() -> Environment:
    loader = FileSystemLoader(_HERE / "templates")
    templates = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    templates.filters |= {
        "fraction": wording.fraction,
        "change": wording.change,
        "interval": wording.interval,
        "p_value": wording.p_value,
        "metric_name": wording.metric_name,
        "things": wording.things,
        "duration": wording.duration,
        "moment": lambda text: moment(text, seconds=True),
        "tick": lambda value: f"{value:+.6g}" if abs(value) > 1e-9 else "0",
        "plain": plain,
        "scope": scope,
        "tojson_text": lambda text: json.dumps(text, ensure_ascii=False),
        "initial": lambda text: text[:1].upper() + text[1:],
        "count": lambda number: f"{number:,}",
    }
    templates.filters["zip"] = zip
    templates.globals |= {"words": wording.VERDICT_WORDS, "signs": SIGNS}
    return templates


SIGNS: Mapping[str, str] = {"improved": "▲", "regressed": "▼", "mixed": "◆", "no_evidence": "○"}
"""A shape for each verdict, beside its word and its colour."""


@cache
def _asset(name: str) -> str:
    text = (ASSETS / name).read_text(encoding="utf-8")
    if not name.endswith(".js"):
        return text
    return inline_script(text)


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode()}'"
