from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re

import pytest

from tests.conftest import ROOT
from tests.support.pages import HOSTILE, Reader, curve, page_arguments, query, rendered, result


def page(text: str | None = None) -> str:
    return rendered(*page_arguments(text))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_texts_of_others_stay_text(text: str) -> None:
    hostile, harmless = Reader(page(text)), Reader(page())
    # labels of models bring a legend and a sentence, but no other elements; scripts and styles are ours alone
    assert [tag for tag in hostile.tags if tag in {"script", "img", "style", "iframe", "object", "form", "base"}] == [
        "style",
        "script",
        "script",
    ]
    assert sorted(set(hostile.tags)) == sorted(set(harmless.tags))
    assert not [n for _, n, v in hostile.attributes if n.startswith("on") or n in {"src", "srcdoc", "action", "style"}]
    assert all(v is not None and v.startswith(("#", "data:image/svg+xml,")) for _, n, v in hostile.attributes if n == "href")
    assert [raw for raw in hostile.raw if raw[0] != "application/json"] == [
        raw for raw in harmless.raw if raw[0] != "application/json"
    ]
    assert hostile.open == [] and "\0" not in page(text)
    shown = text.replace("\0", "\ufffd").replace("\ud800", "\ufffd")
    # queries and documents come in full; names without the characters that would reach beyond them
    assert hostile.all_text().count(" ".join(shown.split())) >= 15


def test_the_data_for_scripts_is_json_without_markup() -> None:
    kinds = Reader(page("</script>\u2028<!--")).raw
    block = next(text for kind, text in kinds if kind == "application/json")
    assert not re.search("[<>&\u2028\u2029]", block)
    assert isinstance(json.loads(block), dict)


