"""Judge, compare, check, mine, embed and search from Python give the numbers that the commands give."""

from __future__ import annotations

import html
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas
import pytest

import embed_tune

CPU = {"model.device": "cpu", "vector_cache": "off"}
JUDGED = CPU | {"evaluation.resamples": 200}
COLUMNS = {"anchor": "left", "positive": "right"}


def test_evaluate_judges_a_run_against_its_base(
    run: embed_tune.Run, frame: pandas.DataFrame, tiny_model: Path, tmp_path: Path
) -> None:
    found = embed_tune.evaluate(tiny_model, run, data=frame, output_dir=tmp_path, settings=JUDGED, **COLUMNS)
    assert found.verdict in {"improved", "regressed", "mixed", "no_evidence"}
    table = found.to_pandas()
    assert len(table) == 1 and table["verdict"][0] == found.to_dict()["datasets"][0]["verdict"]
    assert found.to_dict()["datasets"][0]["tuned"] == pytest.approx(run.report.datasets[0].tuned, abs=1e-6), "the run's test rows"
    alone = embed_tune.evaluate(tiny_model, data=frame, output_dir=tmp_path, settings=JUDGED, **COLUMNS)
    assert alone.verdict is None and {"value", "low", "high"} <= set(alone.to_pandas().columns)


def test_rows_that_a_model_was_trained_on_are_named_in_the_result(
    run: embed_tune.Run, frame: pandas.DataFrame, tiny_model: Path, tmp_path: Path
) -> None:
    """Nobody listens, so what was said has to stand in what comes back."""
    trained = tmp_path / "trained"
    shutil.copytree(run.folder, trained)
    report = json.loads((trained / "report.json").read_text())
    report["selection"]["share"] = 1.0  # a model that is the base itself has seen no rows
    (trained / "report.json").write_text(json.dumps(report))
    shuffled = frame.sample(frac=1, random_state=1)
    options = {"data": shuffled, "output_dir": tmp_path, "settings": JUDGED, **COLUMNS}
    two = embed_tune.evaluate(tiny_model, trained, output=tmp_path / "out", **options)
    for found in (embed_tune.evaluate(trained, **options), two, embed_tune.compare([tiny_model, trained], **options)):
        warning, *more = found.warnings  # the run shipped the base: that both have the same weights is said, too
        assert re.search(r"warning: .*trained was trained on \d+ of the 60 rows that are judged here", warning)
        assert str(found).startswith("\n".join([*found.warnings, "", ""])) and html.escape(warning) in found._repr_html_()
        assert found.to_dict()["warnings"] == [warning, *more] and warning not in found.text(), "the command has said it already"
    same = embed_tune.evaluate(tiny_model, tiny_model, **options)
    assert ["is the same model with the same settings" in one for one in same.warnings] == [True]
    assert json.loads((tmp_path / "out" / "report.json").read_text())["warnings"] == list(two.warnings)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "of the 60 rows that are judged here" in page
    assert embed_tune.evaluate(trained, **options | {"data": frame}).to_dict()["warnings"] == []


def test_check_and_mine(frame: pandas.DataFrame, tiny_model: Path, tmp_path: Path) -> None:
    twice = pandas.concat([frame, frame.head(3)])
    audit = embed_tune.check(twice, output_dir=tmp_path, tokens=False, **COLUMNS)
    assert any(finding["code"] == "duplicate.pair" for finding in audit.to_dict()["datasets"][0]["findings"])
    every_rank = {"mining.rank_from": 1, "mining.max_share_of_positive": None, "mining.near_positive": None}
    mined = embed_tune.mine(frame, model=tiny_model, output_dir=tmp_path, settings=CPU | every_rank, **COLUMNS)
    table = mined.to_pandas()
    positives = dict(zip(frame["left"], frame["right"], strict=True))
    assert len(table) == len(frame)
    assert all(row["positive"] == positives[row["anchor"]] != row["negative_1"] for row in table.to_dict("records"))


