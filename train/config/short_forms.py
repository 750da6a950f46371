"""The short forms of `data` and `panel`, written out."""

from __future__ import annotations

from typing import Any

from data.spec import DatasetSpec


def expand_single_dataset(value: Any) -> Any:
    """Write out `data: {source: X, columns: …}` as `data: {datasets: [{source: X, columns: …}]}`.

    With exactly one entry in `datasets`, keys of that entry may also stand directly under `data`
    (`data.columns.anchor=question` on the command line).
    """
    if isinstance(value, str):
        return {"datasets": [{"source": value}]}
    if not isinstance(value, dict):
        return value
    own = {key: value[key] for key in value if key in DatasetSpec.model_fields}
    if not own:
        return value
    rest = {key: value[key] for key in value if key not in own}
    datasets = rest.get("datasets") or [{}]
    if not isinstance(datasets, list) or not all(isinstance(one, str | dict) for one in datasets):
        raise ValueError("datasets must be a list of data sets: - source: FILE")
    if len(datasets) != 1:
        raise ValueError(
            f"data.{next(iter(own))} is ambiguous with {len(datasets)} data sets; write data.datasets.0.{next(iter(own))}"
        )
    first = datasets[0]
    rest["datasets"] = [_merge({"source": first} if isinstance(first, str) else first, own)]
    return rest


def expand_panel(value: Any) -> Any:
    """Write out `panel: FILE` and `panel: [FILE, …]` as `panel: [{source: FILE}, …]`."""
    if isinstance(value, str | dict):
        value = [value]
    if value is None or not isinstance(value, list):
        raise ValueError("panel must name one or more data sets: panel: [{source: FILE}]")
    return [{"source": one} if isinstance(one, str) else one for one in value]


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `over`, mapping by mapping."""
    out = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = _merge(out[key], value) if both else value
    return out
