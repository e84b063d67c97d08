"""ONNX files: what the network does, for any number of samples."""

import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.data.openfwi_layout import SHRUNK
from adseis.networks import onnx_files
from adseis.networks.adapters import adapters_of, bottleneck, lora, merge
from adseis.networks.normalization import BatchNorm
from adseis.networks.onnx_files import compare_onnx, export_onnx
from adseis.training.presets import preset_of

KEY = jax.random.key(0)


class Shots(eqx.Module):
    """Convolutions of every shot, their mean, tokens, and an image: what networks of gathers are made of."""

    stem: eqx.nn.Conv2d
    norm: BatchNorm
    group: eqx.nn.GroupNorm
    attention: eqx.nn.Linear
    enlarge: eqx.nn.ConvTranspose2d
    shuffle: eqx.nn.Conv2d
    last: eqx.nn.Conv2d

    def __init__(self, dtype=jnp.float32):
        keys = jax.random.split(KEY, 5)
        self.stem = eqx.nn.Conv2d(1, 8, (3, 1), stride=2, padding=((1, 1), (0, 0)), dtype=dtype, key=keys[0])
        self.norm = BatchNorm(8, dtype=dtype)
        self.group = eqx.nn.GroupNorm(2, 8, dtype=dtype)
        self.attention = eqx.nn.Linear(8, 24, use_bias=False, dtype=dtype, key=keys[1])
        self.enlarge = eqx.nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1, dtype=dtype, key=keys[2])
        self.shuffle = eqx.nn.Conv2d(4, 16, 3, padding=1, padding_mode="REPLICATE", dtype=dtype, key=keys[3])
        self.last = eqx.nn.Conv2d(4, 1, 1, dtype=dtype, key=keys[4])

    def __call__(self, gathers):
        maps = jax.vmap(lambda shot: jax.nn.leaky_relu(self.norm(self.stem(shot[None])), 0.2))(gathers)
        x = self.group(jnp.mean(maps, 0))
        q, k, v = jnp.split(jax.vmap(self.attention)(x.reshape(8, -1).T), 3, 1)
        x = x + (jax.nn.softmax(q @ k.T) @ v).T.reshape(x.shape)
        x = jax.nn.gelu(self.shuffle(self.enlarge(x)), approximate=False)
        _, nz, nx = x.shape
        x = x.reshape(4, 2, 2, nz, nx).transpose(0, 3, 1, 4, 2).reshape(4, 2 * nz, 2 * nx)
        return jnp.tanh(self.last(x)[:, 1:-1, 2:])


def used(dtype=jnp.float32):
    """One whose running statistics are not those of the beginning."""
    net = Shots(dtype)
    drawn = jax.random.uniform(KEY, (2, 8), dtype, 0.5, 2.0)
    return eqx.tree_at(lambda n: (n.norm.mean, n.norm.variance), net, tuple(drawn))


def moved(adapted):
    leaves = jax.tree.map(lambda leaf: leaf + jnp.asarray(0.05, leaf.dtype), adapters_of(adapted))
    return eqx.combine(leaves, adapted)


KINDS = {
    "plain": used,
    "double, in training": lambda: eqx.nn.inference_mode(used(jnp.float64), value=False),
    "low rank": lambda: moved(lora(used(), rank=2, key=KEY)),
    "bottleneck": lambda: moved(bottleneck(used(), where=("attention", "enlarge"), width=2, key=KEY)),
}


@pytest.mark.parametrize("kind", ["plain", *[pytest.param(kind, marks=pytest.mark.slow) for kind in list(KINDS)[1:]]])
def test_files_do_what_the_network_does(kind, tmp_path):
    """One file for 1 and 3 samples, to single precision's rounding: 1e-5 of outputs of about one."""
    pytest.importorskip("jax2onnx")
    pytest.importorskip("onnxruntime")
    net, path = KINDS[kind](), tmp_path / "network.onnx"
    export_onnx(net, path, (2, 8, 5))
    for count in (1, 3):
        found = compare_onnx(path, net, np.random.default_rng(count).standard_normal((count, 2, 8, 5)))
        assert found.difference < 1e-5 < 1e-2 < found.peak
        assert 0 < found.latency < 5
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    if kind == "low rank":
        assert compare_onnx(path, merge(net), np.ones((1, 2, 8, 5))).difference < 1e-5
    with pytest.raises(ValueError, match="made of another"):
        compare_onnx(path, lambda x: x, np.ones((1, 2, 8, 5)))


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["inversionnet-small", "velocitygan-small", "unet-small", "swin-unet-small"])
def test_networks_that_train_here(preset, tmp_path):
    """All of them go into a file, which gives the same to 1e-4."""
    pytest.importorskip("jax2onnx")
    pytest.importorskip("onnxruntime")
    chosen = preset_of(preset)
    network = chosen.inverter(chosen.network(0)).network
    assert export_onnx(network, tmp_path / "network.onnx", SHRUNK).difference < 1e-4


def test_eight_bits(tmp_path):
    """A dense network of 8 bits is a third of the file, and off by some hundredths."""
    pytest.importorskip("jax2onnx")
    pytest.importorskip("onnxruntime")
    net = eqx.nn.MLP(16, 4, 128, 3, dtype=jnp.float32, key=KEY)
    single = export_onnx(net, tmp_path / "single.onnx", (16,))
    eight = export_onnx(net, tmp_path / "eight.onnx", (16,), int8=True)
    assert (tmp_path / "eight.onnx").stat().st_size < 0.4 * (tmp_path / "single.onnx").stat().st_size
    assert single.difference < 1e-5 < eight.difference < 0.05 * eight.peak


def test_what_cannot_be_written(tmp_path, monkeypatch):
    pytest.importorskip("jax2onnx")
    pytest.importorskip("onnxruntime")
    path = tmp_path / "network.onnx"
    with pytest.raises(ValueError, match=r"cannot be written as ONNX for samples of \(1, 4, 4\)"):
        export_onnx(lambda x: jax.image.resize(x, (1, 8, 8), "linear"), path, (1, 4, 4))
    monkeypatch.setattr(onnx_files, "TOLERANCE", -1.0)
    with pytest.raises(RuntimeError, match="for 1 samples: a fault of jax2onnx"):
        export_onnx(jnp.sin, path, (2,))
    with pytest.raises(FileNotFoundError, match="no file"):
        compare_onnx(path, lambda x: x, np.ones((1, 1)))
    path.write_bytes(b"no such thing")
    with pytest.raises(ValueError, match="no ONNX file"):
        compare_onnx(path, lambda x: x, np.ones((1, 1)))


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "jax2onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'adseis\[onnx\]'"):
        export_onnx(eqx.nn.Linear(2, 2, key=KEY), tmp_path / "network.onnx", (2,))
