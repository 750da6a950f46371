"""`benchmark` and `evaluate` with models behind an API, on a loopback server: asked before money is spent, and told the roles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api_server import KEY, ApiServer, api_server
from tests.train.conftest import as_json
from train.cli.app import main
from train.config.schema import ModelConfig
from train.encode.api.credentials import ADDRESS_VARIABLES, ADDRESSES
from train.encode.open import open_model
from train.encode.wrappers import RememberingEncoder


@pytest.fixture
def server_of_all(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """A server that passes for the providers' own, so that their prices hold."""
    with api_server() as server:
        for provider, path in (("openai", "/openai"), ("cohere", ""), ("voyage", "/voyage")):
            monkeypatch.setenv(ADDRESS_VARIABLES[provider], server.url + path)
            monkeypatch.setitem(ADDRESSES, provider, (server.url + path,))
        for name in ("OPENAI_API_KEY", "CO_API_KEY", "VOYAGE_API_KEY"):
            monkeypatch.setenv(name, KEY)
        yield server


@pytest.mark.parametrize("command", ["benchmark", "evaluate"])
def test_nothing_is_sent_for_money_unless_agreed_and_the_key_is_never_shown(
    here: Path, tmp_path: Path, server_of_all: ApiServer, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    words = [command, "text-embedding-3-small", "-d", "pairs.csv", "--cache", str(tmp_path / "cache")]
    words += ["-o", str(tmp_path / "out")] if command == "benchmark" else ["evaluation.resamples=200"]
    with pytest.raises(SystemExit) as stopped:
        main(words)
    said = capfd.readouterr()
    assert stopped.value.code == 2 and "nobody can be asked" in said.err and "--yes" in said.err
    assert server_of_all.requests == []
    found = as_json(capfd, *words, "--yes")
    sent = len(server_of_all.requests)
    assert sent > 0
    assert 0 < (found["scores"] if command == "benchmark" else found["datasets"])[0]["value"] <= 1
    again = as_json(capfd, *words)  # nothing is left to be paid for, so nobody is asked
    assert len(server_of_all.requests) == sent
    assert again["scores" if command == "benchmark" else "datasets"][0]["value"] == pytest.approx(
        (found["scores"] if command == "benchmark" else found["datasets"])[0]["value"]
    )
    assert KEY not in said.out + said.err + str(found) + str(again)


def test_a_text_that_is_a_query_and_a_document_has_two_vectors_where_the_api_is_told_the_role(server_of_all: ApiServer) -> None:
    memory = RememberingEncoder(open_model(ModelConfig(name="embed-english-v3.0", api="cohere")).encoder)
    query, document = (memory.encode(["the same words"], role) for role in ("query", "document"))
    assert not query.equal(document), "both prompts are empty, but the spaces differ"
    asked = len(server_of_all.requests)
    assert memory.encode(["the same words"], "query").equal(query) and len(server_of_all.requests) == asked


def test_a_task_of_unknown_size_is_asked_about_too(
    here: Path, tmp_path: Path, server_of_all: ApiServer, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.workflows.benchmark.run.size_of", lambda task: (0, 0))
    with pytest.raises(SystemExit) as stopped:
        main(["benchmark", "text-embedding-3-small", "-d", "pairs.csv", "--cache", "off", "-o", str(tmp_path / "out")])
    said = capfd.readouterr()
    assert stopped.value.code == 2 and "nobody can be asked" in said.err and "of unknown size" in said.out
    assert server_of_all.requests == []


@pytest.mark.parametrize("out", [[], ["--out", "mined.jsonl"]], ids=["audit", "file"])
def test_mining_asks_before_money_is_spent_and_does_not_pay_twice(
    tmp_path: Path, server_of_all: ApiServer, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, out: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [f"question {i // 2},the answer is {i} of {i // 2}" for i in range(80)]  # each question has two answers
    (tmp_path / "pairs.csv").write_text("question,answer\n" + "\n".join(lines) + "\n", encoding="utf-8")
    words = ["mine", "pairs.csv", "--model", "text-embedding-3-small", "--cache", str(tmp_path / "cache"), "mining.rank_from=1"]
    words += out or ["--audit"]
    with pytest.raises(SystemExit) as stopped:
        main(words)
    said = capfd.readouterr()
    assert stopped.value.code == 2 and "nobody can be asked" in said.err and KEY not in said.out + said.err
    assert server_of_all.requests == [] and not (tmp_path / "mined.jsonl").exists()
    main([*words, "--yes"])
    sent = len(server_of_all.requests)
    assert sent > 0
    (tmp_path / "mined.jsonl").unlink(missing_ok=True)
    main(words)  # every vector is in the cache, so nobody is asked
    assert len(server_of_all.requests) == sent
