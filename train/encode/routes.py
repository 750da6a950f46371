"""Routers: models that send queries and documents through modules of their own (Sentence Transformers' Router, once Asym).

A text that comes without its role takes the default route, silently. So each text is sent with its role, in judging and training,
and a model is refused whose routes cannot be told from the role.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from data.schema import RowKind
from train.encode.contract import Role
from train.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

TASKS = {Role.QUERY: "query", Role.DOCUMENT: "document", Role.SYMMETRIC: None}
"""What a router is told of a text, by its role: as `encode_query`, `encode_document` and `encode` do."""
MEND = "name the routes query and document (Router.for_query_document does), and save the model again"


def routers_of(model: nn.Module) -> list[Any]:
    """Return the routers among a model's modules."""
    from sentence_transformers.sentence_transformer.modules import Router

    return [module for module in model.children() if isinstance(module, Router)]


def task_of(model: nn.Module, role: Role | str) -> str | None:
    """Return what the model's router is told of texts of a role; None for a model without one.

    Raises:
        ModelError: the router has no route for texts that are neither queries nor documents.
    """
    routers = routers_of(model)
    if role == Role.SYMMETRIC and any(_route(router, None) is None for router in routers):
        raise ModelError(
            f"the model's router ({_listed(routers)}) has no default route, as texts need that are neither queries nor documents",
            hint='give it one, Router(…, default_route="document"), and save the model again; or bring queries and documents',
        )
    return TASKS[Role(role)] if routers else None


def check_routes(name: str, model: nn.Module) -> None:
    """Refuse a router that does not know queries or documents.

    Raises:
        ModelError: naming its routes.
    """
    for router in routers_of(model):
        lacking = [task for task in ("query", "document") if _route(router, task) is None]
        if lacking:
            raise ModelError(
                f"{name} has a router with the routes {_listed([router])}, but none for {' and '.join(lacking)} texts", hint=MEND
            )
    widths = {role: _width(model, role) for role in (Role.QUERY, Role.DOCUMENT)} if routers_of(model) else {}
    if len(set(widths.values())) > 1:
        listed = " and ".join(f"{width} for {role.value}" for role, width in widths.items())
        raise ModelError(
            f"{name} has a router whose vectors have different dimensions ({listed} texts): they cannot be compared",
            hint="add a Dense layer to one of the routes",
        )


def about_routes(model: nn.Module, kinds: Iterable[RowKind]) -> list[str]:
    """Return what the user should read about the rows that a model with a router is trained on.

    Raises:
        ModelError: there are scored pairs, and no route for them.
    """
    routers = routers_of(model)
    if not routers:
        return []
    notes = ["the model has a router: queries and documents go through routes of their own, in training and judging"]
    if RowKind.SCORED in set(kinds):
        task_of(model, Role.SYMMETRIC)
        default = ", ".join(str(_route(router, None)) for router in routers)
        notes.append(f"scored pairs have neither query nor document: both texts take the router's default route ({default})")
    return notes


def _route(router: Any, task: str | None) -> str | None:
    """Return the route that texts take, by the library's own rules."""
    try:
        return router._resolve_route_name(task=task, modality="text") or router.default_route
    except ValueError:  # no such route
        return None


def _listed(routers: list[Any]) -> str:
    return ", ".join(name for router in routers for name in router.sub_modules)


def _width(model: Any, role: Role) -> int:
    return int(model.encode(["a"], task=TASKS[role], convert_to_tensor=True, show_progress_bar=False).shape[1])
