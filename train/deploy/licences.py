"""The licences that the Hub knows by an id, and which of them somebody meant who wrote another."""

from __future__ import annotations

import re

from data.errors import nearest
from train.errors import ConfigError

_IDS = """
    afl-3.0 agpl-3.0 apache-2.0 apple-amlr apple-ascl artistic-2.0 bigcode-openrail-m bigscience-bloom-rail-1.0
    bigscience-openrail-m bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0 cc-by-2.5 cc-by-3.0
    cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0
    cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0
    creativeml-openrail-m deepfloyd-if-license ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2
    fair-noncommercial-research-license gemma gfdl gpl gpl-2.0 gpl-3.0 grok2-community h-research intel-research isc lgpl
    lgpl-2.1 lgpl-3.0 lgpl-lr llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by
    ofl-1.1 openmdw-1.0 openmdw-1.1 openrail openrail++ osl-3.0 other pddl postgresql unknown unlicense wtfpl zlib
"""
LICENCES = frozenset(_IDS.split())
"""Ids by https://huggingface.co/docs/hub/repositories-licenses (the page's source, docs/hub/repositories-licenses.md of
huggingface/hub-docs at 008d54d0, with those that came later, up to openmdw-1.1)."""
PAGE = "https://huggingface.co/docs/hub/repositories-licenses"
NOISE = re.compile(r"licen[cs]e|version|or-?later|-only$|\bv(?=\d)|(?<=[a-z])v(?=\d)")
"""What people write around the name of a licence."""


def check_licence(licence: str | None, setting: str) -> None:
    """Refuse a licence that the Hub would refuse, before anything is trained or sent.

    Args:
        licence: for the card; None for none.
        setting: how it was given, up to its value: `--licence ` or `export.hub.licence=`.

    Raises:
        ConfigError: the Hub has no such id.
    """
    if licence is None or licence in LICENCES:
        return
    meant = meant_licence(licence)
    what = f"{setting}{licence}: the Hub has no licence of that id"
    if meant is None:
        raise ConfigError(what, hint=f"write {setting}other, or one of the ids on {PAGE}")
    hint = f"write {setting}{meant}, or {setting}other for a licence that is not on {PAGE}"
    raise ConfigError(f"{what}; did you mean {meant}?", hint=hint)


def meant_licence(word: str) -> str | None:
    """Return the id that somebody most likely meant; None where none is alike.

    >>> [meant_licence(word) for word in ("apache2", "Apache 2.0", "cc-by-sa4", "GPLv3", "MIT License", "bsd3", "beerware")]
    ['apache-2.0', 'apache-2.0', 'cc-by-sa-4.0', 'gpl-3.0', 'mit', 'bsd-3-clause', None]
    """
    known: dict[str, str] = {}
    for licence in sorted(LICENCES, key=len):
        for form in (licence, licence.removesuffix(".0")):
            known.setdefault(_squashed(form), licence)
    plain = _squashed(NOISE.sub("", word.lower()))
    if plain in known:
        return known[plain]
    longer = [form for form in known if len(plain) >= 3 and form.startswith(plain)]
    newest = max((form for form in longer if len(form) == min(map(len, longer))), default=None)
    found = newest or nearest(plain, known, cutoff=0.75)
    return None if found is None else known[found]


def _squashed(word: str) -> str:
    return re.sub(r"[^a-z0-9+]", "", word.lower())
