"""Lower precision and compilation of a method's networks, while it trains."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from methods.core.errors import BadInput

PRECISIONS = ("float32", "bfloat16")

_MOST_COMPILED = 128

_Forward = Callable[..., Any]


def accelerate(method: nn.Module, *, precision: str, compiled: bool) -> None:
    """Make the networks of `method` compute faster in training mode; in evaluation mode they stay what they are.

    Only networks are touched, not what a method does with their outputs: terms of the objective, distances between
    codes and densities are in float32, and methods of several updates keep their own order of events. Parameters and
    state dicts stay the same.

    Args:
        method: on its device.
        precision: `bfloat16` for matrix products and convolutions under autocast, outputs cast back to float32.
        compiled: translate networks by `torch.compile`, at their first batch; a new shape of batches may repeat it.
            That takes tens of seconds, and gains nothing on a CPU (measured: the gated MLP at 0.94 times the speed).

    Raises:
        BadInput: nothing to compile with.
    """
    if compiled and not _has_compiler():
        raise BadInput("compile=true needs a C++ compiler on this machine, such as g++: install one, or leave it out")
    if compiled:
        # Compiled code is kept by the function that it came from, and most networks are one `nn.Sequential.forward`:
        # a process that runs trial after trial would soon be at the limit of 8, and go on uncompiled.
        torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, _MOST_COMPILED)
    for network in dict.fromkeys(networks(method)):
        forward = faster = network.forward
        if precision == "bfloat16":
            faster = _in_bfloat16(faster, next(method.parameters()).device.type)
        if compiled:
            faster = torch.compile(faster)
        if faster is not forward:
            network.forward = _in_training(network, faster, forward)


def networks(module: nn.Module) -> Iterator[nn.Module]:
    """The outermost modules inside `module` that can be called: containers and decoders cannot, their parts can."""
    for child in module.children():
        if type(child).forward is nn.Module.forward:
            yield from networks(child)
        else:
            yield child


def _in_training(network: nn.Module, faster: _Forward, plain: _Forward) -> _Forward:
    def forward(*inputs: Tensor) -> Any:
        return faster(*inputs) if network.training else plain(*inputs)

    return forward


def _in_bfloat16(forward: _Forward, device: str) -> _Forward:
    def lower(*inputs: Tensor) -> Any:
        with torch.autocast(device, torch.bfloat16):
            return tree_map(_restored, forward(*inputs))

    return lower


def _restored(output: Any) -> Any:
    return output.float() if isinstance(output, Tensor) and output.dtype == torch.bfloat16 else output


def _has_compiler() -> bool:
    return any(map(shutil.which, (os.environ.get("CXX", "g++"), "g++", "clang++", "c++")))
