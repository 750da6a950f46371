from __future__ import annotations

import itertools
from html.parser import HTMLParser

import pytest

from train.evaluate.page import Chart, learning_curve, render

VOID = {"meta", "link", "br", "hr", "img", "input"}
HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "</title></style><b>",
    "{{ 7 * 7 }}",
    "ünï 漢字 😀 \u202e",
    "a\ud800b",
]


class Reader(HTMLParser):
    """Collects tags, attributes and text, and checks that tags are closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text.append(data)

    def all_text(self) -> str:
        return " ".join("".join(self.text).split())


def page(text: str = "plain") -> str:
    entry = {
        "name": text,
        "kind": "pair",
        "split": "test",
        "metric": "ndcg@10",
        "n": 1225,
        "base": 0.532,
        "tuned": 0.621,
        "delta": 0.089,
        "ci95": [0.075, 0.103],
        "p_value": 0.0001,
        "verdict": "improved",
        "metrics": {"ndcg@10": {"base": 0.532, "tuned": 0.621}},
    }
    report = {"verdict": "improved", "run": text, "base_model": text, "datasets": [entry], "cost": {"train_seconds": 90.0}}
    ranking = [{"id": text, "text": text, "relevant": True, "grade": 1.0, "score": 0.5}]
    gained = {"dataset": text, "kind": "gained", "query": text, "base": 0.1, "tuned": 0.9}
    lost = {"dataset": text, "kind": "lost", "sentence1": text, "sentence2": text, "base": 0.9, "tuned": 0.1}
    examples = [
        gained | {"base_ranking": ranking, "tuned_ranking": ranking},
        lost | {"gold": 0.5, "base_similarity": 0.5, "tuned_similarity": 0.9},
    ]
    curve = [{"step": 0, "dev": 0.5}, {"step": 20, "dev": 0.55}, {"step": 40, "dev": 0.57}]
    extras = {"data_notes": {text: [text]}, "command": text, "config": text, "environment": {text: [text]}}
    return render(report, curve, examples, extras)


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_of_the_user_stay_text(text: str) -> None:
    hostile, harmless = Reader(page(text)), Reader(page())
    assert hostile.tags == harmless.tags, "no text becomes a tag"
    assert "script" not in hostile.tags and "img" not in hostile.tags
    assert not [name for _, name, _ in hostile.attributes if name.startswith("on") or name in {"src", "href"}]
    # run, base model, sentence, 2 tables, 2 groups, query, 4 documents' text and id, 3 sentences, notes, command, config
    assert hostile.all_text().count(" ".join(text.replace("\ud800", "?").split())) >= 15


def test_page_can_be_written_as_utf_8_and_needs_no_network() -> None:
    html = page(HOSTILE[-1])
    assert html.encode("utf-8")
    assert "http" not in html.replace("http-equiv", "")
    assert "@import" not in html and "url(" not in html


def test_headings_do_not_skip_and_tables_have_captions_and_scopes() -> None:
    reader = Reader(page())
    levels = [int(tag[1]) for tag in reader.tags if tag in {"h1", "h2", "h3", "h4"}]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert reader.tags.count("table") == reader.tags.count("caption") == 4
    assert reader.tags.count("th") == sum(1 for tag, name, _ in reader.attributes if tag == "th" and name == "scope")
    assert ("html", "lang", "en") in reader.attributes
    assert ("meta", "name", "viewport") in reader.attributes
    assert "prefers-color-scheme: dark" in page()


def test_figures_and_words() -> None:
    text = Reader(page()).all_text()
    for part in (
        "The tuned model is better than the base on plain: nDCG@10 0.532 → 0.621",
        "+0.075 to +0.103",
        "<0.001",
        "better",
        "best: judged on test",
        "0.100 → 0.900",
        "✓ relevant",
        "cosine 0.500 → 0.900",
        "1 min 30 s",
    ):
        assert part in text


def test_a_run_with_nothing_to_show_still_gives_a_page() -> None:
    html = render({"verdict": "no_evidence", "datasets": []}, [], [], {})
    reader = Reader(html)
    assert "Nothing was judged" in reader.all_text()
    assert "svg" not in reader.tags and "table" not in reader.tags


def test_chart_places_points_between_its_axes() -> None:
    chart = learning_curve([{"step": 0, "dev": 0.5}, {"step": 50, "dev": 0.6}, {"step": 100, "dev": 0.55}])
    xs, ys = [p[0] for p in chart.points], [p[1] for p in chart.points]
    assert xs == [Chart.LEFT, (Chart.LEFT + Chart.RIGHT) / 2, Chart.RIGHT]
    assert ys[0] == chart.base_y == max(ys) and ys[1] == min(ys), "higher values are higher up"
    assert all(Chart.TOP <= y <= Chart.BOTTOM for y in ys)
    assert [label for _, label in chart.ticks] == ["0.490", "0.520", "0.550", "0.580", "0.610"]


def test_chart_of_equal_values_has_a_height() -> None:
    chart = learning_curve([{"step": 10, "dev": 0.5}, {"step": 20, "dev": 0.5}])
    assert {y for _, y, _, _ in chart.points} == {(Chart.TOP + Chart.BOTTOM) / 2}
    assert chart.base_y is None
