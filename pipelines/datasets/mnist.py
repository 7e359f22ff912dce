"""Dynamic MNIST: 70,000 handwritten digits of 28x28 pixels in 10 classes.

Split 50,000 / 10,000 / 10,000: validation is the last 10,000 of the 60,000 training images. Intensities 0..255 become
[0, 1]; training images are binarized anew at every reading, validation and test images once.

Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner 1998, http://yann.lecun.com/exdb/mnist, CC BY-SA 3.0. Split and
binarization: Tomczak and Welling 2018 (VampPrior), whose code draws the same validation and test images.
"""

from __future__ import annotations

from pipelines.datasets import idx, splits
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.download import RemoteFile, fetch


def _file(name: str, sha256: str) -> RemoteFile:
    servers = ("https://ossci-datasets.s3.amazonaws.com/mnist", "http://yann.lecun.com/exdb/mnist")
    return RemoteFile("mnist", name, tuple(f"{server}/{name}" for server in servers), sha256)


_TRAIN = (
    _file("train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
    _file("train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
)
_TEST = (
    _file("t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
    _file("t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
)


def load() -> Dataset:
    train, valid = splits.cut(idx.rows(*map(fetch, _TRAIN)), 50_000, 10_000)
    test = idx.rows(*map(fetch, _TEST))
    return Dataset(splits.dynamically_binarized(train, valid, test), classes=10)
