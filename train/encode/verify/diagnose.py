"""Tells whether a copy gives a model's vectors, and where it does not, why: by comparing with what wrong copies would give.

An explanation counts where the vectors are ten times nearer to it than to the right ones; so a fault is found that is smaller
than the tolerance, and lower precision is not taken for one.

Shapes: N texts, D dimensions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from train.encode.encoding_format import EncodingFile, Golden
from train.encode.verify import hints
from train.encode.verify.observed import BF16, FP32, INT8, ONNX, SERVICE, Observed, Reading, distances
from train.encode.verify.result import Difference, Finding, VerifyResult

TOLERANCES = {FP32: 1e-5, ONNX: 1e-4, BF16: 1e-3, SERVICE: 1e-3, INT8: 2e-2}
"""Largest cosine distance that each kind of copy may have, unless it brings its own. Other devices and kernels move fp32 by about
1e-7, 16-bit numbers those of all-MiniLM-L6-v2 by 2e-5; int8 is what a search hardly notices, but only judging tells."""

TIMES_BF16 = 5
"""A service in 16 bits may differ by so many times what autocast to bf16 made of the model, which keeps sums in fp32."""

NEARER = 0.1
"""How much nearer vectors must be to an explanation than to the right ones."""

NOISE = 1e-6
"""Cosine distance that says nothing: rounding of what is recorded in 16 bits, and of fp32 on another machine."""

LENGTHS = {FP32: 1e-3, ONNX: 1e-3}
LENGTHS_ELSEWHERE = 2e-2
"""Share by which lengths may differ."""

FAR = 3e-2
"""Typical cosine distance from which on vectors are another model's, rather than rounded."""

SHORT = 60
"""Tokens of texts that no server cuts."""


@dataclass(frozen=True)
class _Compared:
    """One prompt's vectors beside the recorded ones.

    Attributes:
        golden: what is recorded.
        rows: [N] places of the texts that have a vector.
        found: [N, D'] their vectors.
        distance: [N] cosine distances; infinite where dimensions differ.
    """

    golden: Golden
    rows: np.ndarray
    found: np.ndarray
    distance: np.ndarray

    @property
    def worst(self) -> float:
        return float(self.distance.max(initial=0.0))

    @property
    def typical(self) -> float:
        return float(np.median(self.distance)) if len(self.distance) else 0.0


def verify(encoding: EncodingFile, observed: Observed, against: str, tolerance: float | None = None) -> VerifyResult:
    """Compare what a copy gave with what is recorded.

    Args:
        encoding: what is recorded.
        observed: what the copy gave.
        against: what the user calls that which is recorded.
        tolerance: largest cosine distance allowed; None for that of the copy or its kind.
    """
    allowed = tolerance if tolerance is not None else _tolerance(encoding, observed)
    findings, differences, notes = [], [], list(observed.notes)
    unexplained: list[_Compared] = []
    for place, reading in observed.readings.items():
        golden = encoding.golden[place]
        own = _refused(encoding, golden, reading, notes)
        if any(one is not None and one.ndim > 1 for one in reading.vectors):
            own.append(_finding(hints.NO_POOLING, pooling=encoding.contract.pooling))
            differences.append(Difference(_roles(golden), golden.prompt, len(reading.vectors), None, None, None))
        else:
            compared = _compare(golden, reading)
            differences.append(_difference(compared))
            why = _explained(encoding, observed, place, compared, allowed)
            own += why
            if not why and compared.worst > allowed:
                unexplained.append(compared)
        findings += [replace(one, roles=_roles(golden)) for one in own]
    findings += _of_the_whole(encoding, observed, unexplained, allowed, alone=not findings)
    if observed.together is not None and observed.together > max(allowed, 10 * NOISE):
        findings.append(_finding(hints.TOGETHER, cosine=observed.together))
    missing = [one.called() for place, one in enumerate(encoding.golden) if place not in observed.readings]
    notes += [f"nothing was compared of {called} texts" for called in missing]
    notes += [f"not recorded, so not checked: {one}" for one in encoding.left_out]
    largest = max((one.cosine for one in differences if one.cosine is not None), default=0.0)
    if not findings and largest > NOISE and observed.kind in (SERVICE, BF16):
        notes.append("it computes in lower precision than the recorded vectors (16 bits, or quantised), within the tolerance")
    notes += _settings(encoding, observed) if findings else []
    fits = not findings and bool(differences) and all(one.cosine is not None for one in differences)
    return VerifyResult(
        observed.name, against, observed.kind, allowed, fits, tuple(differences), tuple(_merged(findings)), tuple(notes)
    )


