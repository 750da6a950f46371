"""What the pictures of a run say: their sentences and tables, from figures worked out by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.support.pages import curve, typed
from train.report.pictures.training import training_picture


def logged(*losses: float | None) -> list[SimpleNamespace]:
    return [SimpleNamespace(step=10 * i, loss=loss, learning_rate=2e-5) for i, loss in enumerate(losses, start=1)]


@pytest.mark.parametrize(
    ("losses", "how"),
    [((2.0, 1.5, 1.0), "fell from 2 to 1"), ((1.0, 1.25), "rose from 1 to 1.25"), ((1.0, 0.9, 0.99), "stayed about 0.99")],
)
def test_the_loss_is_said_as_it_went(losses: tuple[float, ...], how: str) -> None:
    found = training_picture(logged(*losses))
    assert found is not None and found.sentence == f"Over {10 * len(losses)} steps the training loss {how}."


def test_dev_stands_beside_the_loss_where_the_base_was_scored() -> None:
    log = logged(2.0, None, 1.0)
    found = training_picture(log, typed(curve(["a"])))
    assert found is not None and found.sentence.endswith("; dev stands +0.030 against the base at step 60.")
    assert found.table is not None and list(found.table.rows) == [
        ("0", "", "", "+0.000"),
        ("10", "2", "2e-05", ""),
        ("20", "", "2e-05", "+0.010"),
        ("30", "1", "2e-05", ""),
        ("40", "", "", "+0.020"),
        ("60", "", "", "+0.030"),
    ]
    alone = training_picture(log, typed(curve(["a"])[1:]))
    assert alone is not None and "dev" not in alone.sentence


def test_a_long_training_lists_some_of_its_steps_and_the_last() -> None:
    found = training_picture(logged(*[1.0] * 601))
    assert found is not None and found.table is not None
    assert len(found.table.rows) <= 62 and found.table.rows[-1][0] == "6,010" and "one of 11 logged steps" in found.table.caption


def test_runs_without_a_training_log_lack_the_picture() -> None:
    assert training_picture([]) is None and training_picture(logged(1.0, None)) is None
