"""Pictures as SVG: scales and places worked out by hand, and what holds for every picture whatever is in it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from train.report.drawing.bins import bin_chart
from train.report.drawing.lines import Panel, Series, apart, line_chart
from train.report.drawing.picture import Key, Picture, Table
from train.report.drawing.plot import Drawn, Plot
from train.report.drawing.rows import DrawnRow, row_chart
from train.report.drawing.scale import Scale, round_step, tick_texts
from train.report.drawing.scatter import Cloud, Stop, cloud_chart, way_chart
from train.report.drawing.spread import Spread, SpreadPanel, shares, spread_chart
from train.report.drawing.svg import element, number, shortened, width_of

SOUND = st.floats(-1e6, 1e6).map(lambda value: round(value, 6))
FRACTION = st.floats(-1, 1).map(lambda value: round(value, 6))


def test_a_scale_places_values_and_stops_at_its_ends() -> None:
    scale = Scale(-0.1, 0.3, 40.0, 240.0)
    assert [scale.place(value) for value in (-0.1, 0.0, 0.3, 0.9, -5.0)] == pytest.approx([40, 90, 240, 240, 40])
    assert Scale.over([2.0, None, 4.0, math.nan], 0, 100, room=0.1) == Scale(1.8, 4.2, 0, 100)
    assert Scale.over([0.2], 0, 1, zero=True, room=0.0) == Scale(0.0, 0.2, 0, 1)


@pytest.mark.parametrize(
    ("low", "high", "most", "texts"),
    [
        (-0.013, 0.052, 6, ["0", "+0.02", "+0.04"]),
        (0.43, 0.47, 5, ["+0.43", "+0.44", "+0.45", "+0.46", "+0.47"]),
        (0, 295, 6, ["0", "+50", "+100", "+150", "+200", "+250"]),
        (0, 2.1e-5, 3, ["0", "+1e-5", "+2e-5"]),
        (-4000, 4000, 4, ["-4,000", "-2,000", "0", "+2,000", "+4,000"]),
    ],
)
def test_ticks_are_round_and_say_no_more_than_they_differ_by(low: float, high: float, most: int, texts: list[str]) -> None:
    assert tick_texts(Scale(low, high, 0, 1).ticks(most), signed=True) == texts


@given(st.lists(SOUND, max_size=20), st.integers(2, 8), st.booleans())
def test_every_scale_holds_its_values_and_has_round_ticks(values: list[float], most: int, zero: bool) -> None:
    scale = Scale.over(values, 10.0, 90.0, zero=zero)
    assert scale.low < scale.high and all(scale.holds(value) for value in values) and (scale.holds(0.0) or not zero)
    step, ticks = round_step(scale.high - scale.low, most), scale.ticks(most)
    assert 1 <= len(ticks) <= most + 1 and len(set(tick_texts(ticks))) == len(ticks)
    assert re.fullmatch(r"[125]\.0+e[+-]\d+", f"{step:.6e}")
    for tick in ticks:
        assert tick / step == pytest.approx(round(tick / step)) and 10 - 1e-6 <= scale.place(tick) <= 90 + 1e-6


def test_coordinates_are_short_and_never_nan() -> None:
    assert [number(value) for value in (1.0, -0.04, 12.345, 100)] == ["1", "0", "12.3", "100"]
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match="no coordinate"):
            number(bad)


def test_texts_are_escaped_and_cut_where_there_is_no_room() -> None:
    assert element("text", "<b>&", class_='a"b', x=1.25) == '<text class="a&#34;b" x="1.2">&lt;b&gt;&amp;</text>'
    assert shortened("a name", 100) == "a name" and shortened("w" * 10_000, 70).endswith("…")
    assert width_of(shortened("漢字" * 50, 70)) <= 70
    assert element("rect", width=None, fill_opacity="0.5") == '<rect fill-opacity="0.5"></rect>'


@given(st.lists(st.floats(0, 200), max_size=12))
def test_names_at_the_ends_of_lines_stay_apart_and_in_order(wanted: list[float]) -> None:
    found = apart(wanted, 15.0, 0.0, 200.0)
    for (want, place), (other, beside) in zip(
        sorted(zip(wanted, found, strict=True)), sorted(zip(wanted, found, strict=True))[1:], strict=False
    ):
        assert want <= other and beside - place >= 15 - 1e-6
    assert all(-1e-6 <= place <= 200 + 1e-6 for place in found)


def test_names_of_lines_that_end_together_are_spread_by_their_height() -> None:
    assert apart([50, 52, 120], 15, 0, 200) == [50, 65, 120]
    assert apart([199, 198], 15, 0, 200) == [200, 185]


def test_shares_count_each_value_once_with_the_borders() -> None:
    assert shares([0.0, 0.1, 0.1, 0.3], low=0.0, step=0.1, parts=3) == [0.25, 0.5, 0.25]


def drawings(drawn: Drawn) -> list[ElementTree.Element]:
    """Return both widths, parsed: what is no XML raises."""
    return [ElementTree.fromstring(str(one)) for one in drawn if one is not None]


COORDINATES = ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy")


def assert_inside(drawn: Drawn) -> None:
    """Every coordinate lies in the drawing, and none is NaN."""
    for svg in drawings(drawn):
        width, height = map(float, svg.attrib["viewBox"].split()[2:])
        for part in svg.iter():
            places = [
                (name[-1] if name[-1] in "xy" else name[0], float(part.attrib[name]))
                for name in COORDINATES
                if name in part.attrib
            ]
            numbers = list(map(float, re.findall(r"-?[\d.]+", part.attrib.get("d", "").replace("h0", ""))))
            places += [
                *zip("x" * len(numbers), numbers[::2], strict=False),
                *zip("y" * len(numbers), numbers[1::2], strict=False),
            ]
            for axis, value in places:
                assert -0.1 <= value <= (width if axis == "x" else height) + 0.1, ElementTree.tostring(part)


def texts_of(drawn: Drawn) -> list[list[str]]:
    return [[part.text or "" for part in svg.iter("text")] for svg in drawings(drawn)]


def places_of(svg: ElementTree.Element, tag: str, css: str, *names: str) -> list[tuple[float, ...]]:
    found: Iterable[ElementTree.Element] = (part for part in svg.iter(tag) if css in part.attrib["class"].split())
    return [tuple(float(part.attrib[name]) for name in names) for part in found]


def test_a_line_goes_through_its_points_and_breaks_at_gaps() -> None:
    points = [(0, 0.0), (10, 0.1), (20, None), (30, 0.3), (40, 0.4)]
    drawn = line_chart([Panel("score", [Series("dev", points, "s3")], zero=True)], "dev scores", mark=(30, "taken"))
    broad, slim = drawings(drawn)
    assert broad.attrib["role"] == "img" and broad.attrib["aria-label"] == "dev scores"
    lines = [part.attrib["d"] for part in broad.iter("path") if "line" in part.attrib["class"]]
    assert len(lines) == 2 and all(line.count("L") == 1 for line in lines)
    dots = places_of(broad, "circle", "s3", "cx", "cy")
    assert len(dots) == 4
    (x0, y0), (x1, y1), (x3, y3), _ = dots
    assert (x3 - x0) / (x1 - x0) == pytest.approx(3, abs=0.01) and (y3 - y0) / (y1 - y0) == pytest.approx(3, abs=0.01)
    ((mark, _),) = places_of(broad, "line", "mark", "x1", "y1")
    assert mark == x3
    ((zero,),) = places_of(slim, "line", "zero", "y1")
    assert zero == places_of(slim, "circle", "s3", "cy")[0][0]
    for texts in texts_of(drawn):
        assert {"score", "training step", "taken", "dev", "0", "0.2"} <= set(texts)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.lists(st.none() | FRACTION, min_size=1, max_size=8).filter(lambda one: any(v is not None for v in one)),
        min_size=1,
        max_size=14,
    ),
    st.text(max_size=60),
)
def test_lines_stay_in_the_drawing(values: list[list[float | None]], name: str) -> None:
    series = [Series(f"{name} {i}", list(enumerate(one)), f"s{i % 12}", shape=i) for i, one in enumerate(values)]
    panels = [Panel("change", series, signed=True, zero=True, level=(0.0, "base")), Panel("loss", series[:1], height=80)]
    if name.isprintable():
        assert_inside(line_chart(panels, "x", mark=(2, "a long word at the mark")))


def test_a_row_is_drawn_from_end_to_end_of_its_interval() -> None:
    rows = [DrawnRow("documents"), DrawnRow("new", 0.05, (0.0, 0.1), "+0.050", look="improved", title="what it is")]
    drawn = row_chart(rows, "parts", "change of nDCG@10")
    for svg in drawings(drawn):
        (zero,) = {x for (x,) in places_of(svg, "line", "zero", "x1")}
        (low, high), *ends = places_of(svg, "line", "span", "x1", "x2")
        assert low == zero and sorted(ends) == [(low, low), (high, high)]
        (point,) = [part for part in svg.iter("path") if "improved" in part.attrib["class"]]
        assert "what it is" in [title.text for title in point.iter("title")]
    assert all({"documents", "new", "+0.050", "0"} <= set(texts) for texts in texts_of(drawn))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "w" * 90, "漢字" * 30]), FRACTION, FRACTION, FRACTION), min_size=1, max_size=12))
def test_rows_stay_in_the_drawing(rows: list[tuple[str, float, float, float]]) -> None:
    made = [
        DrawnRow(name, middle, (min(a, b), max(a, b)), f"{middle:+.3f}", dots=[(a, "one"), (b, "two")])
        for name, a, middle, b in rows
    ]
    assert_inside(row_chart([DrawnRow("heading"), *made], "x", "change"))


def test_spreads_are_named_with_their_medians_and_the_threshold() -> None:
    base = SpreadPanel("Base", [Spread("relevant", [0.5, 0.6, 0.7], "s0"), Spread("best wrong", [0.3, 0.4, 0.5], "s1 dash1")])
    tuned = SpreadPanel("Tuned", base.spreads, (0.55, "threshold 0.55"))
    drawn = spread_chart([base, tuned], "x", x_name="cosine similarity", things="queries")
    for texts in texts_of(drawn):
        assert texts.count("relevant, median 0.60") == 2 and texts.count("best wrong, median 0.40") == 2
        assert texts.count("threshold 0.55") == 1 and "cosine similarity" in texts
        assert any(re.fullmatch(r"\d+% of queries", text) for text in texts)


@settings(max_examples=30, deadline=None)
@given(st.lists(FRACTION, min_size=1, max_size=30), st.lists(FRACTION, min_size=1, max_size=30), FRACTION)
def test_spreads_stay_in_the_drawing(right: list[float], wrong: list[float], threshold: float) -> None:
    panel = SpreadPanel("Base", [Spread("relevant", right, "s0"), Spread("best wrong", wrong, "s1")], (threshold, "threshold"))
    assert_inside(spread_chart([panel, panel], "x", x_name="cosine similarity", things="queries"))
    assert sum(shares(right, -1.0, 0.1, 20)) == pytest.approx(1)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(FRACTION, FRACTION), min_size=1, max_size=12))
def test_ways_and_clouds_stay_in_the_drawing(points: list[tuple[float, float]]) -> None:
    stops = [Stop(f"{i}%", x, y, "title", taken=i == 1) for i, (x, y) in enumerate(points)]
    assert_inside(way_chart(stops, "x", x_name="change on other work", y_name="change on dev"))
    assert_inside(
        cloud_chart([Cloud("Base", points, points[:3], "s0")] * 2, "x", x_name="gold score", y_name="cosine similarity")
    )


def test_counts_stand_in_their_cells_with_a_sign_for_the_direction() -> None:
    drawn = bin_chart([[5, 2], [1, 0]], ["1", "2–3"], "x", before="base", after="tuned", things="queries")
    assert_inside(drawn)
    (texts,) = texts_of(drawn)
    assert [text for text in texts if text in ("5", "▲ 2", "▼ 1", "0")] == ["5", "▲ 2", "▼ 1"]
    (svg,) = drawings(drawn)
    titles = [title.text for title in svg.iter("title")]
    assert titles[1] == "2–3 before, 1 after: 2 queries (better)" and titles[2] == "1 before, 2–3 after: 1 queries (worse)"
    opacities = [float(part.attrib["fill-opacity"]) for part in svg.iter("rect")]
    assert opacities[0] == max(opacities) == 0.5 and opacities[3] == 0


def test_a_picture_is_a_figure_with_its_sentence_and_its_table() -> None:
    plot = Plot(100, 50, 10, 90, 10, 40)
    table = Table("Scores", ("Model", "Score", "Note"), [("<base>", "0.5", "a & b")], words=(2,))
    picture = Picture(
        "scores", "How it went", "It gained.", Drawn(plot.svg("one", "x")), table, [Key("s0 dash1", "<b>")], note="Up is better."
    )
    html = str(picture.__html__())
    assert html.startswith(
        '<h3>How it went</h3><figure class="picture" id="scores"><figcaption>It gained.</figcaption><svg class="plot one"'
    )
    root = ElementTree.fromstring(f"<div>{html}</div>")
    assert [cell.text for cell in root.iter("td")] == ["0.5", "a & b"] and [cell.attrib for cell in root.iter("td")] == [
        {"class": "n"},
        {},
    ]
    assert [one.text for one in root.iter("bdi")] == ["<b>", "<base>"] and root.find(".//summary") is not None
