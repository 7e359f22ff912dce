"""Draw codes for a trained method from a density, decode them, and write the images.

python -m pipelines.sample results/my_vae --density ex_post_gmm --count 64 --out samples.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor
from torch.distributions import Distribution

from methods.core.base import Method
from methods.core.errors import BadInput
from pipelines import artifact, console, densities
from pipelines.metrics.isolation import isolated

_ROWS = 500  # codes that are decoded at a time


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    densities.describe(options.density)  # an unknown one is refused before anything is loaded
    if options.count < 1:
        raise BadInput(f"--count must be at least 1, got {options.count}")
    if options.out.suffix not in (".png", ".npz"):
        raise BadInput(f"--out must end in .png (a picture) or .npz (numbers), got {options.out.name!r}")
    saved = artifact.load(options.path)
    labels = _labels(options.count, options.label, int(saved.facts["classes"]))
    data = saved.dataset().data
    if options.density != "prior":
        console.ERR.print(f"fitting {options.density} to {len(data.train)} training rows", soft_wrap=True)
    density = densities.fit(options.density, saved.method, data, seed=options.seed)
    codes, images = decoded(saved.method, density, labels, seed=options.seed)
    _write(options.out, codes, images, labels)
    console.OUT.print(f"{options.count} draws in {options.out}", soft_wrap=True)
    return 0


def decoded(
    method: Method, density: Distribution, labels: Int[Tensor, " count"], *, seed: int
) -> tuple[Float[Tensor, "count latent"], Float[Tensor, "count *event"]]:
    """One draw for every label, and E[x|z] of each. Methods without classes pay no heed to the labels."""
    with isolated(method, seed):
        codes = density.sample(torch.Size([len(labels)]))
        labels = labels.to(codes.device)
        parts = zip(codes.split(_ROWS), labels.split(_ROWS), strict=True)
        with console.progress() as bar:
            count = -(-len(labels) // _ROWS)
            images = [method.decode(z, y) for z, y in bar.track(parts, total=count, description="decoding")]
    return codes.cpu(), torch.cat(images).cpu()


def grid(images: Float[Tensor, "count channels height width"]) -> Image.Image:
    """Images side by side, as many in a row as there are rows, or one more; black where there are none."""
    count, channels, height, width = images.shape
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    values = (images.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    tiles = np.zeros((rows * columns, height, width, channels), dtype=np.uint8)
    tiles[:count] = values
    sheet = tiles.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    sheet = sheet.reshape(rows * height, columns * width, channels)
    return Image.fromarray(sheet if channels == 3 else sheet[..., 0])


def _labels(count: int, label: int | None, classes: int) -> Int[Tensor, " count"]:
    """The class that was asked for, or all in turn."""
    if label is None:
        return torch.arange(count) % max(classes, 1)
    if not 0 <= label < classes:
        known = f"the data have classes 0 to {classes - 1}" if classes else "the data have no classes"
        raise BadInput(f"--label {label} is no class: {known}")
    return torch.full((count,), label)


def _write(
    path: Path, codes: Float[Tensor, "count latent"], images: Float[Tensor, "count *event"], labels: Tensor
) -> None:
    if path.suffix == ".png" and (images.ndim != 4 or images.shape[1] not in (1, 3)):
        raise BadInput(f"draws of shape {tuple(images.shape[1:])} are no images: name an .npz file with --out")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".png":
            grid(images).save(path)
        else:
            np.savez_compressed(path, x=images.numpy(), z=codes.numpy(), y=labels.numpy())
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.sample", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("path", help="folder of a trained method, as pipelines.train saves it")
    kinds = "; ".join(f"{name}: {densities.describe(name)}" for name in densities.names())
    parser.add_argument("--density", default="prior", help=f"what codes are drawn from. {kinds}")
    parser.add_argument("--count", type=int, default=64, help="number of draws (64)")
    parser.add_argument("--label", type=int, help="class of all draws, for methods that decode by class (all in turn)")
    parser.add_argument("--out", type=Path, default=Path("samples.png"), help="a .png (one picture) or .npz (x, z, y)")
    parser.add_argument("--seed", type=int, default=0, help="of the fit and of the draws (0)")
    return parser


if __name__ == "__main__":
    console.run(main)
