"""Convolutions by JAX's own operation: those of equinox."""

import equinox as eqx
import jax
import numpy as np
import pytest

from adseis.networks.onnx_layers import PlainConvolution, with_plain_convolutions
from adseis.networks.swin_unet import ShotConvolution

KEY = jax.random.key(0)
CONVOLUTIONS = {
    "1d": (lambda: eqx.nn.Conv1d(2, 4, 5, stride=3, dilation=2, padding=2, key=KEY), (2, 17)),
    "groups": (lambda: eqx.nn.Conv2d(4, 6, (7, 1), stride=(2, 1), groups=2, padding="SAME", use_bias=False, key=KEY), (4, 9, 5)),
    "edges": (lambda: eqx.nn.Conv2d(2, 3, 3, padding="SAME", padding_mode="REPLICATE", dilation=2, key=KEY), (2, 6, 7)),
    "mirror": (lambda: eqx.nn.Conv2d(2, 3, 3, padding=((1, 2), (0, 1)), padding_mode="REFLECT", key=KEY), (2, 5, 6)),
    "around": (lambda: eqx.nn.Conv3d(1, 2, 3, padding=1, padding_mode="CIRCULAR", key=KEY), (1, 3, 4, 5)),
    "transposed": (lambda: eqx.nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1, groups=2, key=KEY), (4, 4, 3)),
    "transposed odd": (lambda: eqx.nn.ConvTranspose2d(2, 3, 3, stride=2, output_padding=1, dilation=2, key=KEY), (2, 4, 3)),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_they_give_the_same(name):
    """The same sums: to rounding."""
    make, shape = CONVOLUTIONS[name]
    layer = make()
    plain = with_plain_convolutions({"layer": layer})["layer"]
    assert isinstance(plain, PlainConvolution)
    one, other = eqx.filter_jit(lambda x: (layer(x), plain(x)))(jax.random.normal(KEY, shape))
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-14)


def test_what_is_left():
    """Other layers, words for padding, and convolutions that compute themselves, of all shots at once."""
    net = (
        eqx.nn.Linear(2, 2, key=KEY),
        eqx.nn.ConvTranspose2d(2, 2, 3, padding="SAME", key=KEY),
        ShotConvolution(1, 2, 3, key=KEY),
    )
    assert [type(layer) for layer in with_plain_convolutions(net)] == [eqx.nn.Linear, eqx.nn.ConvTranspose2d, ShotConvolution]
