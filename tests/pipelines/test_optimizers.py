from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from pipelines.optimizers import ALGORITHMS, Optimizers, clipped, normalized

WHOLE = ("",)


class _Module(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(3, 2)
        self.decoder = nn.Linear(2, 3)

    def objective(self, x: Tensor) -> Tensor:
        return (self.decoder(self.encoder(x).tanh()) - x).square().mean()


def _state(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def _changed(module: nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {name for name, value in module.state_dict().items() if not torch.equal(value, before[name])}


def _adam(objective: Tensor, parameters: list[Tensor], moments: list[list[Tensor]], step: int, rate: float) -> None:
    """Kingma and Ba 2015, Algorithm 1, with its constants."""
    gradients = torch.autograd.grad(objective, parameters, allow_unused=True, materialize_grads=True)
    with torch.no_grad():
        for parameter, gradient, (first, second) in zip(parameters, gradients, moments, strict=True):
            first.mul_(0.9).add_(0.1 * gradient)
            second.mul_(0.999).add_(0.001 * gradient.square())
            size = (second / (1 - 0.999**step)).sqrt() + 1e-8
            parameter.sub_(rate * first / (1 - 0.9**step) / size)


def _network(parameters: list[Tensor], x: Tensor) -> Tensor:
    weight, bias, back, offset = parameters
    return ((x @ weight.mT + bias).tanh() @ back.mT + offset - x).square().mean()


def _plain_sum(parameters: list[Tensor], x: Tensor) -> Tensor:
    return torch.stack([parameter.sum() for parameter in parameters]).sum()


def _transposed(parameters: list[Tensor], x: Tensor) -> Tensor:
    return torch.stack(
        [(parameter.mT * torch.arange(6).view(parameter.mT.shape)).sum() for parameter in parameters[::2]]
    ).sum()


@pytest.mark.parametrize("objective", [_network, _plain_sum, _transposed])
def test_steps_on_the_whole_are_those_of_adam_written_out(objective: Callable[[list[Tensor], Tensor], Tensor]) -> None:
    module, x = _Module().double(), torch.randn(20, 3).double()
    parameters = [parameter.detach().clone().requires_grad_() for parameter in module.parameters()]
    moments = [[torch.zeros_like(parameter) for _ in range(2)] for parameter in parameters]
    optimizers = Optimizers(module, 0.01)
    for step in range(1, 8):
        optimizers.step(objective(list(module.parameters()), x), WHOLE)
        _adam(objective(parameters, x), parameters, moments, step, 0.01)
    for found, expected in zip(module.parameters(), parameters, strict=True):
        torch.testing.assert_close(found.detach(), expected.detach(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("part", "other"), [("encoder", "decoder"), ("decoder", "encoder")])
def test_a_step_moves_the_named_part_alone(part: str, other: str) -> None:
    module = _Module()
    before = _state(module)
    Optimizers(module, 0.01).step(module.objective(torch.randn(20, 3)), (part,))
    assert _changed(module, before) == {f"{part}.weight", f"{part}.bias"}
    assert all(parameter.grad is None for parameter in module.get_submodule(other).parameters())


def test_a_step_leaves_no_gradients_behind() -> None:
    module = _Module()
    Optimizers(module, 0.01).step(module.objective(torch.randn(20, 3)), WHOLE)
    assert all(parameter.grad is None for parameter in module.parameters())


def test_gradients_of_one_step_do_not_leak_into_the_next() -> None:
    torch.manual_seed(1)
    twice, x = _Module(), torch.randn(20, 3)
    torch.manual_seed(1)
    once = _Module()
    optimizers = Optimizers(twice, 0.01)
    optimizers.step(twice.objective(x), ("encoder",))
    once.encoder.load_state_dict(twice.encoder.state_dict())
    optimizers.step(twice.objective(x), ("decoder",))
    Optimizers(once, 0.01).step(once.objective(x), ("decoder",))
    assert _changed(twice, _state(once)) == set()


def test_a_parameter_that_the_objective_does_not_reach_stays() -> None:
    module = _Module()
    before = _state(module)
    Optimizers(module, 0.01).step(module.encoder(torch.randn(20, 3)).square().sum(), WHOLE)
    assert _changed(module, before) == {"encoder.weight", "encoder.bias"}


def test_a_parameter_of_two_named_parts_is_moved_once() -> None:
    module = _Module()
    before = _state(module)
    Optimizers(module, 0.01).step(module.objective(torch.randn(20, 3)), ("", "encoder"))
    step = (module.encoder.weight - before["encoder.weight"]).abs()
    # The first step of Adam is the learning rate, whatever the gradient.
    torch.testing.assert_close(step, torch.full_like(step, 0.01), rtol=1e-3, atol=0)


def test_every_set_of_parts_has_moments_of_its_own() -> None:
    module, x = _Module(), torch.randn(20, 3)
    optimizers = Optimizers(module, 0.01)
    for _ in range(5):
        optimizers.step(1e4 * module.objective(x), ("encoder",))
    before = _state(module)
    optimizers.step(module.objective(x), WHOLE)
    step = (module.encoder.weight - before["encoder.weight"]).abs()
    torch.testing.assert_close(step, torch.full_like(step, 0.01), rtol=1e-3, atol=0)


@pytest.mark.parametrize("parts", [WHOLE, ("encoder",), ("encoder", "decoder")])
def test_a_saved_state_continues_exactly(parts: tuple[str, ...]) -> None:
    module, x = _Module(), torch.randn(20, 3)
    optimizers = Optimizers(module, 0.01)
    for _ in range(3):
        optimizers.step(module.objective(x), parts)
    file = io.BytesIO()
    torch.save({"module": module.state_dict(), "optimizers": optimizers.state_dict()}, file)
    state = torch.load(io.BytesIO(file.getvalue()), weights_only=True)
    again = _Module()
    again.load_state_dict(state["module"])
    resumed = Optimizers(again, 0.01)
    resumed.load_state_dict(state["optimizers"])
    for each, its in ((module, optimizers), (again, resumed)):
        for _ in range(3):
            its.step(each.objective(x), parts)
    assert _changed(again, _state(module)) == set()


# Algorithms


def _trained(scale: float, algorithm: str, **options: float) -> dict[str, Tensor]:
    """The weights after five steps on an objective of this scale."""
    torch.manual_seed(0)
    module, x = _Module().double(), torch.randn(20, 3).double()
    optimizers = Optimizers(module, 0.01, algorithm=algorithm, **options)
    for _ in range(5):
        optimizers.step(scale * module.objective(x), WHOLE)
    return _state(module)


def _largest_difference(first: dict[str, Tensor], second: dict[str, Tensor]) -> float:
    return max((first[name] - second[name]).abs().max().item() for name in first)


@pytest.mark.parametrize("scale", [1e-2, 1e3])
def test_normalized_gradients_make_steps_invariant_to_the_scale_of_the_loss(scale: float) -> None:
    # Up to the 1e-7 beside norms, which are above 1e-2 here at scale 1.
    found = _trained(1, "adam_norm_grad"), _trained(scale, "adam_norm_grad")
    assert _largest_difference(*found) < 1e-5
    decayed = [_trained(each, "adam", weight_decay=0.1) for each in (1, scale)]  # the test can tell
    assert _largest_difference(*decayed) > 1e-3


def test_normalized_gradients_have_norm_one_each() -> None:
    gradients = [torch.randn(3, 4), 1e3 * torch.randn(5), torch.zeros(2)]
    found = normalized(gradients)
    assert [float(gradient.norm()) for gradient in found] == pytest.approx([1, 1, 0], abs=1e-6)
    torch.testing.assert_close(found[0], gradients[0] / gradients[0].norm())


def test_steps_on_normalized_gradients_are_those_of_adam_on_them() -> None:
    module, x = _Module().double(), torch.randn(20, 3).double()
    other = _Module().double()
    other.load_state_dict(module.state_dict())
    optimizers = Optimizers(module, 0.01, algorithm="adam_norm_grad", weight_decay=0.1)
    reference = torch.optim.Adam(other.parameters(), lr=0.01, weight_decay=0.1)
    for _ in range(4):
        optimizers.step(module.objective(x), WHOLE)
        reference.zero_grad()
        other.objective(x).backward()
        for parameter in other.parameters():
            parameter.grad = parameter.grad / (parameter.grad.norm() + 1e-7)
        reference.step()
    assert _largest_difference(_state(module), _state(other)) < 1e-9


def test_adamw_is_torchs_with_its_weight_decay() -> None:
    module, x = _Module().double(), torch.randn(20, 3).double()
    other = _Module().double()
    other.load_state_dict(module.state_dict())
    optimizers = Optimizers(module, 0.01, algorithm="adamw", weight_decay=0.1)
    reference = torch.optim.AdamW(other.parameters(), lr=0.01, weight_decay=0.1)
    for _ in range(4):
        optimizers.step(module.objective(x), WHOLE)
        reference.zero_grad()
        other.objective(x).backward()
        reference.step()
    assert _largest_difference(_state(module), _state(other)) < 1e-9


@pytest.mark.parametrize("most", [0.1, 1.0, 1e6])
def test_clipped_gradients_are_torchs(most: float) -> None:
    module = _Module()
    (3 * module.objective(torch.randn(20, 3))).backward()
    gradients = [parameter.grad.clone() for parameter in module.parameters()]
    torch.nn.utils.clip_grad_norm_(module.parameters(), most)
    for found, parameter in zip(clipped(gradients, most), module.parameters(), strict=True):
        torch.testing.assert_close(found, parameter.grad)


def test_nothing_to_clip_is_left_as_it_is() -> None:
    assert clipped([], 1.0) == []


def test_one_gradient_of_two_parameters_is_adjusted_once() -> None:
    pair = nn.ParameterList([torch.zeros(3), torch.zeros(3)])
    optimizers = Optimizers(pair, 0.01, clip=1.0)
    seen = []
    optimizers._adjustments.append(lambda gradients: seen.extend(gradients) or gradients)
    optimizers.step((10 * (pair[0] + pair[1])).sum(), WHOLE)
    # The norm of both together is 10 sqrt(6).
    torch.testing.assert_close(torch.stack(seen), torch.full((2, 3), 1 / 6**0.5))


def test_a_learning_rate_that_is_set_holds_for_optimizers_to_come() -> None:
    module, x = _Module(), torch.randn(20, 3)
    optimizers = Optimizers(module, 0.01)
    optimizers.step(module.objective(x), ("encoder",))
    optimizers.set_learning_rate(0.02)
    before = _state(module)
    optimizers.step(module.objective(x), ("decoder",))
    step = (module.decoder.bias - before["decoder.bias"]).abs()
    torch.testing.assert_close(step, torch.full_like(step, 0.02), rtol=1e-3, atol=0)
    optimizers.step(module.objective(x), ("encoder",))
    rates = {group["lr"] for state in optimizers.state_dict().values() for group in state["param_groups"]}
    assert rates == {0.02}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_optimizers_that_were_reset_begin_anew(algorithm: str) -> None:
    module, x = _Module(), torch.randn(20, 3)
    optimizers = Optimizers(module, 0.01, algorithm=algorithm)
    for _ in range(5):
        optimizers.step(1e4 * module.objective(x), WHOLE)
    optimizers.reset()
    before = _state(module)
    optimizers.step(module.objective(x), WHOLE)
    step = (module.encoder.weight - before["encoder.weight"]).abs()
    torch.testing.assert_close(step, torch.full_like(step, 0.01), rtol=1e-3, atol=0)
