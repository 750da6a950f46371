"""Other work: what is judged there, what it decides, and what is told when something is lost."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import DataError
from data.load import prepare
from data.spec import DatasetSpec, SplitSpec
from tests.conftest import ROOT
from train import pipeline
from train.config.choices import PanelUse
from train.config.load import load_config
from train.config.schema import TrainSettings
from train.console import heard_by
from train.encode.local import Encoder
from train.errors import ConfigError
from train.evaluate.halves import fewer_documents, halves, take
from train.evaluate.tasks import RetrievalTask, ScoredTask
from train.plan import panel as parts_of_the_panel
from train.plan.panel import make_panel, panel_wanted, size_allowed
from train.plan.plan import Plan
from train.plan.preflight import preflight
from train.report.page_panel import language_note, loss_warnings, panel_sentence
from train.runs.records import AuditedDataset, AuditRecord, PanelPart, PanelRecord, ScoreLine, Selection
from train.selection.interpolation import SHARES, Winner, choose_weights, copy_of, interpolate
from train.selection.other_work import OtherWork, lose_least
from train.selection.panel import base_elsewhere, is_lost

from .test_interpolation import models

EVERYDAY = ROOT / "data" / "samples" / "everyday.csv"


def chosen(dev: dict[float, float], panel: dict[float, float], noise: float) -> tuple[Winner, float, list[float]]:
    """The winner, the share whose weights are in the model, and the shares that were judged elsewhere."""
    model, base = models()
    asked: list[float] = []

    def share() -> float:
        return round(float(model.state_dict()["weight"][0]) / 2, 4)

    def elsewhere() -> float:
        asked.append(share())
        return panel[share()]

    def judge() -> ScoreLine:
        return ScoreLine(step=60, dev=dev[share()], datasets={"own": dev[share()]})

    tuned = copy_of(model)
    winner = choose_weights(model, base, 60, dev[1.0], dev[0.0], judge)
    other = OtherWork(elsewhere, panel[0.0], noise)
    winner = lose_least(winner, other, lambda point: interpolate(model, base, tuned, point))
    return winner, share(), asked


DEV = {0.0: 0.50, 0.25: 0.56, 0.5: 0.592, 0.75: 0.60, 0.9: 0.60, 1.0: 0.599}
PANEL = {0.0: 0.80, 0.25: 0.80, 0.5: 0.79, 0.75: 0.78, 0.9: 0.75, 1.0: 0.70}


def test_weights_that_dev_cannot_tell_from_its_choice_and_that_lose_less_elsewhere_are_taken() -> None:
    winner, share, asked = chosen(DEV, PANEL, noise=0.01)
    assert (winner.share, share, winner.dev, winner.dev_choice) == (0.5, 0.5, 0.592, 0.9)
    assert asked == [0.9, 0.5, 0.75], "0.25 is more than a standard error below on dev, 1 keeps less of the base"
    assert winner.elsewhere == ((0.0, 0.8), (0.5, 0.79), (0.75, 0.78), (0.9, 0.75))
    assert winner.as_json()["dev_choice"] == 0.9 and {"share": 0.5, "dev": 0.592, "panel": 0.79} in winner.as_json()["tried"]
    assert winner.datasets == {"own": 0.592}, "dev's gain is told of what is shipped"
    assert "which dev cannot tell from 90% and which lose less on other work" in winner.sentence()


def test_a_gain_that_dev_can_tell_is_never_traded() -> None:
    winner, share, asked = chosen(DEV, PANEL, noise=0.0)
    assert (winner.share, share, winner.dev_choice) == (0.75, 0.75, 0.9), "0.75 is as good on dev"
    winner, share, asked = chosen(DEV | {0.9: 0.62}, PANEL, noise=0.01)
    assert (winner.share, share, winner.dev_choice, asked) == (0.9, 0.9, None, [0.9])


def test_where_nothing_is_lost_elsewhere_the_choice_of_dev_stands_and_little_is_judged() -> None:
    winner, share, asked = chosen(DEV, PANEL | {0.9: 0.799}, noise=0.01)
    assert (winner.share, share, winner.dev_choice, asked) == (0.9, 0.9, None, [0.9])


def test_where_dev_keeps_the_base_nothing_is_judged_elsewhere() -> None:
    winner, share, asked = chosen(dict.fromkeys(DEV, 0.4) | {0.0: 0.5}, PANEL, noise=0.01)
    assert (winner.share, share, asked, winner.elsewhere) == (0.0, 0.0, [], ())


values = st.sampled_from([0.4, 0.45, 0.5, 0.52, 0.55])


@given(st.lists(values, min_size=6, max_size=6), st.lists(values, min_size=6, max_size=6), st.sampled_from([0.0, 0.021, 0.2]))
def test_the_choice_keeps_its_promises_whatever_the_scores(dev: list[float], panel: list[float], noise: float) -> None:
    points = (0.0, *SHARES, 1.0)
    scores, elsewhere = dict(zip(points, dev, strict=True)), dict(zip(points, panel, strict=True))
    winner, share, _ = chosen(scores, elsewhere, noise)
    assert share == winner.share and winner.dev == scores[share]
    assert winner.share == 0 or (scores[share] > scores[0.0] and max(dev) - scores[share] <= noise)
    if winner.dev_choice is not None:
        assert (
            share < winner.dev_choice
            and elsewhere[share] > elsewhere[winner.dev_choice]
            and scores[winner.dev_choice] == max(dev)
        )


def searched(queries: int, documents: int, groups: list[int] | None = None) -> RetrievalTask:
    return RetrievalTask(
        "toy",
        "test",
        [f"q{i}" for i in range(queries)],
        [f"what is number {i}" for i in range(queries)],
        [f"d{i}" for i in range(documents)],
        [f"this is document {i}" for i in range(documents)],
        {f"q{i}": {f"d{i}": 1.0} for i in range(queries)},
        groups=None if groups is None else np.array(groups),
    )


def test_halves_share_no_item_no_group_and_no_document_that_is_judged_nowhere() -> None:
    task = searched(40, 400, [i // 4 for i in range(40)])
    first, second = halves(task)
    assert isinstance(first, RetrievalTask) and isinstance(second, RetrievalTask)
    assert len(first) == len(second) == 20 and set(first.query_ids) | set(second.query_ids) == set(task.query_ids)
    groups = [{int(name[1:]) // 4 for name in one.query_ids} for one in (first, second)]
    assert not groups[0] & groups[1] and first.groups is not None and int(first.groups.max()) == 4
    shared = set(first.document_ids) & set(second.document_ids)
    assert shared <= {f"d{i}" for i in range(40)}, "beside what one of them is judged on they search other documents"
    assert len(first.document_ids) < len(second.document_ids) / 2
    again, _ = halves(take(task, range(40)))
    assert again.query_ids == first.query_ids  # type: ignore[union-attr]


def test_halves_of_scored_pairs() -> None:
    task = ScoredTask("toy", "test", [f"a {i}" for i in range(9)], [f"b {i}" for i in range(9)], np.arange(9) / 8)
    first, second = halves(task)
    assert sorted([*first.sentences1, *second.sentences1]) == sorted(task.sentences1)  # type: ignore[union-attr]
    pairs = zip(second.sentences1, second.sentences2, second.scores, strict=True)  # type: ignore[union-attr]
    assert all(one[2:] == two[2:] and score == int(one[2:]) / 8 for one, two, score in pairs)


def test_fewer_documents_keep_those_that_are_judged() -> None:
    found = fewer_documents(searched(10, 100), 30)
    assert len(found.document_ids) == 30 and {f"d{i}" for i in range(10)} <= set(found.document_ids)
    assert fewer_documents(searched(10, 100), 5).document_ids == [f"d{i}" for i in range(10)]


def part(name: str, delta: float, *, lost: bool = False) -> PanelPart:
    figures: dict[str, Any] = {"base": 0.8, "tuned": 0.8 + delta, "delta": delta, "ci95": (delta - 0.02, delta + 0.02)}
    return PanelPart(name=name, kind="scored", metric="spearman", n=122, p_value=0.001, lost=lost, **figures)


def test_a_loss_is_beyond_the_margin_and_beyond_doubt() -> None:
    assert is_lost(-0.08, (-0.12, -0.04), 0.001, 0.02, 3)
    assert not is_lost(-0.015, (-0.02, -0.01), 0.001, 0.02, 3), "within the margin"
    assert not is_lost(-0.08, (-0.17, 0.01), 0.06, 0.02, 3), "the interval holds 0"
    assert not is_lost(-0.08, (-0.15, -0.01), 0.03, 0.02, 3), "one of three parts has such a p by chance in one run of eleven"
    assert loss_warnings(PanelRecord(parts=(part("devops", -0.01),))) == () == loss_warnings(None)
    told = loss_warnings(PanelRecord(parts=(part("devops", -0.08, lost=True), part("everyday", 0.0))))
    assert told == ("lost elsewhere: devops -0.080 (Spearman 0.800 → 0.720, 95% interval -0.100 to -0.060, 122 pairs)",)


def test_the_sentence_says_what_was_traded() -> None:
    record = PanelRecord(parts=(part("devops", -0.01), part("everyday", 0.0)))
    assert panel_sentence(record, Selection(share=1.0)).endswith("(devops and everyday) no loss beyond the margin is shown.")
    open_, ruled_out = (part("devops", -0.01).model_copy(update={"not_worse": known}) for known in (False, True))
    for parts, words in (((open_, open_), "nor is one ruled out."), ((ruled_out,), "and one is ruled out.")):
        assert panel_sentence(PanelRecord(parts=parts), Selection()).endswith(f"is shown, {words}")
    words = panel_sentence(record, Selection(share=0.5, dev_choice=0.9))
    assert "Weights 50% of the way from the base to the checkpoint were taken instead of 90% of the way" in words


def test_texts_of_another_language_are_told() -> None:
    def audit(**shares: float) -> AuditRecord:
        return AuditRecord(datasets=(AuditedDataset(name="x", languages={"train": {"anchor": shares}}),))

    assert language_note(None) == language_note(audit(en=0.9, de=0.1)) == ()
    (note,) = language_note(audit(de=0.9, en=0.05))
    assert "mostly of another language (de)" in note


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    lines = [
        f"who keeps the {thing} {i},the {thing} {i} is kept by somebody" for thing in ("map", "key", "pen") for i in range(20)
    ]
    (tmp_path / "rows.csv").write_text("\n".join(["question,answer", *lines]) + "\n", encoding="utf-8")
    return tmp_path / "rows.csv"


def _run(data: Path, model: Path, *words: str) -> tuple[dict[str, Any], Path, str]:
    overrides = [f"model.name={model}", "model.device=cpu", "training.precision=fp32", "training.max_steps=2", *words]
    said: list[str] = []
    with heard_by(said.append):
        place = [f"output_dir={data.parent}", "run_name=run", "evaluation.resamples=200", "evaluation.cross_validation=off"]
        run = pipeline.start_run(load_config(None, data=str(data), overrides=[*overrides, *place]))
    return json.loads((run / "report.json").read_text(encoding="utf-8")), run, "\n".join(said)


def _everyday_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    specs = [DatasetSpec(source=str(EVERYDAY), name="everyday", train=False)]
    monkeypatch.setattr(parts_of_the_panel, "_packaged", lambda: specs)


def test_a_run_judges_other_work_and_tells_what_it_lost(
    rows: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _everyday_alone(monkeypatch)
    mine = [(f"text {i} of {i % 7}", f"text {i} or {i % 5}", i % 4 / 3) for i in range(60)]
    with (tmp_path / "mine.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("sentence1", "sentence2", "score"), *mine])
    monkeypatch.setattr("train.selection.panel.is_lost", lambda delta, *rest: True)
    panel = f'panel=[{{"source": "{tmp_path / "mine.csv"}"}}]'
    report, run, said = _run(rows, tiny_model, "evaluation.panel=always", panel)
    parts = {one["name"]: one for one in report["panel"]["parts"]}
    assert {name: (one["n"], one["kind"]) for name, one in parts.items()} == {"everyday": (100, "pair"), "mine": (30, "scored")}
    assert all(one["test_sha256"] and one["lost"] for one in parts.values())
    assert report["warnings"][0].startswith("lost elsewhere: everyday ")
    assert "other work: everyday (200 queries), mine (60 pairs)" in said
    assert "Warning: lost elsewhere: everyday" in said and "Other work, the half that took no part in the choice" in said
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "<b>Warning:</b> lost elsewhere: everyday" in page and 'id="elsewhere"' in page


@pytest.mark.parametrize("words", ["panel=other.csv", "panel=[other.csv]", 'panel=[{"source": "other.csv"}]'])
def test_a_panel_that_is_named_is_judged_also_in_a_trial(words: str) -> None:
    config = load_config(None, data=str(EVERYDAY), overrides=["training.max_steps=2", words])
    assert [spec.source for spec in config.panel] == ["other.csv"]
    plan = cast("Plan", SimpleNamespace(config=config))
    assert panel_wanted(plan) and "devops, python_api, everyday and other, too" in parts_of_the_panel.panel_sentence(plan)
    off = config.model_copy(update={"evaluation": config.evaluation.model_copy(update={"panel": PanelUse.OFF})})
    assert parts_of_the_panel.panel_sentence(cast("Plan", SimpleNamespace(config=off))) == ""


def test_a_panel_in_a_wrong_form_is_told_the_right_one() -> None:
    with pytest.raises(ConfigError, match=r"panel: \[\{source: FILE\}\]"):
        load_config(None, data=str(EVERYDAY), overrides=["panel=3"])
    named = ["panel=other.csv", "panel.0.name=mine"]
    assert load_config(None, data=str(EVERYDAY), overrides=named).panel[0].name == "mine"


def planned(tmp_path: Path, trained: Path | None, **settings: Any) -> Plan:
    """A plan as far as the panel looks at it."""
    spec = DatasetSpec(source=str(trained or EVERYDAY), name="own")
    datasets = {} if trained is None else {"own": prepare(spec, SplitSpec(), tmp_path)}
    config = load_config(None, data=str(EVERYDAY), overrides=[f"output_dir={tmp_path}"]).model_copy(update=settings)
    model = SimpleNamespace(device=SimpleNamespace(type="cuda"))
    return cast("Plan", SimpleNamespace(config=config, datasets=datasets, sets=datasets, encoder=SimpleNamespace(model=model)))


def test_what_a_run_trains_on_is_no_other_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole part where train has more than a few of its texts, in whichever file; else only the items that it has."""
    _everyday_alone(monkeypatch)
    lines = EVERYDAY.read_text(encoding="utf-8").splitlines()
    copy = tmp_path / "copy.csv"
    copy.write_text("\n".join(lines[:80]) + "\n", encoding="utf-8")
    found = make_panel(planned(tmp_path, copy))
    assert not found.choosing and found.left_out[0].startswith("everyday is left out: the run trains on ")
    few = tmp_path / "few.csv"
    few.write_text("\n".join([*lines[:3], *(f"what is {i},it is {i} or so" for i in range(40))]) + "\n", encoding="utf-8")
    known = prepare(DatasetSpec(source=str(few), name="own"), SplitSpec(), tmp_path).splits["train"]["anchor"][:]
    found = make_panel(planned(tmp_path, few))
    left = {query for half in (found.choosing, found.judged) for query in half["everyday"].queries}  # type: ignore[union-attr]
    taught = {line.split(",")[0].strip('"') for line in lines[1:3]} & set(known)
    assert taught and not left & taught and len(left) == 200 - len(taught) and not found.left_out
    assert [len(half["everyday"]) for half in (make_panel(planned(tmp_path, None)).choosing, found.judged)] == [
        100,
        len(left) // 2,
    ]


