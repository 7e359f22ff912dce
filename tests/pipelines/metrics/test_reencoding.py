from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution

from methods.core.base import Batch, Method, Split, Terms
from methods.core.distributions import gaussian
from pipelines import networks
from pipelines.metrics.reencoding import reencoding_errors


class _Shifted(Method):
    """q(z|x) = N(x, spread^2 I) and E[x|z] = z + shift, so that re-encoding moves every code by the shift."""

    spread, shift = 0.5, 2.0

    def loss(self, batch: Batch) -> Terms:
        raise AssertionError("measuring does not train")

    def posterior(self, x: Tensor, y: Tensor | None = None) -> Distribution:
        return gaussian(torch.cat([x, torch.full_like(x, self.spread).log() * 2], 1))

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return z + self.shift


def _errors(*, sampled: bool) -> Tensor:
    domain = networks.build("mlp", event=(1, 1, 3), rows=16, classes=0, likelihood="gaussian")
    x = torch.randn(20_000, 3)
    return reencoding_errors(_Shifted(domain, 3), Split(x, x)[torch.arange(len(x))], sampled=sampled)


def test_mean_codes_err_by_what_the_reconstruction_moves_them() -> None:
    assert _errors(sampled=False).tolist() == pytest.approx([3 * 2.0**2] * 20_000, rel=1e-4)


def test_sampled_codes_err_by_the_second_draw_besides() -> None:
    errors = _errors(sampled=True)
    # z' = z + shift + spread eps: 3 (shift^2 + spread^2), within five standard errors.
    assert errors.mean().item() == pytest.approx(3 * (4 + 0.25), abs=5 * errors.std().item() / 20_000**0.5)
