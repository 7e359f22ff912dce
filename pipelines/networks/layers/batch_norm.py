"""Batch norm that a single row does not stop."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class BatchNorm1d(nn.BatchNorm1d):
    """`nn.BatchNorm1d`, but a row that is alone in its batch is normalized with the running statistics.

    One value has no variance, so torch refuses it while training: an epoch's last batch may be of one row.
    """

    def forward(self, x: Tensor) -> Tensor:
        return _at_rest(self, x) if _is_alone(self, x) else super().forward(x)


class BatchNorm2d(nn.BatchNorm2d):
    """`nn.BatchNorm2d`, but a pixel that is alone in its batch is normalized with the running statistics."""

    def forward(self, x: Tensor) -> Tensor:
        return _at_rest(self, x) if _is_alone(self, x) else super().forward(x)


def _is_alone(norm: nn.BatchNorm1d | nn.BatchNorm2d, x: Tensor) -> bool:
    return norm.training and x.numel() == x.shape[1]


def _at_rest(norm: nn.BatchNorm1d | nn.BatchNorm2d, x: Tensor) -> Tensor:
    return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)
