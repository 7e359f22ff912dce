from __future__ import annotations

import shutil

import pytest
import torch
from torch import Tensor, nn

from methods.core.errors import BadInput
from pipelines import acceleration
from pipelines.acceleration import accelerate, networks
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training
from pipelines.trial import trial

CPU = torch.device("cpu")


def _training(digits: Dataset, method: str = "vae", **settings: object) -> Training:
    given = {"data": "digits", "method": method, "network": "mlp", "latent": 12, "epochs": 2}
    return Training(trial(given | settings), digits, CPU)


def _code(training: Training, digits: Dataset) -> Tensor:
    output: Tensor = training.method.encoder(digits.data.test.x[:50])
    return output


def test_the_networks_are_the_outermost_modules_that_can_be_called(digits: Dataset) -> None:
    method = _training(digits, "factor_vae").method
    children = dict(method.named_children())
    decoder = children.pop("decoder")
    assert set(networks(method)) == {*children.values(), *decoder.children()}


def test_bfloat16_is_a_lower_precision_with_outputs_in_float32(digits: Dataset) -> None:
    full, lower = (_code(_training(digits, precision=name), digits) for name in acceleration.PRECISIONS)
    assert lower.dtype == torch.float32
    # bfloat16 has 8 significant bits.
    assert 1e-4 < (lower - full).norm() / full.norm() < 2e-2


def test_the_loss_of_bfloat16_is_summed_in_float32(digits: Dataset) -> None:
    batch = digits.data.test.head(100)[torch.arange(100)]
    losses = []
    for name in acceleration.PRECISIONS:
        training = _training(digits, precision=name)
        torch.manual_seed(0)
        losses.append(torch.stack(list(training.method.loss(batch).values())).sum())
    assert losses[1].dtype == torch.float32
    # Errors of single values average out over 6,400 pixels; a sum of that size in bfloat16 would be off by 2e-3.
    torch.testing.assert_close(losses[1], losses[0], rtol=5e-4, atol=0)


def test_in_evaluation_mode_networks_are_in_full_precision(digits: Dataset) -> None:
    full, lower = (_training(digits, precision=name) for name in acceleration.PRECISIONS)
    full.method.eval()
    lower.method.eval()
    assert torch.equal(_code(full, digits), _code(lower, digits))


def test_weights_and_moments_stay_in_float32(digits: Dataset) -> None:
    training = _training(digits, precision="bfloat16")
    training.epoch()
    states = training.optimizers.state_dict()[""]["state"].values()
    assert {value.dtype for state in states for value in state.values()} == {torch.float32}
    assert {value.dtype for value in training.method.parameters()} == {torch.float32}


def test_a_state_dict_does_not_tell_how_it_was_computed(digits: Dataset) -> None:
    plain, fast = _training(digits), _training(digits, precision="bfloat16")
    assert list(plain.method.state_dict()) == list(fast.method.state_dict())


@pytest.mark.parametrize("method", ["vae", "prototypical_vae", "rae", "factor_vae", "two_stage_vae"])
def test_methods_of_one_and_of_several_updates_learn_in_bfloat16_as_in_float32(method: str, digits: Dataset) -> None:
    full, lower = (_training(digits, method, precision=name) for name in acceleration.PRECISIONS)
    for _ in range(2):
        expected, found = full.epoch(), lower.epoch()
    name = "train/reconstruction"
    assert found[name] == pytest.approx(expected[name], rel=0.01)


@pytest.mark.skipif(not shutil.which("g++"), reason="compiles C++")
def test_compiled_networks_compute_the_same(digits: Dataset) -> None:
    plain, fast = nn.Sequential(nn.Linear(3, 2), nn.Tanh()), nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    fast.load_state_dict(plain.state_dict())
    accelerate(nn.ModuleDict({"encoder": fast}), precision="float32", compiled=True)
    x = torch.randn(7, 3)
    torch.testing.assert_close(fast(x), plain(x))
    slopes = [torch.autograd.grad(network(x).square().sum(), network.parameters()) for network in (plain, fast)]
    torch.testing.assert_close(slopes[1], slopes[0])


def test_without_a_compiler_there_is_one_sentence(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(BadInput, match=r"compile=true needs a C\+\+ compiler on this machine"):
        _training(digits, compile=True)
