"""The models of a comparison take turns to be timed, and what was measured is kept for later comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from multiprocessing.context import BaseContext

from train.resolve.models import Candidate
from train.workflows.compare.isolation import run_job
from train.workflows.compare.rounds import in_rounds
from train.workflows.compare.speed import Round
from train.workflows.compare.worker import Failure, Job, Outcome, speed_file

Found = Mapping[Candidate, Outcome | Failure]


def timed_in_turns(jobs: Sequence[Job], found: Found, start: BaseContext) -> dict[Candidate, Outcome | Failure]:
    """Return what was found with speeds over several rounds, where at least two models run on this machine.

    Args:
        jobs: one a model.
        found: what came of each.
        start: how processes are started.
    """
    by_candidate = {job.candidate: job for job in jobs}
    whole = {candidate: one for candidate, one in found.items() if isinstance(one, Outcome)}
    speeds = {candidate: one.speed for candidate, one in whole.items() if one.speed is not None and one.speed.device != "api"}
    number = jobs[0].config.measure.rounds if len(speeds) > 1 else 0

    def time(candidate: Candidate, batch: int) -> Round | None:
        one = run_job(replace(by_candidate[candidate], round_in_batches=batch), start)
        return one if isinstance(one, Round) else None

    if any(speed.rounds < number for speed in speeds.values()):  # all of them, or a new model would be timed on another day
        timed = in_rounds(speeds, number, time)
        whole |= {candidate: replace(whole[candidate], speed=speed, speed_kept=False) for candidate, speed in timed.items()}
    for candidate, one in whole.items():
        if one.speed is not None and not one.speed_kept:
            speed_file(by_candidate[candidate], one.speed.machine, one.spaces.__getitem__).write(one.speed)
    return {**found, **whole}
