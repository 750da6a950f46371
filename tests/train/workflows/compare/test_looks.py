"""A comparison says when other tuned models were judged on its test before."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from train.runs.looks import Look, count_looks
from train.workflows.compare import compare


def comparison(**values: float) -> Any:
    """Contenders with these values on one test; those with a capital letter were tuned by a run."""
    return SimpleNamespace(
        contenders=[
            SimpleNamespace(
                candidate=name,
                results={
                    "pairs": SimpleNamespace(
                        test_sha256="a", split="test", metric="ndcg@10", metrics={"ndcg@10": SimpleNamespace(value=value)}
                    )
                },
            )
            for name, value in values.items()
        ]
    )


def test_earlier_looks_are_said_and_the_models_at_hand_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "tuned_by", lambda name: name if name.isupper() else None)
    request: Any = SimpleNamespace(config=SimpleNamespace(output_dir=str(tmp_path)))
    assert compare._many_looks(request, comparison(base=0.4, other=0.5)) == () and not list(tmp_path.iterdir())
    assert compare._many_looks(request, comparison(base=0.4, A=0.5, B=0.6)) == (), "its own models it corrects for"
    count_looks([Look("a", "ndcg@10", 0.7, "C")], tmp_path)
    (said,) = compare._many_looks(request, comparison(A=0.5, B=0.6, D=0.8))
    assert said.startswith("warning: pairs: 4 tuned models have been judged on this test so far, 3 of them here")
