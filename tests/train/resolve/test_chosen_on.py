"""A dev split that chose a model is no judge of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.train.conftest import RESAMPLES, as_json, report_of
from train.config.choices import Split
from train.resolve.requests import read_request
from train.resolve.tasks import load_tasks


def test_rows_that_chose_a_model_are_never_judged_silently(
    here: Path, runs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run, other = tmp_path / "chosen", tmp_path / "other.csv"
    shutil.copytree(runs / "first", run)
    report = report_of(run)
    report |= {"best_step": 2, "selection": {"step": 2, "share": 0.25}}
    (run / "report.json").write_text(json.dumps(report), encoding="utf-8")

    def warnings_of(*words: str, data: str = "pairs.csv", split: Split | None = None) -> list[str]:
        request = read_request([*words, "model.device=cpu"], data=[data], split=split)  # as compare loads its tasks, too
        return [one for one in load_tasks(request).warnings if "dev" in one]

    n = len(np.load(run / "dev_rows.npy"))
    words = ["evaluate", "tiny", str(run), "--data", "pairs.csv", "--split", "dev", "model.device=cpu", RESAMPLES]
    (said,) = as_json(capfd, *words)["warnings"]
    assert f"dev chose {run} (25% of the way to step 2), and all {n} rows" in said and "judge it on test" in said
    (said,) = warnings_of(str(run), split=Split.ALL)
    assert f"and {n} of the 80 rows" in said
    other.write_text((here / "pairs.csv").read_text().replace("which", "what"), encoding="utf-8")
    assert not warnings_of(str(run)) and not warnings_of(str(run), split=Split.TEST)
    assert not warnings_of(str(run), data=str(other), split=Split.DEV), "a dev split of other rows chose nothing"
    assert not warnings_of("tiny", split=Split.DEV)
    lines = (here / "pairs.csv").read_text().splitlines()
    other.write_text("\n".join([lines[0], *reversed(lines[1:])]), encoding="utf-8")
    assert f"and {n} of the 80 rows" in warnings_of("tiny", str(run), data=str(other))[0], (
        "known by their texts, as compare needs"
    )

    withheld = report | {"selection": {"step": 2, "withheld": True}}
    (run / "report.json").write_text(json.dumps(withheld), encoding="utf-8")
    assert not warnings_of(str(run), split=Split.DEV), "the base is shipped instead of what dev chose"
    (run / "report.json").write_text(json.dumps(report), encoding="utf-8")

    (run / "dev_rows.npy").unlink()  # as in runs of earlier versions
    assert warnings_of(str(run), split=Split.DEV) and not warnings_of(str(run), split=Split.TEST)
    report["selection"] = {"step": 2, "share": 0.0}
    (run / "report.json").write_text(json.dumps(report), encoding="utf-8")
    assert not warnings_of(str(run), split=Split.DEV), "what is shipped is the base"
