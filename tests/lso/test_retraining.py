"""Weighted retraining: what is good is learned, the first method stays, the seed decides."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import methods
from lso import retraining
from lso.retraining import rank_weights, retrained
from lso.strings import StringSpace
from methods.core.errors import BadInput
from pipelines import domains


def test_weights_are_those_of_tripp():
    costs = np.array([3.0, 1.0, 2.0])
    expected = np.array([1 / (0.003 + 2), 1 / 0.003, 1 / (0.003 + 1)])  # by hand: k N = 0.003, ranks 2, 0, 1
    assert rank_weights(costs) == pytest.approx(expected / expected.sum())


def test_equal_shares_at_an_infinite_k():
    assert rank_weights(np.arange(4.0), k=1e12) == pytest.approx([0.25] * 4)


def test_draws_follow_the_weights_so_the_objective_is_the_weighted_one(small_space: StringSpace, strings: list[str]):
    """The copy's likelihood rises most where the weights are."""
    costs = np.arange(len(strings), dtype=float)
    after = retrained(small_space, strings, costs, seed=0)
    gain = likelihoods(after, strings) - likelihoods(small_space, strings)
    assert gain[:10].mean() > gain[-100:].mean() + 1  # nats


@pytest.fixture
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retraining, "_STEPS", 4)


@pytest.mark.usefixtures("few_steps")
def test_the_method_that_is_copied_stays_as_it_was(small_space: StringSpace, strings: list[str]):
    before = {name: value.clone() for name, value in small_space.space.method.state_dict().items()}
    retrained(small_space, strings, np.arange(len(strings), dtype=float), seed=0)
    after = small_space.space.method.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert not any(parameter.requires_grad for parameter in small_space.space.method.parameters())


@pytest.mark.usefixtures("few_steps")
def test_the_seed_decides_and_torch_draws_as_if_nothing_had_been(small_space: StringSpace, strings: list[str]):
    costs = np.arange(len(strings), dtype=float)
    state = torch.get_rng_state()
    one, same, other = (retrained(small_space, strings, costs, seed=seed).encode(strings[:5]) for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.usefixtures("few_steps")
def test_strings_that_the_decoder_cannot_write_are_left_out(small_space: StringSpace, strings: list[str]):
    known = ["no expression", *strings]
    retrained(small_space, known, np.arange(len(known), dtype=float), seed=0)
    with pytest.raises(BadInput, match="none of the known strings can be encoded"):
        retrained(small_space, ["no expression"], np.zeros(1), seed=0)


@pytest.mark.usefixtures("few_steps")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hub_vae", "HubVAE cannot be trained on other rows than its own"),
        ("two_stage_vae", "TwoStageVAE trains no decoder in its last stage"),
    ],
)
def test_a_method_that_cannot_follow_is_refused_in_one_sentence(name: str, message: str, strings: list[str]):
    domain = domains.build("mlp", event=(15, 12), rows=20, classes=0, likelihood="expression_grammar")
    with pytest.raises(BadInput, match=message):
        retrained(StringSpace(methods.build(name, domain, 4)), strings, np.arange(len(strings), dtype=float), seed=0)


def likelihoods(space: StringSpace, strings: list[str]) -> np.ndarray:
    """log p(x | mean of q(z | x)), in nats."""
    rows = torch.tensor([list(space.language.encode(string)) for string in strings])
    x = torch.nn.functional.one_hot(rows, space.language.symbols).float()
    method = space.space.method
    with torch.no_grad():
        return method.log_likelihood(x, method.posterior(x).mean).numpy()
