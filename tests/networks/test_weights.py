"""Weights: what is read is what was written, and what is damaged or another's is told."""

import equinox as eqx
import jax
import numpy as np
import pytest

from adseis.networks.weights import fingerprint, named, read_about, read_weights, write_weights


def network(seed: int, width: int = 3) -> eqx.nn.MLP:
    return eqx.nn.MLP(2, 1, width, 2, key=jax.random.key(seed))


def test_the_same_bits_come_back(tmp_path):
    path = tmp_path / "mlp.safetensors"
    digest = write_weights(path, network(0), {"preset": "mlp", "extremes": [-1.5, 2.0]})
    found = read_weights(path, network(1))
    assert digest == fingerprint(found) == fingerprint(network(0)) != fingerprint(network(1))
    assert read_about(path) == {"preset": "mlp", "extremes": [-1.5, 2.0], "sha256": digest}
    assert list(named(found))[0] == "layers.0.weight"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_what_cannot_be_right_is_told(tmp_path):
    path = tmp_path / "mlp.safetensors"
    write_weights(path, network(0))
    with pytest.raises(ValueError, match=r"holds layers.0.weight \(3, 2\), where the network has \(4, 2\)"):
        read_weights(path, network(0, width=4))
    with pytest.raises(ValueError, match="lacks"):
        read_weights(path, {"a": np.ones(2)})
    with pytest.raises(ValueError, match=r"layers.2.bias, which the network has not"):
        read_weights(path, eqx.tree_at(lambda n: n.layers, network(0), network(0).layers[:2]))
    with pytest.raises(FileNotFoundError, match="no file"):
        read_about(tmp_path / "none.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(ValueError, match="truncated"):
        read_weights(path, network(0))
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ValueError, match="SHA-256"):
        read_weights(path, network(0))
