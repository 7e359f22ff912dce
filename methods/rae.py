"""Regularized autoencoders: deterministic codes kept small, and a smooth decoder."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.distributions import Distribution, MultivariateNormal
from torch.nn.utils.parametrizations import spectral_norm

from methods.core.base import Batch, Data, Decoder, Domain, Method, Terms
from methods.core.codes import encode
from methods.core.distributions import Dirac
from methods.core.ex_post import fitted_gaussian
from methods.core.ranges import OneOf, Real


class RAE(Method):
    """RAE: minimizes -log p(x | f(x)) + beta 1/2 |f(x)|^2 + weight R, R one of

    - `l2`: sum of the squares of the decoder's weights (matrices and kernels; neither biases nor normalization);
    - `gp`: |d E[x|z] / dz|^2, the squared norm of the Jacobian of the decoder's mean in the codes, summed over values
      and dimensions, by Hutchinson's estimate with one vector of random signs a row (exact in expectation);
    - `sn`: none; the spectral norms of the decoder's weights are 1, by one power iteration a step;
    - `none`: none.

    After training it is sampled through a Gaussian with full covariance fitted to the training codes.

    Source: Ghosh et al. 2020, sections 3.1 and 4. Its code takes means over values and dimensions and no 1/2:
    on 32x32 images and 16 dimensions its beta of 1e-4 is 0.0128 here, and its weight of 1e-7 for `l2` is 1e-4, with the
    Gaussian likelihood, whose -log p is the squared error and a constant. Its `gp` differentiates the sum of the
    squared outputs; this one follows the paper.

    Args:
        beta: weight of half the squared norm of codes, in nats.
        regularizer: of the decoder.
        weight: of R, in nats. `gp` is felt from about 0.1 on MNIST. With `sn` and `none` it has no effect.
    """

    code_mean: Tensor
    code_factor: Tensor

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        beta: Annotated[float, Real(1e-3, 1, log=True, least=0, most=1000)] = 0.0128,
        regularizer: Annotated[str, OneOf("none", "l2", "gp", "sn")] = "l2",
        weight: Annotated[float, Real(1e-6, 10, log=True, least=0, most=1000)] = 1e-4,
    ) -> None:
        super().__init__(domain, latent, outputs=latent)
        self.beta, self.regularizer, self.weight = beta, regularizer, weight
        if regularizer == "sn":
            _bound_spectral_norms(self.decoder)
        self.register_buffer("code_mean", torch.zeros(latent))
        self.register_buffer("code_factor", torch.eye(latent))

    def loss(self, batch: Batch) -> Terms:
        z = self.encoder(batch.x)
        terms = {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "codes": self.beta * 0.5 * z.square().sum(1).mean(),
        }
        if self.regularizer == "l2":
            terms["decoder_weights"] = self.weight * _squared_weights(self.decoder)
        elif self.regularizer == "gp":
            terms["decoder_slope"] = self.weight * squared_jacobian(self.decoder, z).mean()
        return terms

    def posterior(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None = None) -> Distribution:
        del y
        return Dirac(self.encoder(x))

    def prior(self) -> Distribution:
        """N(mean, covariance) of the training codes; N(0, I) before `finish`."""
        return MultivariateNormal(self.code_mean, scale_tril=self.code_factor)

    def finish(self, data: Data) -> None:
        """Fit the Gaussian of `prior` to the training codes."""
        mean, factor = fitted_gaussian(encode(self, data.train))
        self.code_mean.copy_(mean)
        self.code_factor.copy_(factor)


def squared_jacobian(decoder: Decoder, z: Float[Tensor, "B latent"]) -> Float[Tensor, " B"]:
    """An unbiased estimate of sum_ij (d E[x_i|z] / d z_j)^2: |J^T v|^2 with independent random signs v.

    Source: Hutchinson 1990. Under batch norm in training mode, where every output depends on all codes, the slopes of
    the other rows' outputs count too.
    """
    with torch.enable_grad():
        z = z if z.requires_grad else z.detach().requires_grad_()
        mean = decoder.mean(z)
        signs = torch.randint_like(mean, 2) * 2 - 1
        (slope,) = torch.autograd.grad(mean, z, signs, create_graph=True)
    return slope.square().sum(1)


def _squared_weights(decoder: Decoder) -> Float[Tensor, ""]:
    weights = [parameter for parameter in decoder.parameters() if parameter.ndim > 1]
    return torch.stack([weight.square().sum() for weight in weights]).sum()


def _bound_spectral_norms(decoder: Decoder) -> None:
    for layer in list(decoder.modules()):
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            spectral_norm(layer)