def test_embed_and_search(run: embed_tune.Run, frame: pandas.DataFrame, tmp_path: Path) -> None:
    texts = list(frame["right"])
    inside = embed_tune.embed(run, texts[:4], output_dir=tmp_path, settings=CPU)
    assert np.allclose(np.stack(inside.to_pandas()["vector"]), run.encode(texts[:4], role="document"), atol=1e-6)
    assert embed_tune.search(inside, [texts[2]], top=1, settings=CPU).to_pandas()["id"][0] == "3", "ids count from 1"
    options = {"output_dir": tmp_path, "settings": CPU}
    done = embed_tune.embed(run, texts, out=tmp_path / "answers.parquet", **options)
    assert done.to_dict()["rows"] == len(texts)
    found = embed_tune.search(tmp_path / "answers.parquet", [texts[7]], top=3, settings=CPU)
    hits = found.to_pandas()
    assert len(hits) and hits.iloc[0]["id"] == "8"


def test_models_encode_alike_and_ask_for_a_role(run: embed_tune.Run, tiny_model: Path) -> None:
    model = embed_tune.load_model(tiny_model, settings={"device": "cpu"})
    assert model.dimensions == model.encode(["a"], role="query").shape[1] and model.similarity == "cosine"
    with pytest.raises(TypeError):
        model.encode(["a"])  # type: ignore[call-arg]
    for wrong in (lambda: model.encode("a", role="query"), lambda: model.encode(["a"], role="qeury")):  # type: ignore[arg-type]
        with pytest.raises(embed_tune.EmbedTuneError):
            wrong()


def test_nothing_is_spent_unless_confirmed(frame: pandas.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
    options = {"data": frame, "output_dir": tmp_path, "settings": {"vector_cache": "off"}, **COLUMNS}
    with pytest.raises(embed_tune.EmbedTuneError) as refused:
        embed_tune.evaluate("openai:text-embedding-3-small", **options)
    assert "confirm" in str(refused.value.hint)
    asked: list[str] = []
    with pytest.raises(embed_tune.EmbedTuneError, match="nothing was spent"):
        embed_tune.evaluate("openai:text-embedding-3-small", confirm=lambda cost: bool(asked.append(cost)), **options)
    assert len(asked) == 1 and "$" in asked[0]


def test_a_model_keeps_its_settings_wherever_it_is_given(frame: pandas.DataFrame, tiny_model: Path, tmp_path: Path) -> None:
    short = embed_tune.load_model(tiny_model, settings={"device": "cpu", "max_tokens": 8})
    texts = list(frame["right"][:3])
    own = short.encode(texts, role="document")
    made = embed_tune.embed(short, texts, output_dir=tmp_path, settings={"vector_cache": "off"})
    assert np.allclose(np.stack(made.to_pandas()["vector"]), own, atol=1e-6)
    options = {"data": frame, "output_dir": tmp_path, "settings": JUDGED, **COLUMNS}
    del options["settings"]
    judged = {"evaluation.resamples": 200, "vector_cache": "off"}
    found = embed_tune.evaluate(tiny_model, short, settings=judged | {"model.device": "cpu"}, **options)
    assert found.to_dict()["models"]["tuned"]["contract"]["max_tokens"] == 8
    assert found.to_dict()["models"]["base"]["contract"]["max_tokens"] != 8


@pytest.mark.parametrize("texts", ["one", {"a": "b"}, None, [None], [1], 5])
def test_what_is_no_list_of_texts_is_refused(texts: object, tiny_model: Path, frame: pandas.DataFrame, tmp_path: Path) -> None:
    model = embed_tune.load_model(tiny_model, settings={"device": "cpu"})
    for wrong in (texts, frame):
        with pytest.raises(embed_tune.EmbedTuneError, match=r"list|number 1"):
            model.encode(wrong, role="query")  # type: ignore[arg-type]
    if not isinstance(texts, str):
        with pytest.raises(embed_tune.EmbedTuneError):
            embed_tune.embed(model, frame, output_dir=tmp_path)  # type: ignore[arg-type]


def test_a_single_model_is_no_list_of_models(frame: pandas.DataFrame, run: embed_tune.Run, tmp_path: Path) -> None:
    for wrong in ("all-MiniLM-L6-v2", run):
        with pytest.raises(embed_tune.EmbedTuneError, match="list of models"):
            embed_tune.compare(wrong, data=frame, output_dir=tmp_path, **COLUMNS)  # type: ignore[arg-type]
