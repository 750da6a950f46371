"""bf16 or fp32 is decided by what the processor can do, not by how busy it is."""

from __future__ import annotations

import itertools
import json
import platform
from pathlib import Path

import pytest

from train import machine
from train.fit import precision
from train.fit.precision import KEPT, bf16_pays

X86 = "processor\t: 0\nmodel name\t: A Processor\nflags\t\t: fpu sse avx2 {}\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd {}\n"
AMX = "amx_bf16 amx_tile avx512_bf16"


@pytest.fixture
def cpuinfo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A description of the processor that a test can write, on a machine without limits."""
    for name in precision.LIMITS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(precision.torch.backends.mkldnn, "is_available", lambda: True)
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    return tmp_path / "cpuinfo"


def never() -> float:
    raise AssertionError("measured, though flags settle it")


@pytest.mark.parametrize(
    ("kind", "text", "pays", "why"),
    [
        ("x86_64", X86.format(AMX), True, "amx_bf16"),
        ("AMD64", X86.format(AMX), True, "amx_bf16"),
        ("x86_64", X86.format("avx512f"), False, "no instructions for bf16"),
        ("aarch64", ARM.format("sve"), False, "no instructions for bf16"),
    ],
)
def test_flags_decide(cpuinfo: Path, monkeypatch: pytest.MonkeyPatch, kind: str, text: str, pays: bool, why: str) -> None:
    cpuinfo.write_text(text, encoding="utf-8")
    monkeypatch.setattr(platform, "machine", lambda: kind)
    monkeypatch.setattr(precision, "_ratio", never)
    found, said = bf16_pays("cpu", cpuinfo.parent)
    assert found is pays and why in said
    assert not (cpuinfo.parent / KEPT).exists()


@pytest.mark.parametrize("text", [X86.format(AMX), X86.format("avx2")])
def test_a_busy_machine_decides_as_a_quiet_one(cpuinfo: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    cpuinfo.write_text(text, encoding="utf-8")
    answers = set()
    for rhythm in ((0.1, 5.0), (5.0, 0.1), (0.1, 0.1)):  # clocks that make either format look faster
        steps = itertools.cycle(rhythm)
        clock = itertools.accumulate(itertools.repeat(0.0), lambda now, _, steps=steps: now + next(steps))
        for name in ("perf_counter", "thread_time", "process_time"):
            monkeypatch.setattr(precision.time, name, lambda clock=clock: next(clock))
        answers.add(bf16_pays("cpu"))
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("x86_64", X86.format("avx512_bf16")),
        ("aarch64", ARM.format("asimdhp bf16")),
        ("riscv64", "isa\t: rv64imafdcv\n"),
    ],
)
def test_where_flags_do_not_settle_it_one_measurement_is_kept(
    cpuinfo: Path, monkeypatch: pytest.MonkeyPatch, kind: str, text: str
) -> None:
    cpuinfo.write_text(text, encoding="utf-8")
    monkeypatch.setattr(platform, "machine", lambda: kind)
    ratios = iter([1.9, 0.4])
    monkeypatch.setattr(precision, "_ratio", lambda: next(ratios))
    cache = cpuinfo.parent / "cache"
    assert bf16_pays("cpu", cache) == (
        True,
        "measured, as flags do not settle it: bf16 products run at 1.9 times the speed of fp32 here",
    )
    assert bf16_pays("cpu", cache)[0]  # what is measured now would say otherwise
    monkeypatch.setattr(precision.torch, "__version__", "9.9")
    assert not bf16_pays("cpu", cache)[0]
    assert sorted(json.loads((cache / KEPT).read_text()).values()) == [0.4, 1.9]


@pytest.mark.parametrize("damage", ["", "{", "[1]", '{"A Processor": "fast"}', "\udcff"])
def test_a_damaged_file_is_measured_again(cpuinfo: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    cpuinfo.write_text(X86.format("avx512_bf16"), encoding="utf-8")
    monkeypatch.setattr(precision, "_ratio", lambda: 2.0)
    (cpuinfo.parent / KEPT).write_bytes(damage.encode("utf-8", "surrogateescape"))
    assert bf16_pays("cpu", cpuinfo.parent)[0]
    assert 2.0 in json.loads((cpuinfo.parent / KEPT).read_text()).values()


def test_instructions_that_are_kept_from_torch_are_not_counted_on(cpuinfo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cpuinfo.write_text(X86.format(AMX), encoding="utf-8")
    monkeypatch.setattr(precision, "_ratio", lambda: 0.6)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert not bf16_pays("cpu", cpuinfo.parent)[0]
    assert "ONEDNN_MAX_CPU_ISA=AVX2" in (cpuinfo.parent / KEPT).read_text()


def test_formats_take_turns_when_they_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def seconds(dtype: object) -> float:
        asked.append(str(dtype))
        burst = 30.0 if len(asked) in (7, 8) else 1.0  # other work during one round
        return burst * (2.0 if "float32" in str(dtype) else 1.0)

    monkeypatch.setattr(precision, "_seconds", seconds)
    assert precision._ratio() == 2.0
    assert asked[:4] == ["torch.float32", "torch.bfloat16"] * 2


def test_other_systems_are_asked_through_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "none")
    monkeypatch.setattr(platform, "machine", lambda: "AMD64")
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    assert machine.processor_flags() == {"avx512_bf16"}
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported")
    assert machine.processor_flags() is None
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert machine.processor_flags() is None