def _tolerance(encoding: EncodingFile, observed: Observed) -> float:
    if observed.tolerance is not None:
        return observed.tolerance
    usual = TOLERANCES[observed.kind]
    # a model that bf16 moves far would else take any vectors for its own
    return max(usual, min(FAR, TIMES_BF16 * (encoding.bf16 or 0.0))) if observed.kind in (BF16, SERVICE) else usual


def _compare(golden: Golden, reading: Reading) -> _Compared:
    """Return the vectors that came back beside the recorded ones."""
    rows = np.array([row for row, one in enumerate(reading.vectors) if one is not None], dtype=np.int64)
    found = np.stack([one for one in reading.vectors if one is not None])
    right = golden.vectors.array()[rows]
    same = found.shape[1] == right.shape[1]
    return _Compared(golden, rows, found, distances(found, right) if same else np.full(len(rows), np.inf))


def _difference(compared: _Compared) -> Difference:
    golden = compared.golden
    if not np.isfinite(compared.worst):
        return Difference(_roles(golden), golden.prompt, len(compared.rows), None, None, None)
    absolute = float(np.abs(compared.found - golden.vectors.array()[compared.rows]).max())
    text = golden.texts[int(compared.rows[int(compared.distance.argmax())])]
    return Difference(_roles(golden), golden.prompt, len(compared.rows), compared.worst, absolute, text)


def _explained(encoding: EncodingFile, observed: Observed, place: int, compared: _Compared, allowed: float) -> list[Finding]:
    """Return what is wrong with vectors under one prompt, as far as it can be told from them alone."""
    wanted, width = compared.golden.vectors.dimensions, compared.found.shape[1]
    found = [best] if (best := _best(encoding, place, compared)) is not None else []
    if not found and width != wanted:
        return [_dimensions(compared, allowed)]
    if not found and compared.worst > allowed and (long := _long_only(encoding, compared, allowed)) is not None:
        found.append(long)
    lengths = _lengths(encoding, observed, compared, allowed, explained=bool(found))
    return found + ([] if lengths is None else [lengths])


def _best(encoding: EncodingFile, place: int, compared: _Compared) -> Finding | None:
    """Return the explanation to which the vectors are nearest, if that is much nearer than the right ones are."""
    rows = {compared.golden.texts[row]: i for i, row in enumerate(compared.rows.tolist())}
    best, nearest = None, NEARER
    for texts, vectors, finding in _explanations(encoding, place):
        mine = [rows[text] for text in texts if text in rows]
        there = [i for i, text in enumerate(texts) if text in rows]
        if not mine or vectors.shape[1] != compared.found.shape[1]:
            continue
        right = float(compared.distance[mine].max())
        share = (
            max(float(distances(compared.found[mine], vectors[there]).max()), NOISE / 10) / right if right > 5 * NOISE else 1.0
        )
        if share < nearest:
            best, nearest = finding, share / 2  # of explanations that are as near, the first
    return best


def _explanations(encoding: EncodingFile, place: int) -> Iterator[tuple[Sequence[int], np.ndarray, Finding]]:
    """Yield numbers of texts, what their vectors would be, and the finding, the plainest explanations first."""
    golden, contract = encoding.golden[place], encoding.contract
    words = {
        "no prompt": hints.NO_PROMPT,
        "prompt twice": hints.DOUBLED,
        "both prompts": hints.BOTH,
        "pooling": hints.POOLING,
        "left out": hints.LEFT_OUT,
        "cut": hints.CUT,
        "not cut": hints.NOT_CUT,
    }
    for one in golden.hypotheses:
        if one.kind in words:
            limit = "all" if contract.reads_whole else f"{contract.max_tokens:,}"
            finding = _finding(words[one.kind], prompt=golden.prompt, detail=one.detail, pooling=contract.pooling, limit=limit)
            yield one.texts, one.vectors.array(), finding
    for other in encoding.golden:
        if other is not golden and other.task is None and other.prompt:
            yield other.texts, other.vectors.array(), _finding(hints.SWAPPED, other=other.called(), prompt=other.prompt)


