"""One model that reads the texts of different data sets under different prompts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from data.schema import RowKind
from data.spec import DatasetSpec, PromptSpec
from train.encode.contract import EncodingContract, apply_contract

if TYPE_CHECKING:
    from train.encode.local import Encoder

COLUMNS = {RowKind.SCORED: ("sentences",), RowKind.PAIR: ("anchor", "positive"), RowKind.TUPLE: ("anchor", "positive")}
"""The prompts that rows of a kind use."""


class Contracted(Protocol):
    """A dataclass with a contract, which puts prompts before texts: an encoder, or a tokenizer that counts."""

    @property
    def contract(self) -> EncodingContract:
        """The prompts among other things."""
        ...


C = TypeVar("C", bound=Contracted)


def prompted(encoder: C, prompts: PromptSpec) -> C:
    """Return the same model, of open weights or behind an API, or its tokenizer, under these prompts; those not given stay."""
    if prompts == PromptSpec():
        return encoder
    own = encoder.contract
    contract = dataclasses.replace(
        own,
        query_prompt=own.query_prompt if prompts.anchor is None else prompts.anchor,
        document_prompt=own.document_prompt if prompts.positive is None else prompts.positive,
        symmetric_prompt=own.symmetric_prompt if prompts.sentences is None else prompts.sentences,
        prompts_from="your config",
    )
    return cast("C", dataclasses.replace(cast("Any", encoder), contract=contract))


def settle_prompts(encoder: Encoder, specs: Mapping[str, DatasetSpec], kinds: Mapping[str, RowKind]) -> tuple[Encoder, list[str]]:
    """Put the prompts of the data sets that are trained on into the model, so that they are saved with it.

    Where all of these agree, the prompts become the model's own, under which everything is judged and which `encode_query` and
    `encode_document` use. Otherwise they are saved under names of their own, for `encode(texts, prompt_name=…)`.

    Args:
        encoder: the base.
        specs: by data set name.
        kinds: of the rows, by data set name: what pairs put before their texts is no matter of scored pairs, and the reverse.

    Returns:
        The encoder, and what the user should read.
    """
    wanted = {name: spec.prompts for name, spec in specs.items() if spec.train}
    agreed = _agreed(wanted, kinds)
    if agreed is not None:
        settled = prompted(encoder, agreed)
        apply_contract(settled.model, settled.contract)
        return settled, []
    named = {
        f"{name}-{column}": prompt for name, one in wanted.items() for column, prompt in one.model_dump(exclude_none=True).items()
    }
    encoder.model.prompts = {**encoder.model.prompts, **named}
    return encoder, [
        "the data sets have different prompts, so the model that is saved puts none of them before texts by itself; ask for one"
        f" with encode(texts, prompt_name=…): {', '.join(named)}"
    ]


def _agreed(wanted: Mapping[str, PromptSpec], kinds: Mapping[str, RowKind]) -> PromptSpec | None:
    """Return the prompts under which all data sets can be read, each column's from those with one; None where these differ."""
    found: dict[str, str | None] = {}
    for column in PromptSpec.model_fields:
        users = {getattr(one, column) for name, one in wanted.items() if column in COLUMNS[kinds[name]]}
        if len(users) > 1:
            return None
        unused = (getattr(one, column) for one in wanted.values() if getattr(one, column) is not None)
        found[column] = next(iter(users)) if users else next(unused, None)
    return PromptSpec(**found)