def test_two_parts_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _everyday_alone(monkeypatch)
    with pytest.raises(ConfigError, match="two parts of the panel are called 'everyday'"):
        make_panel(planned(tmp_path, None, panel=[DatasetSpec(source=str(EVERYDAY))]))


def test_a_trial_has_no_panel_unless_it_is_wanted(tmp_path: Path) -> None:
    def wanted(*words: str) -> bool:
        config = load_config(None, data=str(EVERYDAY), overrides=[f"output_dir={tmp_path}", *words])
        return panel_wanted(cast("Plan", SimpleNamespace(config=config)))

    assert wanted() and not wanted("training.max_steps=2") and not wanted("evaluation.panel=off")
    assert wanted("training.max_steps=2", "evaluation.panel=always")
    assert base_elsewhere(cast("Plan", None), inner=True) is None, "a part of a run ships nothing"


def test_a_large_model_reads_fewer_long_texts_on_a_cpu() -> None:
    """By its size, not by a measured speed: the same run makes the same choice on a busy machine."""

    def encoder(weights: int, device: str = "cpu") -> Encoder:
        parameters = [
            ("embeddings.word", SimpleNamespace(numel=lambda: 10**9)),
            ("layer", SimpleNamespace(numel=lambda: weights)),
        ]
        model = SimpleNamespace(device=SimpleNamespace(type=device), named_parameters=lambda: parameters)
        return cast("Encoder", SimpleNamespace(model=model))

    assert [size_allowed(encoder(n)) for n in (10_700_000, 22_000_000, 10**9)] == [1.0, 0.5, 0.2]
    assert size_allowed(encoder(10**9, "cuda")) == 1.0