def _dimensions(compared: _Compared, allowed: float) -> Finding:
    """Return what to say of vectors of other dimensions."""
    right = compared.golden.vectors.array()[compared.rows]
    wanted, width = right.shape[1], compared.found.shape[1]
    both = min(wanted, width)
    if distances(compared.found[:, :both], right[:, :both]).max() <= max(allowed, 1e-3):
        words = hints.MORE_DIMENSIONS if width > wanted else hints.FEWER_DIMENSIONS
        return _finding(words, found=width, wanted=wanted)
    return _finding(hints.OTHER_DIMENSIONS, found=width, wanted=wanted)


def _long_only(encoding: EncodingFile, compared: _Compared, allowed: float) -> Finding | None:
    """Return what to say where only the longer texts differ; None where short ones do, too."""
    if compared.golden.tokens is None:
        return None
    tokens = np.array(compared.golden.tokens)[compared.rows]
    wrong = compared.distance > allowed
    high, fitting = int(tokens[wrong].min()), tokens[~wrong]
    if wrong.all() or int(fitting.max()) >= high or len(fitting) < len(tokens) / 2:
        return None
    contract = encoding.contract
    beyond = not contract.reads_whole and high > contract.max_tokens
    words = hints.LONG_DIFFER if beyond and int(fitting.max()) > contract.max_tokens else hints.CUT_SOMEWHERE
    if beyond and words is hints.CUT_SOMEWHERE:
        words = hints.NOT_CUT
    limit = "all" if contract.reads_whole else f"{contract.max_tokens:,}"
    return _finding(words, low=int(fitting.max()), high=high, limit=limit)


def _lengths(
    encoding: EncodingFile, observed: Observed, compared: _Compared, allowed: float, *, explained: bool
) -> Finding | None:
    """Return what is wrong with the lengths of vectors. Those of an unnormalised model say nothing where directions are wrong."""
    contract = encoding.contract
    found = np.linalg.norm(compared.found, axis=1)
    right = np.linalg.norm(compared.golden.vectors.array()[compared.rows], axis=1)
    live = (found > 0) & (right > 0)
    if not live.any():
        return None
    ratio = found[live] / right[live]
    low, high = float(ratio.min()), float(ratio.max())
    most = LENGTHS.get(observed.kind, LENGTHS_ELSEWHERE)
    if 1 - most <= low and high <= 1 + most:
        return None
    if contract.normalized:
        return _finding(hints.NOT_NORMALISED, low=low, high=high)
    if explained or compared.worst > allowed:
        return None
    if bool((np.abs(found[live] - 1) <= most).all()):
        return _finding(hints.NORMALISED) if contract.similarity == "dot" else None
    return _finding(hints.LENGTHS, low=low, high=high)


def _refused(encoding: EncodingFile, golden: Golden, reading: Reading, notes: list[str]) -> list[Finding]:
    """Return what to say of refused texts that the model reads; of blank ones and those beyond its limit a note is enough."""
    limit = encoding.contract.max_tokens
    hard: list[tuple[int, str]] = []
    beyond: list[tuple[int, str]] = []
    for row, why in reading.refused.items():
        text = golden.prompt + encoding.texts[golden.texts[row]]
        tokens = len(text) // 4 if golden.tokens is None else golden.tokens[row]
        if not text.strip():
            notes.append(f"a blank text was refused ({why}): the model gives it a vector")
        else:
            (beyond if golden.tokens is not None and tokens > limit else hard).append((tokens, why))
    if beyond:
        tokens, why = min(beyond)
        notes.append(
            f"{golden.called()} texts of {tokens:,} tokens and more were refused ({why}); the model cuts them at {limit:,}"
        )
    if not hard:
        return []
    tokens, why = min(hard)
    return [_finding(hints.REFUSED, count=len(hard), tokens=f"{tokens:,}", why=why)]


