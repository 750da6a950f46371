"""`embed-tune mine` as a function: the result as an object, in memory or in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.train.conftest import as_json
from train.cli.app import main
from train.config.load import load_config
from train.config.schema import JudgeSettings
from train.console import heard_by
from train.workflows.mine import MinedRows, mine_data

LIMITS = ["mining.rank_from=1", "mining.max_share_of_positive=null", "mining.near_positive=null", "mining.negatives=2"]
WORDS = ["model.name=tiny", "model.device=cpu", *LIMITS]


def mine(data: str = "pairs.csv", out: Path | None = None, audit: bool = False) -> MinedRows:
    with heard_by(None):
        return mine_data(load_config(None, data=data, overrides=WORDS, kind=JudgeSettings), out=out, audit=audit)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_nothing_is_printed_and_rows_in_memory_are_those_of_a_file(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    kept, saved = mine(), mine(out=tmp_path / f"mined{suffix}")
    assert capsys.readouterr() == ("", "")
    assert (kept.file, saved.rows, saved.file) == (None, None, tmp_path / f"mined{suffix}")
    rows = kept.to_pandas()
    assert rows.to_dict("records") == saved.to_pandas().to_dict("records")
    assert len(rows) == 80 and list(rows.columns[:5]) == ["split", "anchor", "positive", "negative_1", "negative_2"]
    assert kept.to_dict() == saved.to_dict() and kept.to_dict()[0]["mined"]["train"]["rows"] == 44


def test_the_command_prints_what_the_result_says(here: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = mine(out=tmp_path / "a.jsonl", audit=True)
    options = ["mine", "pairs.csv", "--audit", *WORDS]
    main([*options, "--out", str(tmp_path / "b.jsonl")])
    assert capfd.readouterr().out.replace("b.jsonl", "a.jsonl").endswith(f"\n{found}\n")
    assert as_json(capfd, *options, "--out", str(tmp_path / "c.jsonl")) == found.to_dict()


def test_an_audit_is_a_table_of_ways_to_mine(here: Path, tmp_path: Path) -> None:
    pairs = [(f"where is thing {i}?", f"thing {i} is on shelf {i} {where}") for i in range(20) for where in ("left", "right")]
    rows = [f"{question},{answer}" for question, answer in pairs]
    (tmp_path / "several.csv").write_text("\n".join(["question,answer", *rows]) + "\n", encoding="utf-8")
    found = mine(str(tmp_path / "several.csv"), audit=True)
    (audit,) = (one["audit"] for one in found.to_dict())
    assert found.file is None and found.rows is None and "mined" not in found.to_dict()[0]
    table = found.to_pandas()
    assert list(table["way"]) == ["plain", "window", "filter"]
    assert list(table["hidden_mined"]) == [audit[way]["hidden_mined"] for way in table["way"]]


def test_a_text_of_the_data_is_no_html_in_a_notebook(here: Path, tmp_path: Path) -> None:
    rows = [line.replace("which", "<script>", 1) for line in Path("pairs.csv").read_text(encoding="utf-8").splitlines()]
    (tmp_path / "script.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    found = mine(str(tmp_path / "script.csv"))
    assert found.to_pandas()["anchor"].str.contains("<script>").all()
    assert "&lt;script&gt;" in found._repr_html_() and "<script>" not in found._repr_html_()
