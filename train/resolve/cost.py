"""What judging models behind an API would cost, asked before a text is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from train.encode.api.confirm import Confirm, confirm_spending
from train.encode.api.prices import estimate, load_prices
from train.encode.cache.cache import VectorCache
from train.encode.cache.encoder import not_cached
from train.encode.contract import Role
from train.encode.open import open_model
from train.encode.protocol import TextEncoder
from train.encode.wrappers import wrapped
from train.evaluate.tasks import Task, texts_by_role
from train.resolve.models import Candidate


def confirm_judging(
    candidates: Sequence[Candidate], tasks: Mapping[str, Task], cache: VectorCache | None, confirm: Confirm | None
) -> None:
    """Ask whether the texts that no cache has may be sent for money; see `confirm_spending`.

    Args:
        candidates: the models; those on this machine cost nothing.
        tasks: what they are judged on.
        cache: where vectors are looked for.
        confirm: asked before money is spent, see `Confirm`; None refuses.
    """
    found = []
    for candidate in candidates:
        if candidate.config.api is None:
            continue
        encoder = open_model(candidate.config).encoder
        texts: list[str] = []
        for role, wanted in texts_by_role(tasks).items():
            texts += not_cached(wrapped(encoder, cache=cache), wanted, role)
        found.append(estimate(candidate.config, texts, load_prices()))
    confirm_spending(found, confirm)


def confirm_texts(
    candidate: Candidate, encoder: TextEncoder, texts: Sequence[str], role: Role, *, confirm: Confirm | None
) -> None:
    """Ask before texts are sent to a model behind an API, if that costs money; those in the cache cost none."""
    if candidate.config.api is not None:
        unpaid = not_cached(encoder, texts, role)
        confirm_spending([estimate(candidate.config, unpaid, load_prices())], confirm)
