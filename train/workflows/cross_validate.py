"""Cross-validation: with few labels every part of the rows is test in turn, and a model is trained on the others for each.

Each part is a run of its own in `folds/` of the run folder, with the run's settings and without report page, model and
checkpoints once it is finished. What is pooled are the values of its test items, which no model that judges them has seen.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from data.errors import DataError
from train.config.schema import TrainSettings
from train.console import say
from train.distributed import PeerStopped, is_main, on_main, wait
from train.errors import Diverged
from train.evaluate.luck import Luck, needed_with_luck, with_luck
from train.evaluate.pair_metrics import spearman
from train.evaluate.parts import PairsOfPart, compare_spearman_by_parts
from train.evaluate.results import BaseContract, CrossValidation, PartResult
from train.evaluate.slices import DOCUMENTS, NEW, TAUGHT, SliceResult
from train.evaluate.slicing import slice_of
from train.evaluate.statistics import Comparison, compare_means, group_numbers
from train.evaluate.units import Units, by_wider, wider
from train.evaluate.verdict import clearly_negative
from train.plan.inner import inner_config, run_inside
from train.runs.finished import Values, read_finished
from train.runs.folder import RunFolder
from train.runs.progress import begin, skip
from train.runs.read import read_report


def cross_validate(
    config: TrainSettings, run: Path, folds: int, train: Callable[[TrainSettings], None], luck: Luck | None = None
) -> CrossValidation | None:
    """Train and judge a model a part, and compare with the base over the items of all parts.

    Args:
        config: of the run.
        run: its folder. Parts that are finished are not run again.
        folds: number of parts.
        train: carries out one run, from where it was; it judges what training makes, also where dev would keep the base.
        luck: how much models of this training differ by luck, where that was measured.

    Returns:
        What came out; None on processes that do not write, and where the rows cannot be dealt so or the training of a part does
        not converge, which is said and leaves the run as sound as it was.
    """
    parts, kept = [], 0
    contracts: list[tuple[BaseContract, ...]] = []
    for fold in range(folds):
        part = RunFolder(RunFolder(run).folds / f"part-{fold + 1}")
        on_main(partial(_forget_if_base, part))
        if part.is_finished:
            skip("folds")
        else:
            begin("folds", f"cross-validation, part {fold + 1} of {folds}")
            say(f"cross-validation, part {fold + 1} of {folds} …")
            try:
                split = {"folds": folds, "fold": fold}
                run_inside(inner_config(config, part.path.parent, part.path.name, split=split), part.path, train)
            except (DataError, Diverged, PeerStopped) as error:  # the last on the processes that did not find out themselves
                wait()
                say(f"  there is no cross-validation: {error}")
                return None
        wait()
        if is_main():
            part.keep_scores_only()
            parts.append(_values(part.path))
            contracts.append(next(iter(read_report(part.path).datasets)).contracts)
            kept += read_report(part.path).selection.lost
    if not is_main():
        return None
    shutil.rmtree(RunFolder(run).folds / ".cache", ignore_errors=True)
    seed, resamples = config.training.seed, config.evaluation.resamples
    luck = luck or Luck()
    parts = with_one_base(parts, contracts)
    items = pooled(parts, seed=seed, resamples=resamples)
    variance = luck.variance([len(part.items) for part in parts])
    found = with_luck(items, variance, luck.freedom, bound=2.0 if parts[0].has_gold else 1.0)
    told = config.data.datasets[0].score_range is not None
    against = parts[0].has_gold and not told and clearly_negative(found.base, found.independent)
    slices = pooled_slices(parts, luck, seed=seed, resamples=resamples)
    needed = needed_with_luck(items, variance, config.evaluation.margin, luck.freedom)
    judged = CrossValidation.of(found, folds, against_scores=against, items=items, luck=luck, kept_base=kept, slices=slices)
    return judged.model_copy(update={"needed": needed, "parts": tuple(map(part_result, parts))})


def part_result(part: Values) -> PartResult:
    """Return what the model of one part reached on it: the mean over queries, of scored pairs the correlation."""
    gold = np.array(part.gold, dtype=float) if part.has_gold else None
    sides = (np.array(side, dtype=float) for side in (part.base, part.tuned))
    base, tuned = (float(values.mean()) if gold is None else spearman(gold, values) for values in sides)
    return PartResult(n=len(part.items), base=base, tuned=tuned, delta=tuned - base)


def _forget_if_base(part: RunFolder) -> None:
    """Remove a finished part in which the base itself was judged, as earlier versions did: it says nothing about training."""
    if part.is_finished and read_report(part.path).selection.share == 0:
        shutil.rmtree(part.path)


def with_one_base(parts: Sequence[Values], contracts: Sequence[tuple[BaseContract, ...]]) -> list[Values]:
    """Return the parts with the base under the one contract that is better over all of them (see `selection.contracts`).

    Each part took the better on its own few items. The larger of two noisy values is partly the luckier one, which does not
    average out over parts: the base would be favoured in each.

    Args:
        parts: values of each part.
        contracts: of the base in each part; empty where there is one.
    """
    if not all(contracts):
        return list(parts)
    ahead = 0.0
    for part, both in zip(parts, contracts, strict=True):
        values = {one.as_shipped: one.value for one in both}
        ahead += len(part.items) * (values[True] - values[False])
    return [
        part
        if next(one.as_shipped for one in both if one.decides) == (ahead > 0)
        else replace(part, base=[float(value) for value in part.other_base if value is not None])
        for part, both in zip(parts, contracts, strict=True)
    ]


def pooled(parts: Sequence[Values], *, seed: int, resamples: int) -> Comparison:
    """Compare base and tuned over the items of all parts: the mean over all queries, and of scored pairs the mean of the parts'
    own correlations."""
    if parts[0].has_gold:
        return _pooled_pairs(parts, seed=seed, resamples=resamples)
    base, tuned = ([np.array(getattr(part, side), dtype=float) for part in parts] for side in ("base", "tuned"))
    values = np.concatenate(base), np.concatenate(tuned)
    units = _units(parts)
    return by_wider(units, lambda groups: compare_means(*values, seed=seed, resamples=resamples, groups=groups))


def _pooled_pairs(parts: Sequence[Values], *, seed: int, resamples: int) -> Comparison:
    def by(groups: Sequence[np.ndarray | None]) -> Comparison:
        pairs = zip(parts, groups, strict=True)
        values = [PairsOfPart(np.array(p.gold, dtype=float), np.array(p.base), np.array(p.tuned), own) for p, own in pairs]
        return compare_spearman_by_parts(values, seed=seed, resamples=resamples)

    units = [part.units("scored") for part in parts]
    single = by([one.groups for one in units])
    if all(one.texts is None or one.resampled_apart for one in units):
        return single
    return wider(single, by([None if one.resampled_apart else one.texts for one in units]), "scored")


def pooled_slices(parts: Sequence[Values], luck: Luck, *, seed: int, resamples: int) -> tuple[SliceResult, ...]:
    """Compare on the queries of all parts whose documents the rows of the other parts taught, and on those with new documents.

    As over all queries, those that share a text are resampled together where that leaves more doubt, and the intervals hold the
    luck of training: a part's model carries its luck into both slices.
    """
    taught = [known for part in parts for known in part.taught]
    if not taught or None in taught:
        return ()
    base, tuned = (np.concatenate([np.array(getattr(part, side), dtype=float) for part in parts]) for side in ("base", "tuned"))
    units, of_part = _units(parts), np.repeat(np.arange(len(parts)), [len(part.items) for part in parts])
    known = np.array(taught, dtype=bool)

    def compared(mask: np.ndarray) -> Comparison:
        def by(groups: np.ndarray | None) -> Comparison:
            own = None if groups is None else np.unique(groups[mask], return_inverse=True)[1]
            return compare_means(base[mask], tuned[mask], seed=seed, resamples=resamples, groups=own)

        items = by_wider(units, by)
        return with_luck(items, luck.variance(np.bincount(of_part[mask]).tolist()), luck.freedom)

    slices = ((TAUGHT, known), (NEW, ~known))
    return tuple(slice_of(DOCUMENTS, name, compared(mask)) for name, mask in slices if mask.any())


def _units(parts: Sequence[Values]) -> Units:
    """Return which queries of all parts belong together; older records of parts do not name the texts of their items."""
    known = all(len(part.shared) == len(part.items) for part in parts)
    return Units.of([texts for part in parts for texts in part.shared] if known else (), _groups(parts), "pair")


def _groups(parts: Sequence[Values]) -> np.ndarray | None:
    """Return [n] the group of each item. A group lies in one part, and each part numbers its own."""
    return group_numbers([f"{i} {g}" if g is not None else "" for i, part in enumerate(parts) for g in part.group])


def _values(folder: Path) -> Values:
    found = read_finished(folder)
    name, result = next(iter(found.results.items()))
    return found.values(name, "cosine" if result.kind == "scored" else result.metric)
