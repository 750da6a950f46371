"""The short form of the calibration: every row runs, and the ones with a limit keep it."""

from __future__ import annotations

import pytest

from tests.benchmarks import calibration


def test_verdicts_keep_their_limits_in_a_short_calibration(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(calibration, "RESAMPLES", 100)
    monkeypatch.setattr(calibration, "COUNTS", (1, 10))
    rows = calibration.main(["--sims", "12"])
    assert len(rows) > 50 and len({row.what for row in rows}) == len(rows)
    assert [row.what for row in rows if row.limit is not None and row.rate > row.limit + 4 * row.error] == []
    printed = capsys.readouterr().out
    assert printed.count("\n|") == len(rows) + 1 and "12 simulations" in printed