def test_the_everyday_questions_are_distinct_and_have_one_answer_each() -> None:
    with EVERYDAY.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == 200 and set(found[0]) == {"question", "answer"}
    for column in ("question", "answer"):
        texts = [row[column].casefold().split() for row in found]
        shingles = [{tuple(words[i : i + 3]) for i in range(len(words) - 2)} for words in texts]
        near = [len(one & two) / len(one | two) for i, one in enumerate(shingles) for two in shingles[:i] if one and two]
        assert max(near) < 0.65, "no near duplicates, by the measure of data.near"
    assert all(row["question"].endswith("?") and row["answer"][-1] == "." for row in found)


def test_a_part_that_cannot_be_judged_stops_the_run_before_it_begins(tmp_path: Path) -> None:
    def settings(source: str, *words: str) -> TrainSettings:
        rows = tmp_path / "rows.csv"
        rows.write_text("question,answer\nwhat is it,a thing\n", encoding="utf-8")
        panel = f'panel=[{{"source": "{source}"}}]'
        return load_config(None, data=str(rows), overrides=[f"output_dir={tmp_path}", panel, *words])

    with pytest.raises(DataError, match="nowhere"):
        preflight(settings(str(tmp_path / "nowhere.csv")))
    with pytest.raises(ConfigError, match="two parts of the panel are called 'everyday'"):
        preflight(settings(str(EVERYDAY)))
    assert preflight(settings(str(tmp_path / "nowhere.csv"), "evaluation.panel=off"))


def test_of_the_packaged_phrases_only_their_test_is_judged() -> None:
    """A run on them has trained on the others; everyday questions are nobody's training rows."""
    assert {spec.name: spec.train for spec in parts_of_the_panel._packaged()} == {
        "devops": True,
        "python_api": True,
        "everyday": False,
    }
