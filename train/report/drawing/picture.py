"""A picture on a page: what it says in a sentence, the drawing, and the figures as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from train.report.drawing.plot import Drawn
from train.report.drawing.svg import element, joined


@dataclass(frozen=True)
class Table:
    """The figures of a picture.

    Attributes:
        caption: what they are.
        headings: of the columns; the first one heads what the rows are.
        rows: as text; the first cell names the row.
        words: columns, by number, that hold words and no figures.
    """

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: Sequence[int] = ()

    def __html__(self) -> Markup:
        head = [element("th", name, scope="col", class_=self._css(place)) for place, name in enumerate(self.headings)]
        rows = [
            element(
                "tr",
                element("th", element("bdi", row[0]), scope="row"),
                *(element("td", cell, class_=self._css(place)) for place, cell in enumerate(row[1:], start=1)),
            )
            for row in self.rows
        ]
        return element(
            "table",
            element("caption", self.caption),
            element("thead", element("tr", *head)),
            element("tbody", *rows),
        )

    def _css(self, place: int) -> str | None:
        return None if place == 0 or place in self.words else "n"


@dataclass(frozen=True)
class Key:
    """What a line or area stands for; `look` are its classes in the style sheet, `shape` that of its points."""

    look: str
    name: str
    shape: int = 0

    def __html__(self) -> Markup:
        drawn = Markup('<svg aria-hidden="true" viewBox="0 0 32 12"><line class="line {}" x1="0" x2="32" y1="6" y2="6"/></svg>')
        return element("li", drawn.format(self.look), element("bdi", self.name))


@dataclass(frozen=True)
class Picture:
    """A picture as it stands in a template: `{{ picture }}`.

    Attributes:
        name: of the element, to link to.
        title: a heading above it; "" for none.
        sentence: what it says, worked out from the same figures.
        drawn: in both widths.
        table: the figures.
        keys: what lines stand for, below the drawing, where there is no room beside them.
        keys_slim_only: whether the broad drawing names its lines itself.
        note: how to read it.
    """

    name: str
    title: str
    sentence: str
    drawn: Drawn
    table: Table | None = None
    keys: Sequence[Key] = ()
    keys_slim_only: bool = True
    note: str = ""

    def __html__(self) -> Markup:
        """Return the figure below its heading; everything in it that is text is escaped."""
        return joined([element("h3", self.title), self.untitled()]) if self.title else self.untitled()

    def untitled(self) -> Markup:
        """Return the figure without its heading, for where another one stands above it."""
        parts = [element("figcaption", self.sentence)]
        parts += [self.drawn.broad] if self.drawn.slim is None else [self.drawn.broad, self.drawn.slim]
        if self.keys:
            css = "picture-keys slim" if self.keys_slim_only else "picture-keys"
            parts.append(element("ul", *(key.__html__() for key in self.keys), class_=css))
        if self.note:
            parts.append(element("p", self.note, class_="small soft"))
        if self.table is not None:
            region = element(
                "div", self.table.__html__(), class_="wide", tabindex="0", role="region", aria_label=self.table.caption
            )
            parts.append(element("details", element("summary", "The figures as a table"), region))
        return element("figure", *parts, class_="picture", id=self.name)
