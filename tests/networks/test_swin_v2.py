"""The Swin encoder: timm's, number by number; windows against attention computed place by place; weights from a file."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn_weights import draw, glimpse
from network_checks import KEY, count, drawn, run
from safetensors.numpy import save_file

from adseis.networks import SwinV2
from adseis.networks.swin_v2 import SwinBlock
from adseis.networks.timm_weights import RENAMED, load_timm
from adseis.networks.weights import named
from adseis.networks.window_attention import apart, offsets

TORCH = np.load(Path(__file__).with_name("parity.npz"))
REDUCED = {"image": (3, 64), "embedding": 32, "depths": (2, 2), "heads": (2, 4), "window": 8}


class Compiled(eqx.Module):
    """A block, compiled once for all that are alike."""

    block: SwinBlock

    @eqx.filter_jit
    def __call__(self, x, kept=None):
        return self.block(x, kept)


def their_name(name):
    for theirs, ours in reversed(RENAMED.items()):
        if theirs != "layers_":  # of `features_only`
            name = name.replace(ours, theirs)
    return name


def timm_arrays(encoder):
    return {(name := their_name(ours)): draw(name, leaf.shape) for ours, leaf in named(encoder).items()}


def timm_file(encoder, path, **changed):
    """A file as timm writes it, of a classifier and with tables that older versions kept."""
    arrays = timm_arrays(encoder)
    arrays |= {"norm.weight": np.ones(64, np.float32), "head.fc.weight": np.ones((10, 64), np.float32)}
    arrays |= {"layers.0.blocks.1.attn_mask": np.zeros((4, 64, 64), np.float32)}
    arrays |= {"layers.0.blocks.0.attn.relative_coords_table": np.zeros((1, 15, 15, 2), np.float32)}
    save_file({name: array for name, array in (arrays | changed).items() if array is not None}, path)
    return path


def test_timm_gives_the_same():
    """`swinv2_tiny_window8_256` with drawn weights (parity_with_torch.py), every stage, of numbers up to 10: 1e-4 is ten times
    what single precision left."""
    encoder = drawn(SwinV2, their_name)

    def blocks(encoder):
        return [block for stage in encoder.layers for block in stage.blocks]

    encoder = eqx.tree_at(blocks, encoder, [Compiled(block) for block in blocks(encoder)])
    for i, found in enumerate(encoder(jnp.asarray(draw("image", (3, 256, 256))))):
        assert found.shape == (96 * 2**i, 64 // 2**i, 64 // 2**i)
        np.testing.assert_allclose(glimpse(found), TORCH[f"swin_{i}"], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("features_only", [False, True])
def test_a_file_of_timm(tmp_path, features_only):
    """Loaded by name, a smaller one gives timm's numbers, too; the names of `features_only` differ by a character."""
    encoder = SwinV2(key=KEY, **REDUCED)
    path = timm_file(encoder, tmp_path / "model.safetensors")
    if features_only:
        save_file({name.replace("layers.", "layers_"): array for name, array in timm_arrays(encoder).items()}, path)
    encoder = load_timm(encoder, path)
    if not features_only:
        for i, found in enumerate(eqx.filter_jit(encoder)(jnp.asarray(draw("image", (3, 64, 64))))):
            np.testing.assert_allclose(glimpse(found), TORCH[f"swin_reduced_{i}"], rtol=1e-5, atol=1e-4)
    name = "layers.1.blocks.0.attn.cpb_mlp.2.weight"
    np.testing.assert_array_equal(encoder.layers[1].blocks[0].attention.offset_mlp[1].weight, draw(name, (4, 512)))


def test_what_is_not_timms_is_told(tmp_path):
    encoder, path = SwinV2(key=KEY, **REDUCED), tmp_path / "model.safetensors"
    name = "layers.0.blocks.0.attn.qkv.weight"
    timm_file(encoder, path, **{name: np.zeros((96, 16), np.float32)})
    with pytest.raises(ValueError, match=r"layers.0.blocks.0.attention.qkv.weight \(96, 16\), where the network has \(96, 32\)"):
        load_timm(encoder, path)
    timm_file(encoder, path, **{name: None})
    with pytest.raises(ValueError, match="lacks layers.0.blocks.0.attention.qkv.weight"):
        load_timm(encoder, path)
    path.write_bytes(b"no tensors")
    with pytest.raises(ValueError, match="is no file of safetensors"):
        load_timm(encoder, path)
    with pytest.raises(FileNotFoundError, match="no file"):
        load_timm(encoder, tmp_path / "none.safetensors")


def test_counts():
    """timm's `features_only`: a classifier's without its last norm and its head."""
    assert count(SwinV2) == 27_576_618
    assert count(SwinV2, **REDUCED) == 147_436


