"""Every package of the tree is named in pyproject.toml, so that a wheel brings it."""

from __future__ import annotations

import tomllib

from tests.conftest import ROOT


def test_all_packages_are_named() -> None:
    named = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    found = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for folder in ("data", "train")
        for file in (ROOT / folder).rglob("__init__.py")
    }
    assert sorted(named) == named, "in the order of the alphabet"
    assert set(named) == found | {"train.configs"}
