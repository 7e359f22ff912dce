"""Dynamic Fashion-MNIST: 70,000 pictures of clothes of 28x28 pixels in 10 classes.

Split 50,000 / 10,000 / 10,000: validation is the last 10,000 of the 60,000 training images. Intensities 0..255 become
[0, 1]; training images are binarized anew at every reading, validation and test images once.

Source: H. Xiao, K. Rasul and R. Vollgraf 2017, https://github.com/zalandoresearch/fashion-mnist, MIT (Zalando SE).
Split and binarization: Norouzi, Fleet and Norouzi 2020 (Exemplar VAE).
"""

from __future__ import annotations

from pipelines.datasets import idx, splits
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.download import RemoteFile, fetch


def _file(name: str, sha256: str) -> RemoteFile:
    servers = (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    )
    return RemoteFile("fashion-mnist", name, tuple(f"{server}/{name}" for server in servers), sha256)


_TRAIN = (
    _file("train-images-idx3-ubyte.gz", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
    _file("train-labels-idx1-ubyte.gz", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
)
_TEST = (
    _file("t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
    _file("t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
)


def load() -> Dataset:
    train, valid = splits.cut(idx.rows(*map(fetch, _TRAIN)), 50_000, 10_000)
    test = idx.rows(*map(fetch, _TEST))
    return Dataset(splits.dynamically_binarized(train, valid, test), classes=10)