def test_the_policy_allows_the_page_s_own_styles_and_scripts_and_nothing_else() -> None:
    reader = Reader(page("<script>alert(1)</script>"))
    policy = dict(rule.split(" ", 1) for rule in reader.value("meta", "content").split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'" and policy["img-src"] == "data:"
    for kind in ("style", "script"):
        digests = [hashlib.sha256(text.encode()).digest() for name, text in reader.raw if name == kind]
        assert policy[f"{kind}-src"].split() == [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
        assert "unsafe" not in policy[f"{kind}-src"]
    # a policy covers only what comes after it
    assert reader.tags.index("meta") < reader.tags.index("style") < reader.tags.index("script")


def test_nothing_in_it_names_a_place_to_load_from() -> None:
    reader = Reader(page())
    style = next(text for kind, text in reader.raw if kind == "style")
    assert "@import" not in style and "url(" not in style
    assert "sourceMappingURL" not in page()


def test_headings_do_not_skip_and_tables_have_captions_and_scopes() -> None:
    reader = Reader(page())
    levels = [int(tag[1]) for tag in reader.tags if tag in {"h1", "h2", "h3", "h4"}]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert reader.tags.count("table") == reader.tags.count("caption") == 5  # results, metrics, curve, a pair, data
    assert reader.tags.count("th") == sum(1 for tag, name, _ in reader.attributes if tag == "th" and name == "scope")
    assert ("html", "lang", "en") in reader.attributes and ("meta", "name", "viewport") in reader.attributes
    ids = [value for _, name, value in reader.attributes if name == "id"]
    assert {value[1:] for _, name, value in reader.attributes if name == "href" and value and value[0] == "#"} <= set(ids)
    assert len(ids) == len(set(ids))


def test_the_verdict_comes_first_and_each_of_its_figures_once() -> None:
    reader = Reader(page())
    line = "Better on 1 of 2 data sets: nDCG@10 0.532 → 0.621 on docs"
    assert reader.all_text().startswith(
        f"{line} · first-run first-run ▲ {line} (1,225 queries of test) The change is +0.089, 95% interval +0.075 to +0.103."
        " Base model all-MiniLM-L6-v2 In model/ step 60 Took 2 min 0 s Finished 2026-11-22 17:35 UTC"
    )
    html = page()
    hero = html[html.index("<header") : html.index("</header>")]
    assert [hero.count(figure) for figure in ("0.532", "0.621", "+0.089", "+0.075", "1,225")] == [1] * 5


@pytest.mark.parametrize(
    "part",
    [
        "The tuned model is better than the base on docs: nDCG@10 0.532 → 0.621 (+0.089, 95% interval +0.075 to +0.103",
        "Whether the tuned model differs from the base on pairs two is unproven: Spearman",
        'Use it It is worse: use the other. In Python model = SentenceTransformer("checkpoints/first/model")',
        'queries: "find: " In the terminal Embed a file of texts embed-tune embed texts.csv --model checkpoints/first',
        "Old vectors do not fit: embed-tune embed them again.",
        "docs nDCG@10 1,225 0.532 0.621 +0.089 +0.075 to +0.103",
        "-0.010 to +0.018",
        "MRR@10 0.400 0.450 +0.050",
        "The best of 3 checkpoints is that of step 60: mean dev score 0.495 (+0.045 against the base). It was judged on test.",
        "60 0.495 +0.045 0.430 0.560 1 min 30 s best: judged on test",
        "docs: 400 of 1,225 queries gained, 100 lost, 725 stayed the same.",
        "▲ +0.800 0.100 → 0.900 how to restart a pod",
        "Right Délete the pod; its controller makes it again rank 2 → 1 docs.csv:7",
        "Wrong, and found first Scale a deployment rank 1 by base, rank 2 by tuned similarity 0.500",
        "This query: docs.csv:3",
        "✓ relevant similarity 0.500 ↑ from rank 2",
        "▼ -0.800 0.900 → 0.100 k8s deploy",
        "docs pairs 3,005 (2,865 queries) 456 1,303 4,730",
        "Warning: rows of test in train: 2, for instance a.csv:1",
        "training 1 min 30 s (75%) · evaluation 20 s (17%) · the rest 10 s (8%)",
        "git checkout d9fc2a3",
        'pip install "torch==2.13.0"',
        "SHA-256 53aa5117",
        "docs b6ba0d94",
        "2026-11-22 17:35 UTC",
        "Made by embed-tune 0.1.0.",
    ],
)
def test_figures_and_words(part: str) -> None:
    assert part in Reader(page()).all_text()


def test_two_named_models_stand_where_base_and_tuned_would() -> None:
    report, _, examples, extras = page_arguments()
    report |= {"labels": {"base": "bge-small", "tuned": "e5-small"}}
    text = Reader(rendered(report, [], examples, extras)).all_text()
    assert "e5-small is better than bge-small on 1 of 2 data sets" in text
    assert (
        "e5-small against bge-small, by the primary metric" in text
        and "e5-small against bge-small ▲ Better on 1 of 2 data sets" in text
    )
    assert "Data set Metric n bge-small e5-small Change" in text
    assert not re.search(r"\b([Tt]uned|[Tt]he base|Base)\b", text.replace("Base model", "").replace("base model", ""))


def test_long_names_of_models_are_told_in_a_legend() -> None:
    report, *rest = page_arguments()
    report |= {"labels": {"base": "sentence-transformers/all-MiniLM-L6-v2", "tuned": "intfloat/e5-small"}}
    text = Reader(rendered(report, *rest)).all_text()
    assert "Data set Metric n A B Change" in text
    assert "A is sentence-transformers/all-MiniLM-L6-v2, B is intfloat/e5-small." in text


def test_a_run_with_nothing_to_show_still_gives_a_page() -> None:
    reader = Reader(rendered({"verdict": "no_evidence", "datasets": []}, [], [], {}))
    assert "Nothing was judged" in reader.all_text()
    assert not {"table", "svg", "figure", "section", "nav"} & set(reader.tags)


def test_many_data_sets_have_their_sentences_behind_a_line() -> None:
    results = [result(f"set {i}") for i in range(12)]
    html = rendered({"verdict": "improved", "datasets": results}, [], [], {})
    text = Reader(html).all_text()
    assert (
        "A sentence for each of the 12 data sets" in text and text.count("The tuned model is better than the base on set") == 12
    )


def test_a_page_stays_below_a_megabyte_and_a_half_whatever_the_texts() -> None:
    results = [result(f"set {i}") for i in range(12)]
    examples = [
        query("?" * 400, ["漢" * 400] * 5, kind, f"set {i}", base=0.01 * k)
        for i in range(12)
        for kind in ("gained", "lost")
        for k in range(25)
    ]
    log = curve([f"set {i}" for i in range(12)], 200)
    html = rendered({"verdict": "improved", "datasets": results}, log, examples, {})
    assert 1_000_000 < len(html.encode()) < 1_500_000
    shown = html.count('<details class="case">')
    assert f"{600 - shown:,} more were left out to keep the page small." in Reader(html).all_text()
    # every data set and direction keeps its largest changes
    assert html.count('<div class="group"') == 24 and shown >= 48


def test_where_the_base_fails_is_shown_where_nothing_changed() -> None:
    report, log, (case, *_), extras = page_arguments()
    failed = case | {"kind": "failed", "tuned": case["base"], "delta": 0.0}
    same = extras | {"changes": {"docs": {"kind": "pair", "gained": 0, "lost": 0, "same": 1225}}}
    html = rendered(report | {"selection": {"step": 60, "share": 0}}, log, [failed], same)
    text = Reader(html).all_text()
    assert "Where the base fails The 1 on which the base does worst. Open one to see its right and wrong documents." in text
    assert "docs: where the base fails 0.100 how to restart a pod" in text and "rank 2 docs.csv:7" in text
    assert "Wrong, and found first Scale a deployment rank 1 similarity" in text and "The ranking" in text
    for wrong in ("gained most", "What changed", "Both rankings", "0 of 1,225", 'class="ranking">\n</ol>'):
        assert wrong not in text + html
    assert '<a href="#changed">Where the base fails</a>' in html


def test_scores_of_shortened_vectors_stand_below_those_of_whole_ones() -> None:
    report, *rest = page_arguments()
    report["datasets"][0] |= {"dimensions": [{"dimensions": 128, "base": 0.5, "tuned": 0.61}]}
    text = Reader(rendered(report, *rest)).all_text()
    assert "nDCG@10, first 128 dimensions 0.500 0.610 +0.110" in text


def test_the_judged_weights_are_named() -> None:
    report, *rest = page_arguments()
    step = report["best_step"]
    for share, words, tile in (
        (1, "It was judged on test.", f"In model/ step {step}"),
        (
            0.75,
            "Weights 75% of the way from the base to it are better on dev: these were judged on test.",
            f"In model/ 75% of the way to step {step}",
        ),
        (0, "The base was kept instead: nothing was better on dev.", "In model/ the base Took"),
    ):
        text = Reader(rendered(report | {"selection": {"step": step, "share": share}}, *rest)).all_text()
        assert words in text and tile in text


def test_weights_that_are_no_better_on_dev_are_not_called_better() -> None:
    report, log, *rest = page_arguments()
    step = report["best_step"]
    best = next(line["dev"] for line in log if line["step"] == step)
    selection = {"step": step, "share": 0.25, "dev": best}
    text = Reader(rendered(report | {"selection": selection}, log, *rest)).all_text()
    assert "Weights 25% of the way from the base to it are as good on dev, and change less: these were judged on test." in text


def test_weights_that_other_work_chose_are_not_called_better_on_dev() -> None:
    report, *rest = page_arguments()
    step = report["best_step"]
    for selection, words in (
        ({"share": 0.9, "dev_choice": 1.0}, "instead of the checkpoint itself: dev cannot tell the two apart"),
        ({"share": 0.5, "dev_choice": 0.9, "withheld": True}, "The gain is unproven: the base is shipped."),
    ):
        text = Reader(rendered(report | {"selection": {"step": step, **selection}}, *rest)).all_text()
        assert words in text and "are better on dev" not in text


@pytest.mark.parametrize("name", ["page", "page_panel", "page_references", "page_seeds", "page_slices"])
def test_tables_are_cards_on_a_phone_and_each_cell_says_what_it_is(name: str) -> None:
    source = (ROOT / f"train/report/templates/{name}.html.j2").read_text(encoding="utf-8")
    tables = re.findall(r"<table.*?</table>", source, flags=re.DOTALL)
    for table in tables:
        assert re.match(r'<table class="[^"]*\bcards\b', table), "a table of many columns breaks words on a phone"
        cells = re.findall(r"<td\b[^>]*>", table.partition("<tbody")[2].partition("<tfoot")[0])
        assert cells and all("data-label=" in cell for cell in cells if cell != "<td>")
    assert tables
