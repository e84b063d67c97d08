"""Checkpoints: what was written comes back; what is damaged, or of another run, is refused by name."""

import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_same

from adseis.checkpoint import read_checkpoint, write_checkpoint

TREE = {"weights": jnp.arange(6.0).reshape(2, 3) + 1, "step": jnp.asarray(4), "half": jnp.ones(3, jnp.float32)}
IDENTITY = {"x0": "abc"}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "state.h5"
    write_checkpoint(path, TREE, IDENTITY, {"values": np.array([3.0, 2.0])})
    return path


def test_there_and_back(path):
    """Every leaf in its own precision and shape, and a series of any length; a second write replaces the first whole."""
    write_checkpoint(path, TREE, IDENTITY, {"values": np.array([3.0, 2.0, 1.0])})
    tree, series = read_checkpoint(path, TREE, IDENTITY)
    assert_same(tree, TREE, 0)
    np.testing.assert_array_equal(series["values"], [3, 2, 1])
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_of_another_run(path):
    with pytest.raises(ValueError, match="belongs to another"):
        read_checkpoint(path, TREE, {"x0": "abd"})
    with pytest.raises(ValueError, match="belongs to another"):
        read_checkpoint(path, TREE | {"half": jnp.ones(4, jnp.float32)}, IDENTITY)


def test_damaged(path):
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match="is truncated or damaged"):
        read_checkpoint(path, TREE, IDENTITY)
