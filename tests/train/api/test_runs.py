"""What runs and searches hand out as tables: learning curve, values and rows of the test, methods judged on known answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas
import pytest

import embed_tune
from tests.train.api.conftest import QUICK


def test_the_learning_curve_is_that_of_scores_jsonl(run: embed_tune.Run) -> None:
    lines = [json.loads(line) for line in (run.folder / "scores.jsonl").read_text(encoding="utf-8").splitlines()]
    curve = run.curve()
    assert curve["step"].tolist() == [line["step"] for line in lines] and curve["step"][0] == 0
    assert curve["dev"].tolist() == [line["dev"] for line in lines]
    assert curve.columns[2] == f"dev {next(iter(lines[0]['datasets']))}"
    assert any("batch size" in sentence for sentence in run.recipe)


def test_each_query_of_the_test_has_values(run: embed_tune.Run) -> None:
    result, table = run.report.datasets[0], run.per_query()
    own = table[table.metric == result.metric]
    assert (
        len(own) == result.n and own.tuned.mean() == pytest.approx(result.tuned) and own.base.mean() == pytest.approx(result.base)
    )


def test_a_runs_splits_are_read_again(run: embed_tune.Run, frame: pandas.DataFrame) -> None:
    parts = {name: run.rows(name) for name in ("train", "dev", "test")}
    assert sum(map(len, parts.values())) == len(frame)
    assert set().union(*(part["anchor"] for part in parts.values())) == set(frame["left"])
    for options in ({"split": "tset"}, {"dataset": "other"}):
        with pytest.raises(embed_tune.ConfigError, match="this run has none of that name"):
            run.rows(**options)


def test_rows_that_changed_since_are_refused(frame: pandas.DataFrame, tiny_model: Path, tmp_path: Path) -> None:
    source = tmp_path / "pairs.csv"
    frame.to_csv(source, index=False)
    columns = {"anchor": "left", "positive": "right"}
    run = embed_tune.fine_tune(source, model=tiny_model, output_dir=tmp_path, settings=QUICK, **columns)
    assert len(run.rows()) == run.report.datasets[0].n
    frame.head(50).to_csv(source, index=False)
    with pytest.raises(embed_tune.RunError, match="has changed since"):
        run.rows()
    (run.folder / "per_query.parquet").unlink()
    with pytest.raises(embed_tune.RunError, match="is missing"):
        run.per_query()


def test_search_is_judged_on_known_answers(frame: pandas.DataFrame, tiny_model: Path, tmp_path: Path) -> None:
    options = {"output_dir": tmp_path, "settings": {"model.device": "cpu", "vector_cache": "off"}}
    table = embed_tune.search(data=frame, anchor="left", positive="right", model=tiny_model, **options).to_pandas()
    assert table.method[0] == "exact" and set(table.n) == {len(frame)} and table["ndcg@10"].between(0, 1).all()
    few, many = (
        embed_tune.search(
            data=frame, anchor="left", positive="right", model=tiny_model, method="ubinary+int8", rescore=count, **options
        )
        for count in (1, 60)
    )
    assert many.to_pandas().overlap[1] >= few.to_pandas().overlap[1]
    with pytest.raises(embed_tune.ConfigError, match="no vectors are named"):
        embed_tune.search(queries=["a"])


@pytest.mark.parametrize("precision", ["float32", "float16", "int8", "ubinary"])
def test_stored_numbers_become_floats(precision: str, frame: pandas.DataFrame, tiny_model: Path, tmp_path: Path) -> None:
    options = {"output_dir": tmp_path, "settings": {"model.device": "cpu", "vector_cache": "off"}}
    texts = list(frame["right"])
    plain = embed_tune.embed(tiny_model, texts, **options).open().floats()
    found = embed_tune.embed(tiny_model, texts, out=tmp_path / "v.npy", precision=precision, **options).open()  # type: ignore[arg-type]
    assert found.floats().shape == plain.shape and found.floats().dtype == np.float32
    wanted = np.where(plain > 0, 1, -1) if precision == "ubinary" else plain
    assert np.allclose(found.floats(), wanted, atol=0.01)


def test_models_to_compare_have_labels_and_settings(frame: pandas.DataFrame, tiny_model: Path, tmp_path: Path) -> None:
    models = [tiny_model, {"name": tiny_model, "label": "short", "dimensions": 8}]
    quick = {
        "measure.rounds": 0,
        "measure.latency_texts": 5,
        "measure.throughput_texts": 8,
        "evaluation.resamples": 200,
        "vector_cache": "off",
        "model.device": "cpu",
    }
    found = embed_tune.compare(models, data=frame, anchor="left", positive="right", output_dir=tmp_path, settings=quick)
    dimensions = {one["label"]: one["contract"]["dimensions"] for one in found.to_dict()["models"]}
    assert dimensions["short"] == 8 and len(dimensions) == 2
    with pytest.raises(embed_tune.ConfigError, match="dimension"):
        embed_tune.compare([tiny_model, {"name": tiny_model, "dimension": 8}], data=frame, output_dir=tmp_path)


def test_words_of_a_result_show_nothing_in_a_notebook(run: embed_tune.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr("rich.jupyter.display", lambda *parts: shown.append(parts))
    assert "Verdict on the tuned model" in str(run) and not shown
