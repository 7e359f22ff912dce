"""Features of the network that FID and KID are defined by: Inception with the weights of 2015-12-05."""

from __future__ import annotations

import os
from pathlib import Path
from pickle import UnpicklingError

import pooch
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from methods.core.errors import BadInput
from pipelines.datasets.download import RemoteFile, fetch, present
from pipelines.metrics.inception_network import InceptionV3

WEIGHTS = RemoteFile(
    "inception",
    "pt_inception-2015-12-05-6726825d.pth",
    (
        "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    ),
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
)
"""Made from TensorFlow's by two projects alike; 91 MiB."""

_SIDE = 299


def inception(*, download: bool) -> InceptionV3:
    """The network with its weights, which the user has in LATENT_ORCHESTRA_DATA or the cache, or has downloaded.

    Raises:
        BadInput: the weights are nowhere (the message has path and checksum), cannot be downloaded, or are damaged.
    """
    if not download and not (present(WEIGHTS) or _cached().is_file()):
        raise BadInput(
            f"the weights of Inception are not here: name the metric in --metrics to download them, or put {WEIGHTS} "
            f"(sha256 {WEIGHTS.sha256}) into the folder that LATENT_ORCHESTRA_DATA names, or as {_cached()}"
        )
    path = fetch(WEIGHTS)
    network = InceptionV3()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict({name: value for name, value in state.items() if not name.startswith("fc.")})
    except (RuntimeError, UnpicklingError, EOFError) as error:
        raise BadInput(f"{path} holds no weights of Inception: delete it and run again") from error
    return network.requires_grad_(False).eval()


def features(network: InceptionV3, images: Float[Tensor, "B channels height width"]) -> Float[Tensor, "B 2048"]:
    """2048 features of images in [0, 1]: rounded to 8 bits, grey ones repeated in three channels, resized bilinearly.

    The resizing is that of pytorch-fid: 299 pixels, half-pixel centers, no antialiasing.
    """
    levels = (images.clamp(0, 1) * 255).round() / 255
    colored = levels.expand(-1, 3, -1, -1)
    large = F.interpolate(colored, (_SIDE, _SIDE), mode="bilinear", align_corners=False)
    return network(2 * large - 1)


def _cached() -> Path:
    cache = Path(os.environ.get("LATENT_ORCHESTRA_CACHE") or pooch.os_cache("latent-orchestra")).expanduser()
    return cache / WEIGHTS.folder / WEIGHTS.name
