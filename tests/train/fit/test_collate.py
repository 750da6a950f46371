"""Batches of token ids are those of the stock tokenisation; what the trainer makes of them: counts, losses, precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import TrainerCallback

from data.schema import RowKind
from train.config.schema import ModelConfig, TrainingConfig
from train.encode.forward import cpu_halves
from train.encode.forward.cpu_dropout import CheapDropout
from train.encode.forward.packed import embed_packed
from train.encode.local import Encoder
from train.encode.open import open_model
from train.encode.token_limit import limited_tokens
from train.encode.tokens.ragged import Tokens
from train.fit import loop as fitting
from train.fit.batches.training_set import TrainingRows, TrainingSet
from train.fit.collate import COLUMNS, PackingCollator, TokenTable, count
from train.fit.loop import Hooks
from train.fit.recipe import plan_recipe
from train.fit.trainer import PairTrainer, Work

ROWS = {
    "anchor": ["one", "a longer anchor than the others", "", "two words", "five", "six six", "seven", "eight of them"],
    "positive": ["first " * 40, "b", "c d", "e", "number five", "half a dozen", "lucky", "a whole byte"],
}
PROMPTS = {"anchor": "query: ", "positive": ""}
MAX_TOKENS = 16


@pytest.fixture
def encoder(tiny_model: Path) -> Encoder:
    return open_model(ModelConfig(name=str(tiny_model), device="cpu")).local


def table(encoder: Encoder, rows: dict[str, list], prompts: dict[str, str]) -> TokenTable:
    found = TokenTable.of(Dataset.from_dict(rows), prompts, encoder, MAX_TOKENS)
    assert found is not None
    return found


def stock(encoder: Encoder, column: str, rows: list[int]) -> dict[str, torch.Tensor]:
    with limited_tokens(encoder.model, MAX_TOKENS):
        return encoder.model.preprocess([ROWS[column][i] for i in rows], prompt=PROMPTS[column] or None)


def test_a_batch_is_the_stock_tokenisation_with_the_prompt_of_each_column(encoder: Encoder) -> None:
    collate, rows = PackingCollator({"pairs": table(encoder, ROWS, PROMPTS)}), [3, 0, 1]
    batch = collate([{"dataset_name": "pairs", "row": i} for i in rows])
    assert batch["dataset_name"] == "pairs" and "label" not in batch
    real = 0
    for column, tokens in zip(ROWS, batch[COLUMNS], strict=True):
        expected = stock(encoder, column, rows)
        ids, mask = tokens.padded(0)
        assert torch.equal(ids, expected["input_ids"]) and torch.equal(mask, expected["attention_mask"])
        real += int(expected["attention_mask"].sum())
    assert int(batch[COLUMNS][1].lengths[1]) == MAX_TOKENS
    assert count(batch) == (3, real)
    padded = {f"{name}_attention_mask": stock(encoder, name, rows)["attention_mask"] for name in ROWS}
    assert tuple(map(int, count(padded))) == (3, real)


def test_scores_become_labels_and_data_sets_keep_apart(encoder: Encoder) -> None:
    scored = {"sentence1": ["a b c", "d"], "sentence2": ["e", "f g"], "score": [0.25, 1.0]}
    tables = {
        "pairs": table(encoder, ROWS, PROMPTS),
        "scored": table(encoder, scored, dict.fromkeys(("sentence1", "sentence2"), "")),
    }
    assert tables["scored"].rows()[:] == {"row": [0, 1], "score": [0.25, 1.0]}
    assert tables["pairs"].rows()[:] == {"row": list(range(8))}
    rows = [{"dataset_name": "scored", "row": i, "score": scored["score"][i]} for i in (1, 0)]
    batch = PackingCollator(tables)(rows)
    assert torch.equal(batch["label"], torch.tensor([1.0, 0.25])) and batch["label"].dtype == torch.float32
    assert [column.lengths.tolist() for column in batch[COLUMNS]] == [[3, 5], [4, 3]]


def test_a_joint_batch_has_each_text_once(encoder: Encoder) -> None:
    keys = np.array([[7, 20], [7, 21], [5, 20], [6, 22]])
    rows = {"anchor": ["seven", "seven", "five", "six"], "positive": ["b b", "c", "b b", "d d d d"]}
    joint = TokenTable.of(Dataset.from_dict(rows), dict.fromkeys(rows, ""), encoder, MAX_TOKENS, keys, joint=True)
    assert joint is not None
    batch = PackingCollator({"pairs": joint})([{"dataset_name": "pairs", "row": i} for i in (0, 2, 3)])
    assert batch["label"].tolist() == [5, 6, 7, 20, 22]
    plain = TokenTable.of(Dataset.from_dict(rows), dict.fromkeys(rows, ""), encoder, MAX_TOKENS)
    assert plain is not None
    (queries, _), (_, documents) = plain.batch([2, 3, 0])[0], plain.batch([2, 3])[0]
    for found, expected in zip(batch[COLUMNS], (queries, documents), strict=True):
        assert torch.equal(found.ids, expected.ids) and torch.equal(found.lengths, expected.lengths)
    assert count(batch) == (3, queries.total + documents.total)


def test_texts_that_are_more_than_tokens_have_no_table(encoder: Encoder) -> None:
    encoder.store = None
    assert TokenTable.of(Dataset.from_dict(ROWS), PROMPTS, encoder, MAX_TOKENS) is None


class Watch(TrainerCallback):
    """The gradients of the first step."""

    def __init__(self) -> None:
        self.gradients: dict[str, torch.Tensor] = {}

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        self.gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def train(
    encoder: Encoder, folder: Path, monkeypatch: pytest.MonkeyPatch, loss: str, bf16: bool = False, accumulation: int = 1
) -> tuple[Watch, Work]:
    """One step of PairTrainer on all rows."""
    watch, work = Watch(), Work()

    class Watched(PairTrainer):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.add_callback(watch)

    monkeypatch.setattr(fitting, "PairTrainer", Watched)
    config = TrainingConfig(
        max_steps=1,
        batch_size=8 // accumulation,
        gradient_accumulation=accumulation,
        max_grad_norm=1e9,
        learning_rate=1e-4,
        evaluations=1,
    )
    one = TrainingSet(TrainingRows(Dataset.from_dict(ROWS), RowKind.PAIR), loss)
    recipe = plan_recipe(config, {"pairs": one.facts}, MAX_TOKENS, processes=1)
    hooks = Hooks(lambda step: {}, lambda step, path: None, lambda: False)
    folder.mkdir()
    fitting.fit(encoder, {"pairs": one}, recipe, config, folder, bf16, hooks, work)
    return watch, work


def same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], tolerance: float) -> bool:
    total = torch.sqrt(sum((g**2).sum() for g in expected.values()))
    return found.keys() == expected.keys() and all((found[k] - g).norm() / total < tolerance for k, g in expected.items())


@pytest.mark.parametrize("stored", [True, False], ids=["packed", "stock tokenisation"])
def test_the_cached_loss_is_the_same_loss_forwarded_again(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    found, graphs = {}, {}
    for loss in ("mnrl", "cached_mnrl"):
        encoder = open_model(ModelConfig(name=str(tiny_model), device="cpu")).local
        encoder.model[0].auto_model.config.attention_probs_dropout_prob = 0.0
        for module in encoder.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        encoder.store = encoder.store if stored else None
        passes: list[bool] = []
        hook = (
            encoder.model[0]
            .auto_model.encoder.layer[0]
            .register_forward_hook(lambda *args, passes=passes: passes.append(torch.is_grad_enabled()))
        )
        watch, work = train(encoder, tmp_path / loss, monkeypatch, loss)
        hook.remove()
        found[loss], graphs[loss] = watch.gradients, passes
        texts = [stock(encoder, column, list(range(8))) for column in ROWS]
        assert (work.rows, work.seconds > 0) == (8, True)
        if stored:  # without prompts, unlike `texts`
            assert work.tokens == sum(int(one["attention_mask"].sum()) for one in texts) - 8 * 2
    assert same(found["cached_mnrl"], found["mnrl"], 1e-5)
    assert all(graphs["mnrl"]) and not all(graphs["cached_mnrl"])


@pytest.mark.parametrize("loss", ["mnrl", "cached_mnrl"])
def test_training_in_bf16_computes_in_bf16(encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: str) -> None:
    seen: list[torch.dtype] = []

    def watch(model: Any, part: Tokens, words: Any = None) -> torch.Tensor:
        seen.append(torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32)
        return embed_packed(model, part, words)

    monkeypatch.setattr(cpu_halves, "embed_packed", watch)
    found, _ = train(encoder, tmp_path / "run", monkeypatch, loss, bf16=True)
    assert seen and set(seen) == {torch.bfloat16}
    assert {gradient.dtype for gradient in found.gradients.values()} == {torch.float32}
    assert not any(isinstance(module, CheapDropout) for module in encoder.model.modules())
