"""The domain classifier: against scikit-learn, without bias where nothing differs."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from train.watch import classifier as module
from train.watch.classifier import PENALTY, areas, components, interval, placements_by_part, scores
from train.watch.permute import FOLDS, draw_labels


def test_components_are_those_of_scikit_learn_with_few_texts_and_with_many() -> None:
    for shape in ((30, 100), (100, 30)):
        vectors = np.random.default_rng(0).normal(size=shape) * np.linspace(3, 0.1, shape[1])
        expected = PCA(8).fit_transform(vectors)
        found = components(vectors, 8)
        assert abs(found) == pytest.approx(abs(expected), abs=1e-6)
    assert components(np.ones((5, 4))).shape == (5, 0) and components(np.ones((0, 4))).shape == (0, 0)


def test_axes_of_some_texts_hold_nearly_as_much_as_those_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(0).normal(size=(90, 60)) * np.exp(-np.arange(60) / 4)
    whole = components(vectors, 8)
    monkeypatch.setattr(module, "FITTED", 50)
    some = components(vectors, 8)
    assert some.shape == whole.shape and (some**2).sum() > 0.97 * (whole**2).sum()


def test_scores_and_areas_are_those_of_a_ridge_that_has_not_seen_the_text() -> None:
    generator = np.random.default_rng(1)
    features, window = generator.normal(size=(80, 6)), np.arange(80) < 25
    features[:25, 0] += 1
    labels = draw_labels(np.arange(80), window, generator, permutations=3)
    found = scores(features, labels)
    for row, drawn in enumerate(labels.drawn):
        won = pairs = 0.0
        for part in range(FOLDS):
            held = labels.fold == part
            taught = features[~held] - features[~held].mean(axis=0)
            model = Ridge(PENALTY * (taught**2).sum() / 6).fit(taught, drawn[~held])
            expected = model.predict(features[held] - features[~held].mean(axis=0)) - drawn[~held].mean()
            assert found[row, held] == pytest.approx(expected, abs=1e-9)
            weight = drawn[held].sum() * (~drawn[held]).sum()
            won, pairs = won + weight * roc_auc_score(drawn[held], expected), pairs + weight
        assert areas(found, labels)[row] == pytest.approx(won / pairs)
    assert areas(found, labels)[0] > 0.6
    above, beneath = placements_by_part(found[0], labels)
    assert len(above) == 25 and len(beneath) == 55 and above.mean() == pytest.approx(areas(found, labels)[0], abs=0.02)


@pytest.mark.parametrize(("n", "m"), [(60, 10), (30, 200), (200, 50)])
def test_the_area_has_no_bias_where_nothing_differs(n: int, m: int) -> None:
    """If the held-out text's side were short in training, it would rank low: the area would be .3 or less for small windows."""
    generator = np.random.default_rng(2)
    labels = draw_labels(np.arange(n + m), np.arange(n + m) >= n, generator, permutations=600)
    values = areas(scores(generator.normal(size=(n + m, 20)), labels), labels)
    assert values.mean() == pytest.approx(0.5, abs=4 * values.std() / np.sqrt(600))


@pytest.mark.parametrize(("n", "m", "shift"), [(60, 30, 1.0), (200, 60, 0.0), (200, 100, 0.8)])
def test_the_interval_holds_the_truth_though_other_texts_would_teach_another_classifier(n: int, m: int, shift: float) -> None:
    """The truth is what such classifiers reach on average; DeLong's interval alone holds it in 83% to 88%."""
    generator, found, window = np.random.default_rng(4), [], np.arange(n + m) >= n
    for _ in range(120):
        features = generator.normal(size=(n + m, 16))
        features[window, 0] += shift
        labels = draw_labels(np.arange(n + m), window, generator, permutations=0)
        values = scores(features, labels)
        found.append((areas(values, labels)[0], *interval(values[0], labels)))
    area, low, high = np.array(found).T
    assert ((low <= area.mean()) & (area.mean() <= high)).mean() > 0.92
