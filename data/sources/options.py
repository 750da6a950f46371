"""Options that a kind of source does not take."""

from __future__ import annotations

from collections.abc import Iterable

from data.errors import DataError
from data.spec import DatasetSpec


def refuse_options(spec: DatasetSpec, what: str, fields: Iterable[str]) -> None:
    """Refuse options that have no meaning for a source: whoever set one expects an effect."""
    for field in fields:
        if getattr(spec, field) != DatasetSpec.model_fields[field].get_default(call_default_factory=True):
            raise DataError(f"{field} has no meaning for {what}", where=spec.source, hint=f"remove {field} from the data set")