def _of_the_whole(
    encoding: EncodingFile, observed: Observed, unexplained: list[_Compared], allowed: float, *, alone: bool
) -> list[Finding]:
    """Return why vectors differ that no recorded explanation fits; `alone` where none fits those of any prompt."""
    tokenizer = _tokenizer(encoding, observed)
    if tokenizer is not None and (unexplained or observed.token_ids is not None):
        return [tokenizer]
    if not unexplained:
        return []
    worst = max(unexplained, key=lambda one: one.worst)
    text = worst.golden.texts[int(worst.rows[int(worst.distance.argmax())])]
    # what is wrong with the vectors under other prompts is likely to be wrong with these, in a way that is not recorded
    words = _why(encoding, observed, worst, allowed) if alone else hints.UNKNOWN
    figures = {"cosine": worst.worst, "typical": worst.typical, "tolerance": allowed, "allow": 2 * worst.worst, "text": text}
    return [_finding(words, **figures)]


def _why(encoding: EncodingFile, observed: Observed, worst: _Compared, allowed: float) -> tuple[str, str, str]:
    """Return the words for vectors that differ everywhere in no recorded way."""
    if observed.kind == INT8:
        return hints.COARSE
    if observed.weights is not None and encoding.weights is not None and observed.weights != encoding.weights:
        rounded = observed.kind == BF16 and worst.worst < FAR
        return hints.SMALL_EVERYWHERE if rounded or worst.typical <= allowed else hints.OTHER_WEIGHTS
    if observed.kind in (SERVICE, BF16, ONNX) and float(worst.distance.min()) > NOISE:
        return hints.SMALL_EVERYWHERE if worst.typical < FAR else hints.OTHER_OR_COARSE
    return hints.UNKNOWN


def _tokenizer(encoding: EncodingFile, observed: Observed) -> Finding | None:
    """Return that texts are cut into other tokens, where the copy shows its tokens or counts them."""
    if observed.token_ids is not None and encoding.token_ids is not None:
        others = sum(one != other for one, other in zip(observed.token_ids, encoding.token_ids, strict=True))
        if others:
            return _finding(hints.OTHER_TOKENIZER, what=f"{others} of {len(encoding.texts)} golden texts have other token ids")
        return None
    for place, reading in observed.readings.items():
        golden = encoding.golden[place]
        if reading.tokens is None or golden.tokens is None:
            continue
        pairs = [
            (counted, own)
            for counted, own in zip(reading.tokens, golden.tokens, strict=True)
            if counted is not None and own <= min(SHORT, encoding.contract.max_tokens)
        ]
        offsets = Counter(counted - own for counted, own in pairs)  # special tokens may be left out of the count
        if len(pairs) > 3 and offsets and offsets.most_common(1)[0][1] < 0.8 * len(pairs):
            what = f"the server counts other numbers of tokens: {pairs[0][0]} for {pairs[0][1]}, {pairs[1][0]} for {pairs[1][1]}"
            return _finding(hints.OTHER_TOKENIZER, what=what)
    return None


def _settings(encoding: EncodingFile, observed: Observed) -> Iterator[str]:
    """Yield in which settings a folder's files differ from what is recorded."""
    recorded = encoding.contract.as_dict() | {"modules": encoding.modules}
    for name, value in observed.settings.items():
        if recorded.get(name) != value:
            yield f"its files say {name} = {_shown(value)}, recorded is {_shown(recorded.get(name))}"


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else repr(value)


def _roles(golden: Golden) -> tuple[str, ...]:
    return (*(role.value for role in golden.roles), *golden.names)


def _finding(words: tuple[str, str, str], **values: Any) -> Finding:
    code, what, hint = (part.format(**values) if "{" in part else part for part in words)
    return Finding(code, what, hint)


def _merged(findings: Sequence[Finding]) -> list[Finding]:
    """Return each finding once, with the roles of all."""
    found: dict[tuple[str, str], Finding] = {}
    for one in findings:
        known = found.get((one.code, one.what))
        found[one.code, one.what] = one if known is None else replace(known, roles=(*known.roles, *one.roles))
    return list(found.values())