@pytest.mark.parametrize("shifted", [False, True])
def test_windows(shifted):
    """A block computed place by place: each attends to those of its window, which on a shifted map are those that were
    neighbours before it was rolled around. In double precision, so to rounding."""
    side, window, heads, channels = 8, 4, 2, 8
    sizes = {"side": side, "window": window, "shifted": shifted, "dtype": jnp.float64}
    block = drawn(lambda key: SwinBlock(channels, heads, key=key, **sizes))
    x = draw("map", (side, side, channels)).astype(float)
    shift = window // 2 if shifted else 0
    attention = block.attention
    table, which = offsets(window)
    numbers = jax.vmap(lambda o: attention.offset_mlp[1](jax.nn.relu(attention.offset_mlp[0](o))))(jnp.asarray(table))
    by_offset = 16 * np.asarray(jax.nn.sigmoid(numbers))
    scale = np.exp(np.minimum(np.asarray(attention.logit_scale)[:, 0, 0], np.log(100)))
    qkv = x @ np.asarray(attention.qkv.weight).T
    q, k, v = np.split(qkv, 3, -1)
    q, v = q + np.asarray(attention.q_bias), v + np.asarray(attention.v_bias)
    q, k, v = (a.reshape(side, side, heads, -1) for a in (q, k, v))
    q, k = (a / np.linalg.norm(a, axis=-1, keepdims=True) for a in (q, k))
    edges = [0, shift, *range(shift + window, side, window), side] if shift else range(0, side + 1, window)
    part = np.searchsorted(list(edges), np.arange(side), side="right")
    mixed = np.zeros((side, side, heads, channels // heads))
    for z, c in np.ndindex(side, side):
        rows, columns = np.flatnonzero(part == part[z]), np.flatnonzero(part == part[c])
        seen = [(i, j) for i in rows for j in columns]
        apart_by = [(z - i + window - 1) * (2 * window - 1) + c - j + window - 1 for i, j in seen]
        for head in range(heads):
            score = np.array([q[z, c, head] @ k[i, j, head] for i, j in seen]) * scale[head] + by_offset[apart_by, head]
            score = np.exp(score - score.max())
            mixed[z, c, head] = score / score.sum() @ np.array([v[i, j, head] for i, j in seen])
    y = mixed.reshape(side, side, channels) @ np.asarray(attention.projection.weight).T + np.asarray(attention.projection.bias)
    x = jnp.asarray(x)
    first = x + jax.vmap(jax.vmap(block.norm1))(jnp.asarray(y))
    wanted = first + jax.vmap(jax.vmap(block.norm2))(block.mlp(first))
    np.testing.assert_allclose(block(x), wanted, atol=1e-9)
    assert block.shift == shift
    assert which.shape == (window**2, window**2)


def test_a_window_as_large_as_the_map_is_not_shifted():
    encoder = eqx.filter_eval_shape(lambda key: SwinV2(key=key), KEY)
    assert [[block.shift for block in stage.blocks] for stage in encoder.layers] == [[0, 4], [0, 4], [0, 4] * 3, [0, 0]]
    assert apart(8, 8, 0).max() == apart(16, 8, 4).max() == 0 == apart(8, 8, 0).min()


def test_every_weight_is_trained():
    options = {"image": (3, 16), "patch": 2, "embedding": 8, "depths": (2, 2), "heads": (2, 4), "window": 4}
    encoder = drawn(SwinV2, **options)

    class Sum(eqx.Module):
        encoder: SwinV2

        def __call__(self, x):
            fine, coarse = self.encoder(x)
            return jnp.concatenate([jnp.ravel(fine), jnp.ravel(coarse)])

    _, gradient = run(Sum(encoder), jnp.asarray(draw("image", (3, 16, 16))))
    assert all(np.isfinite(g) and g > 0 for g in gradient.values()), gradient


def test_branches_are_left_out():
    """In training, by the key; never those of the first block; and on average what is added is what inference adds."""
    encoder = drawn(SwinV2, image=(3, 8), patch=2, embedding=8, depths=(2,), heads=(2,), window=4, drop_path=0.5)
    x = jnp.asarray(draw("image", (3, 8, 8)))
    with pytest.raises(ValueError, match="pass `key`, or drop_path=0"):
        eqx.nn.inference_mode(encoder, value=False)(x)
    training = eqx.filter_jit(eqx.nn.inference_mode(encoder, value=False))
    keys = jax.random.split(KEY, 32)
    found = [training(x, key=key)[0] for key in keys]
    np.testing.assert_array_equal(found[0], training(x, key=keys[0])[0])
    kinds = {np.asarray(y).tobytes() for y in found}
    assert len(kinds) == 4  # two branches of the second block, there or not
    kept = eqx.nn.inference_mode(encoder, value=False)._kept(KEY)
    np.testing.assert_array_equal(kept[0], 1)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"image": (3, 250)}, r"`image` = \(3, 250\) cannot be divided: 4 stages of patches of 4"),
        ({"image": (3, 72), "patch": 3, "depths": (2, 2), "heads": (2, 4), "window": 5}, "multiples of `window` = 5"),
        ({"heads": (3, 6)}, r"`depths` = \(2, 2, 6, 2\) and `heads` = \(3, 6\) must be as many"),
        ({"heads": (5, 6, 12, 24)}, "must divide the channels of the stages"),
    ],
)
def test_errors(options, match):
    with pytest.raises(ValueError, match=match):
        SwinV2(key=KEY, **options)


def test_another_image_is_refused():
    with pytest.raises(ValueError, match=r"`image` \(3, 64, 32\) must be one sample of \(3, 64, 64\), which this SwinV2"):
        SwinV2(key=KEY, **REDUCED)(jnp.zeros((3, 64, 32), jnp.float32))
