import numpy as np
import pytest

from lso.tasks import toy, toy_report, toy_summary


@pytest.fixture
def result(space, split):
    return toy.run(space, split, toy.Settings(images=5, iterations=400, inits=("encoder", "random", "random")))


@pytest.fixture
def arrays(result):
    return toy_report.evaluations(result)


def test_every_start_is_summed_up_by_every_rule(result):
    found = [(end.start, end.threshold) for end in toy_summary.ends(result)]
    assert found == [(start, t) for start in ("encoder", "random", "random-2") for t in toy.THRESHOLDS]


def test_ends_are_means_over_images(result, arrays):
    for k, end in enumerate(toy_summary.ends(result)):
        i, t = divmod(k, len(toy.THRESHOLDS))
        assert end.loss == pytest.approx(arrays["losses"][i, :, t].mean(dtype=float))
        assert end.deviation == pytest.approx(arrays["losses"][i, :, t].std(ddof=1, dtype=float))
        assert end.iterations == pytest.approx(arrays["iterations"][i, :, t].mean())
        assert end.stopped == pytest.approx(arrays["stopped"][i, :, t].mean())


def test_every_pair_of_starts_is_compared(result):
    pairs = {gap.starts for gap in toy_summary.gaps(result)}
    assert pairs == {"encoder-random", "encoder-random-2", "random-random-2"}


def test_gaps_are_means_over_images(result, arrays):
    codes, losses = arrays["codes"].astype(float), arrays["losses"].astype(float)
    for k, gap in enumerate(toy_summary.gaps(result)):
        pair, t = divmod(k, len(toy.THRESHOLDS))
        i, j = [(0, 1), (0, 2), (1, 2)][pair]
        distances = [np.linalg.norm(codes[i, m, t] - codes[j, m, t]) ** 2 for m in range(5)]
        assert gap.distance == pytest.approx(np.mean(distances))
        assert gap.difference == pytest.approx(np.abs(losses[i, :, t] - losses[j, :, t]).mean())


def test_a_single_image_has_no_deviation(space, split):
    result = toy.run(space, split, toy.Settings(images=1, iterations=10))
    assert all(end.deviation == 0 for end in toy_summary.ends(result))


def test_curves_start_at_the_loss_of_the_starts(result):
    iteration, values = toy_summary.curves(result)[0]
    assert (iteration, list(values)) == (0, ["toy/curve/encoder", "toy/curve/random", "toy/curve/random-2"])
    assert list(values.values()) == pytest.approx(result.rests.curve[0].view(3, 5).mean(1).tolist())


def test_curves_end_at_the_loss_by_the_strictest_rule(result):
    _, values = toy_summary.curves(result)[-1]
    strict = [end.loss for end in toy_summary.ends(result) if end.threshold == 0]
    assert list(values.values()) == pytest.approx(strict)


def test_metrics_are_named_by_start_and_threshold(result):
    found = toy_summary.metrics(result)
    assert {"toy/loss/encoder/0.01", "toy/code_distance/encoder-random/0", "toy/control/mean_image"} <= set(found)
    assert found["toy/loss/encoder/0.01"] == toy_summary.ends(result)[0].loss
