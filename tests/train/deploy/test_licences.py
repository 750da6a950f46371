"""Ids of licences: those of the Hub pass, others are refused with the one that was meant."""

from __future__ import annotations

import pytest

from train.deploy.licences import LICENCES, check_licence, meant_licence
from train.errors import ConfigError

MEANT = {
    "apache2": "apache-2.0",
    "Apache 2.0": "apache-2.0",
    "APACHE-2.0": "apache-2.0",
    "apache": "apache-2.0",
    "MIT": "mit",
    "MIT License": "mit",
    "cc-by-sa4": "cc-by-sa-4.0",
    "CC BY-NC 4.0": "cc-by-nc-4.0",
    "cc-by": "cc-by-4.0",
    "cc0": "cc0-1.0",
    "gplv3": "gpl-3.0",
    "GPL-3.0-or-later": "gpl-3.0",
    "lgplv2.1": "lgpl-2.1",
    "BSD-3-Clause": "bsd-3-clause",
    "bsd3": "bsd-3-clause",
    "llama-3.1": "llama3.1",
    "eupl": "eupl-1.2",
    "apachee-2.0": "apache-2.0",
    "proprietary": None,
    "beerware": None,
    "none": None,
}


def test_ids_of_the_hub_pass() -> None:
    for licence in (None, "apache-2.0", "openrail++", "other", "unknown", *LICENCES):
        check_licence(licence, "--licence ")


@pytest.mark.parametrize(("word", "meant"), MEANT.items())
def test_another_spelling_is_refused_with_the_id_that_was_meant(word: str, meant: str | None) -> None:
    assert meant_licence(word) == meant
    with pytest.raises(ConfigError) as refused:
        check_licence(word, "export.hub.licence=")
    assert refused.value.what.startswith(f"export.hub.licence={word}: the Hub has no licence of that id")
    assert f"export.hub.licence={meant or 'other'}" in str(refused.value.hint)
