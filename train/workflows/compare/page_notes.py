"""What a comparison's page says about each model, about the machine, and about how was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from train.console import plain
from train.report.html_page import moment
from train.workflows.compare import units
from train.workflows.compare.results import Comparison, Contender

KINDS = {"query": "queries", "document": "documents", "symmetric": "sentences"}


def known_of(one: Contender) -> dict[str, Any]:
    """Return what a model is, how it encodes, and where facts are from."""
    origin, sources = one.outcome.origin, one.facts.sources
    lines = [("Full name", one.facts.name), ("Encodes with", one.outcome.contract.sentence())]
    if one.facts.languages:
        lines.append(("Languages", ", ".join(one.facts.languages)))
    if origin.get("revision"):
        lines.append(("Revision", str(origin["revision"])))
    if origin.get("sha256"):
        lines.append(("SHA-256 of the weights", str(origin["sha256"])))
    lines.append(("Price", one.price.basis))
    if one.speed is not None:
        earlier = ", in an earlier run" if one.outcome.speed_kept else ""
        busy = "; other programs were at work, so times may be too long" if one.speed.disturbed else ""
        batches = ", ".join(f"{units.number(rate)} texts/s in batches of {size}" for size, rate in one.speed.by_batch.items())
        lines.append(("Measured", f"{moment(one.speed.measured_at)}{earlier}, {one.speed.machine.sentence()}{busy}"))
        lines.append(("Batches", batches))
    lines.append(("Vectors", f"{one.outcome.computed:,} computed, {one.outcome.hits:,} from the cache"))
    stated = "; ".join(f"{name.replace('_', ' ')}: {source}" for name, source in sources.items())
    lines.append(("Facts from", stated))
    lines += [("Note", note) for note in one.outcome.notes]
    if one.outcome.trouble:
        lines.append(("Trouble", one.outcome.trouble))
    return {"letter": one.letter, "label": plain(one.label), "lines": [(name, plain(value)) for name, value in lines if value]}


def method_lines(comparison: Comparison, report: Mapping[str, Any]) -> list[str]:
    """Say how the figures came about, a sentence or two each."""
    single, many = report["samples"]["single"], report["samples"]["many"]
    found = [
        f"Quality: every model on the same rows, with 95% bootstrap intervals ({report['resamples']:,} resamples).",
        f"Latency: {single['texts']:,} {KINDS[single['role']]} of your data one by one, as a service would call the model; "
        "p95 is the time that 95 of 100 do not exceed.",
        f"Throughput: {many['texts']:,} {KINDS[many['role']]} of your data in batches of several sizes; the best counts.",
        "Neither reads a cache; both tokenise every text.",
        *_rounds(comparison),
        "Load time and memory: in a process of its own that has loaded the libraries before. Memory is the peak of the whole "
        "process, or that of the GPU.",
        "Index: the vectors alone, without what an index adds to them.",
        "Tokens behind prices are estimated from the length of the texts.",
    ]
    if comparison.pairs:
        tests = f"{len(comparison.pairs):,} test{'s' * (len(comparison.pairs) != 1)}"
        found.insert(1, f"Differences: paired randomisation, p-values of all {tests} corrected together by Holm's method.")
    if len(comparison.datasets) > 1:
        found.insert(1, "Quality over several data sets is the mean of their metrics, each of the same weight.")
    return found


def _rounds(comparison: Comparison) -> list[str]:
    """Say how speeds came by their intervals."""
    rounds = {one.speed.rounds for one in comparison.contenders if one.speed is not None and one.speed.rounds}
    if not rounds:
        return []
    return [
        f"Speeds are medians of {max(rounds)} rounds in which the models took turns, each time in a new process, with 95% "
        "intervals by ranks. Models whose intervals overlap, or that are within a tenth, count as equally fast."
    ]


def environment_lines(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Describe machine and software."""
    found = report["environment"]
    packages = ", ".join(f"{name} {version}" for name, version in (found.get("packages") or {}).items())
    lines = [
        ("Processor", f"{found.get('processor', '')}, {found.get('cores', '?')} cores, {found.get('threads', '?')} threads"),
        ("GPUs", ", ".join(found.get("gpus") or ())),
        ("Python", str(found.get("python", ""))),
        ("Packages", packages),
    ]
    return [(name, plain(value)) for name, value in lines if value]
