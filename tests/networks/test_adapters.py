"""Adapters: nothing changes at first, the base never, and one network does what base and adapters do."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from adseis.networks.adapters import (
    adapters_of,
    bottleneck,
    counts,
    lora,
    merge,
    read_adapter,
    trainable,
    unmerge,
    with_adapter,
    write_adapter,
)
from adseis.networks.low_rank import low_rank
from adseis.networks.normalization import BATCH, BatchNorm
from adseis.networks.places import matches
from adseis.networks.weights import fingerprint, named, read_about, write_weights
from adseis.training.prediction import in_training

KEY = jax.random.key(0)


class Block(eqx.Module):
    first: eqx.nn.Conv2d
    norm: BatchNorm
    second: eqx.nn.Conv2d

    def __init__(self, channels, key):
        keys = jax.random.split(key)
        self.first = eqx.nn.Conv2d(channels, channels, 3, padding=1, key=keys[0])
        self.norm = BatchNorm(channels, dtype=jnp.float64)
        self.second = eqx.nn.Conv2d(channels, channels, 1, key=keys[1])

    def __call__(self, x):
        return x + self.second(jax.nn.relu(self.norm(self.first(x))))


class Small(eqx.Module):
    """A network as they are: convolutions, norms, a function among the leaves, a dense head."""

    stem: eqx.nn.Conv2d
    blocks: tuple[Block, ...]
    activation: object
    mlp: eqx.nn.MLP
    head: eqx.nn.Linear

    def __init__(self, seed=0):
        keys = jax.random.split(jax.random.key(seed), 5)
        self.stem = eqx.nn.Conv2d(2, 4, 3, stride=2, key=keys[0])
        self.blocks = (Block(4, keys[1]), Block(4, keys[2]))
        self.activation = jax.nn.gelu
        self.mlp = eqx.nn.MLP(4, 6, 8, 1, key=keys[3])
        self.head = eqx.nn.Linear(6, 3, key=keys[4])

    def __call__(self, x):
        x = self.activation(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return self.head(self.mlp(jnp.mean(x, (1, 2))))


def data(count=4):
    return jax.random.normal(jax.random.key(9), (count, 2, 9, 7))


def stirred(adapted, seed=5):
    """Adapters as if they had learned: every number that is trained is random."""
    leaves, structure = jax.tree.flatten(adapters_of(adapted))
    keys = jax.random.split(jax.random.key(seed), len(leaves))
    drawn = [0.3 * jax.random.normal(key, leaf.shape, leaf.dtype) for key, leaf in zip(keys, leaves, strict=True)]
    return eqx.combine(jax.tree.unflatten(structure, drawn), adapted)


def trained(adapted, steps=3):
    """A few steps of AdamW, whose decay would move whatever it is given, on the mean square."""
    marks = trainable(adapted)
    learned, frozen = eqx.partition(adapted, marks)
    optimizer = optax.adamw(1e-2, weight_decay=0.1)
    state = optimizer.init(learned)

    @eqx.filter_jit
    def step(learned, state, x):
        def loss(learned):
            return jnp.mean(jax.vmap(in_training(eqx.combine(learned, frozen), marks), axis_name=BATCH)(x) ** 2)

        value, gradient = eqx.filter_value_and_grad(loss)(learned)
        updates, state = optimizer.update(gradient, state, learned)
        return eqx.apply_updates(learned, updates), state, value

    values = []
    with jax.numpy_dtype_promotion("standard"):  # Optax raises numbers to the power of a count
        for _ in range(steps):
            learned, state, value = step(learned, state, data())
            values.append(float(value))
    return eqx.combine(learned, frozen), state, values


LAYERS = {
    "dense": (lambda t: eqx.nn.Linear(5, 7, dtype=t, key=KEY), (5,)),
    "without bias": (lambda t: eqx.nn.Linear(9, 2, use_bias=False, dtype=t, key=KEY), (9,)),
    "1d": (lambda t: eqx.nn.Conv1d(4, 6, 5, stride=3, dilation=2, padding=2, dtype=t, key=KEY), (4, 17)),
    "2d": (lambda t: eqx.nn.Conv2d(6, 8, (7, 1), stride=(2, 1), padding=((3, 3), (0, 0)), dtype=t, key=KEY), (6, 11, 5)),
    "2d groups": (lambda t: eqx.nn.Conv2d(6, 9, 3, groups=3, padding="SAME", dtype=t, key=KEY), (6, 5, 6)),
    "2d edges": (lambda t: eqx.nn.Conv2d(3, 4, 3, padding="SAME", padding_mode="REPLICATE", dtype=t, key=KEY), (3, 5, 6)),
    "depthwise": (lambda t: eqx.nn.Conv2d(4, 4, 3, groups=4, use_bias=False, dtype=t, key=KEY), (4, 5, 6)),
    "3d": (lambda t: eqx.nn.Conv3d(2, 4, 3, stride=2, groups=2, padding=1, dtype=t, key=KEY), (2, 5, 4, 6)),
    "transposed": (lambda t: eqx.nn.ConvTranspose2d(6, 4, 4, stride=2, padding=1, dtype=t, key=KEY), (6, 4, 3)),
    "transposed groups": (
        lambda t: eqx.nn.ConvTranspose2d(6, 4, 3, stride=2, output_padding=1, dilation=2, groups=2, dtype=t, key=KEY),
        (6, 4, 3),
    ),
}


SINGLE = ("dense", "1d", "2d groups", "transposed groups")


@pytest.mark.parametrize(("name", "dtype"), [(name, jnp.float64) for name in LAYERS] + [(name, jnp.float32) for name in SINGLE])
def test_one_layer_does_what_layer_and_adapter_do(name, dtype):
    """The merged layer gives what layer and adapter give, to rounding: 1e-6 and 1e-13 of the largest. What is added to the
    weights is of low rank: in every group the singular values beyond r are rounding."""
    make, shape = LAYERS[name]

    @eqx.filter_jit
    def run(x):
        layer = make(dtype)
        adapted = stirred(lora(layer, rank=2, alpha=3.0, key=KEY))
        single = merge(adapted)
        assert type(single) is type(layer)
        return layer(x), adapted(x), single(x), adapted.network.update, adapted.network.weight - single.weight

    plain, y, single, update, off = run(jax.random.normal(jax.random.key(3), shape, dtype))
    tolerance = float(np.abs(y).max()) * (1e-6 if dtype == jnp.float32 else 1e-13)
    assert y.dtype == dtype
    assert np.abs(np.subtract(y, plain)).max() > 1e4 * tolerance
    np.testing.assert_allclose(single, y, rtol=0, atol=tolerance)
    assert not np.any(off)
    groups = getattr(make(dtype), "groups", 1)
    matrices = np.asarray(update, np.float64).reshape(groups, update.shape[0] // groups, -1)
    values = np.linalg.svd(matrices, compute_uv=False)
    assert values[:, :1].min() > 0
    assert np.all(values[:, 2:] < 1e-6 * values[:, :1])


def test_at_first_nothing_changes():
    """To the bit: B is zero. A is drawn within Kaiming's bound of the layer's own weights."""
    net, x = Small(), data(2)
    low, thin = lora(net, key=KEY), bottleneck(net, where=["blocks/*", "mlp"], key=KEY)
    wanted, one, other = eqx.filter_jit(lambda *nets: [jax.vmap(net)(x) for net in nets])(net, low, thin)
    np.testing.assert_array_equal(one, wanted)
    np.testing.assert_array_equal(other, wanted)
    down = low.network.blocks[0].first.down.weight
    assert 0.8 < float(jnp.abs(down).max()) * math.sqrt(4 * 9) <= 1


@pytest.mark.parametrize("kind", ["lora", "bottleneck"])
def test_training_moves_adapters_alone(kind):
    """AdamW with decay: the base's SHA-256 stays, running statistics with it, and there is no state for what is frozen."""
    net = Small()
    digest = fingerprint(net)
    adapted = lora(net, rank=2, key=KEY) if kind == "lora" else bottleneck(net, where="blocks/*", width=3, key=KEY)
    after, state, values = trained(adapted)
    assert values[-1] < values[0]
    assert fingerprint(unmerge(after)) == digest == fingerprint(net)
    assert jax.tree.structure(unmerge(after)) == jax.tree.structure(net)
    states = sum(leaf.size for leaf in jax.tree.leaves(state) if eqx.is_inexact_array(leaf))
    assert states == 2 * counts(adapted)[0]
    before = named(adapted)
    moved = [name for name, leaf in named(after).items() if not np.array_equal(leaf, before[name])]
    assert moved == list(named(adapters_of(adapted)))
    assert all(".down." in name or ".up." in name for name in moved)


def test_modules_trained_whole():
    """A head and a norm, statistics too, without adapters in them; the base still comes back to the bit."""
    net = Small()
    adapted = lora(net, rank=2, train=("head", "blocks/1/norm"), key=KEY)
    marks = trainable(adapted)
    assert marks.network.head.weight is marks.network.blocks[1].norm.mean is True
    assert marks.network.blocks[0].norm.weight is marks.network.blocks[0].norm.mean is False
    training = in_training(adapted, marks).network
    assert training.blocks[0].norm.inference
    assert not training.blocks[1].norm.inference
    after, _, _ = trained(adapted)
    assert float(jnp.abs(after.network.head.weight - net.head.weight).max()) > 1e-3
    assert fingerprint(unmerge(after)) == fingerprint(net)
    single = merge(after)
    assert jax.tree.structure(single) == jax.tree.structure(net)
    np.testing.assert_array_equal(single.head.weight, after.network.head.weight)
    again = unmerge(single, after)
    for one, other in zip(jax.tree.leaves(eqx.filter(again, eqx.is_array)), named(net).values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-15)  # rounding of W + U - U


def test_what_is_not_adapted_is_trained():
    net = Small()
    assert jax.tree.leaves(eqx.filter(net, trainable(net))) == jax.tree.leaves(eqx.filter(net, eqx.is_inexact_array))
    both = {"net": lora(net, where="head", key=KEY), "critic": Small(1)}
    marks = trainable(both)
    assert marks["critic"].head.weight is marks["net"].network.head.down.weight is True
    assert marks["net"].network.head.base.weight is marks["net"].network.stem.weight is False


@pytest.mark.parametrize(
    ("pattern", "place", "wanted"),
    [
        ("**", "", True),
        ("**", "a/0/b", True),
        ("a", "a", True),
        ("a", "a/0", False),
        ("a/*", "a/0", True),
        ("a/*", "a/0/b", False),
        ("a/**", "a", True),
        ("a/**", "a/0/b", True),
        ("**/b", "b", True),
        ("**/b", "a/0/b", True),
        ("**/a/*", "stage/a/qkv", True),
        ("**/[01]/*", "a/1/b", True),
        ("**/[01]/**", "a/2/b", False),
    ],
)
def test_patterns(pattern, place, wanted):
    assert matches(pattern, place) is wanted


def test_ranks_by_pattern():
    """The first that matches counts, 0 leaves alone, and no matrix has more than its rows or columns; numbers counted by hand."""
    net = Small()
    adapted = lora(net, where={"blocks/0/**": 0, "blocks/**": 2, "stem": 64, "head": 1}, key=KEY)
    found = adapted.network
    assert type(found.blocks[0].first) is eqx.nn.Conv2d
    assert type(found.mlp.layers[0]) is eqx.nn.Linear
    assert [layer.down.weight.shape for layer in (found.blocks[1].first, found.stem, found.head)] == [
        (2, 4, 3, 3),
        (4, 2, 3, 3),
        (1, 6),
    ]
    wanted = 2 * (36 + 4) + 2 * (4 + 4) + 4 * (18 + 4) + 6 + 3
    plain = sum(leaf.size for name, leaf in named(net).items() if not name.endswith(("mean", "variance")))
    assert counts(adapted) == (wanted, plain + wanted)
    assert counts(net) == (plain, plain)
    assert counts(lora(net, where={"**": 0}, train="head", key=KEY)) == (21, plain)


def test_scale():
    """Of a layer whose weights are zero, outputs go with alpha / r, or alpha / sqrt(r)."""
    layer = jax.tree.map(jnp.zeros_like, eqx.nn.Linear(8, 8, key=KEY))
    x = jnp.arange(8.0)

    def of(**options):
        return stirred(lora(layer, rank=4, key=KEY, **options))(x)

    np.testing.assert_allclose(of(alpha=4.0), of(), rtol=1e-15)
    np.testing.assert_allclose(of(alpha=16.0), 4 * of(), rtol=1e-15)
    np.testing.assert_allclose(of(alpha=16.0, rank_stabilised=True), 8 * of(), rtol=1e-15)


def test_adapters_are_swapped_without_compiling():
    """One base, three adapters and one program; the base comes plain or adapted; of another recipe the adapter brings its own."""
    net, x, traces = Small(), data(), []
    one = lora(net, rank=2, train="head", key=KEY)
    adapters = [adapters_of(stirred(one, seed)) for seed in range(3)]
    assert sum(leaf.size for leaf in jax.tree.leaves(adapters[0])) == counts(one)[0]

    @eqx.filter_jit
    def apply(net, x):
        traces.append(1)
        return jax.vmap(net)(x)

    results = [apply(with_adapter(one, adapter), x) for adapter in adapters]
    assert len(traces) == 1
    assert float(jnp.abs(results[0] - results[1]).max()) > 1e-3
    np.testing.assert_array_equal(apply(with_adapter(net, adapters[2]), x), results[2])
    assert len(traces) == 1
    other = lora(net, rank=1, where="stem", key=KEY)
    np.testing.assert_array_equal(apply(with_adapter(other, adapters[1]), x), results[1])
    assert len(traces) == 1
    many = jax.tree.map(lambda *leaves: jnp.stack(leaves), *adapters)
    together = eqx.filter_vmap(lambda adapter: jax.vmap(with_adapter(one, adapter))(x))(many)
    np.testing.assert_allclose(together, jnp.stack(results), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["lora", "bottleneck"])
def test_files(kind, tmp_path):
    """The same bits come back, on the base alone that they were made for, in a file that holds nothing of it."""
    net, path = Small(), tmp_path / "region.safetensors"
    if kind == "lora":
        adapted = lora(net, where={"**/first": 3, "stem": 1}, alpha=2.0, rank_stabilised=True, train="head", key=KEY)
    else:
        adapted = bottleneck(net, where="blocks/*", width=3, train="head", key=KEY)
    adapted = stirred(adapted)
    write_adapter(path, adapted, {"region": "Alps"})
    about = read_about(path)
    assert about["base"] == fingerprint(net)
    assert about["about"] == {"region": "Alps"}
    assert path.stat().st_size < 8 * counts(adapted)[0] + 3000
    found = read_adapter(path, Small())
    assert found.recipe == adapted.recipe
    assert fingerprint(found) == fingerprint(adapted)
    assert jax.tree.structure(found) == jax.tree.structure(adapted)
    with pytest.raises(
        ValueError, match=f"another base: its SHA-256 is {fingerprint(net)}, that of the one given {fingerprint(Small(1))}"
    ):
        read_adapter(path, Small(1))
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(ValueError, match="truncated"):
        read_adapter(path, net)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ValueError, match="SHA-256"):
        read_adapter(path, net)
    path.write_bytes(whole.replace(b"alpha", b"alphb"))
    with pytest.raises(ValueError, match="unknown"):
        read_adapter(path, net)
    path.write_bytes(b"no such thing")
    with pytest.raises(ValueError, match="no file of weights"):
        read_adapter(path, net)
    write_weights(path, net)
    with pytest.raises(ValueError, match="whole network, no adapters"):
        read_adapter(path, net)


class Tokens(eqx.Module):
    layer: eqx.nn.Linear

    def __call__(self, x):
        return jax.vmap(self.layer)(x)


def test_bottlenecks_of_tokens_and_of_maps():
    """After a dense layer and the convolution of one node that it is: the same numbers, those of the formula, to rounding."""
    dense = eqx.nn.Linear(3, 5, key=KEY)
    weights = (dense.weight[:, :, None, None], dense.bias[:, None, None])
    convolution = eqx.tree_at(lambda layer: (layer.weight, layer.bias), eqx.nn.Conv2d(3, 5, 1, key=KEY), weights)
    tokens = stirred(bottleneck({"mlp": Tokens(dense)}, where="mlp", width=2, key=KEY)).network["mlp"]
    maps = stirred(bottleneck({"mlp": convolution}, where="mlp", width=2, key=KEY)).network["mlp"]
    x = jax.random.normal(KEY, (4, 3))
    y = jax.vmap(dense)(x)
    hidden = jax.nn.gelu(jax.vmap(tokens.down)(y), approximate=False)
    np.testing.assert_allclose(tokens(x), y + jax.vmap(tokens.up)(hidden), rtol=0, atol=1e-14)
    np.testing.assert_allclose(maps(x.T[:, :, None])[:, :, 0].T, tokens(x), rtol=0, atol=1e-14)


def linear_with(weight):
    return eqx.tree_at(lambda layer: layer.weight, eqx.nn.Linear(2, 2, key=KEY), weight)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: lora(Small(), rank=0, key=KEY), "`rank` = 0"),
        (lambda: lora(Small(), where={"**": -1}, key=KEY), r"gives '\*\*' the rank -1"),
        (lambda: lora(Small(), where={"**": 0}, key=KEY), "nothing would be trained"),
        (lambda: lora(Small(), where=(), key=KEY), "no pattern"),
        (lambda: lora(Small(), alpha=0.0, key=KEY), "`alpha` = 0"),
        (
            lambda: lora(Small(), where="**/attention/*", key=KEY),
            r"matches no dense layer or convolution; there are 'stem', 'blocks/0/first'",
        ),
        (lambda: lora(Small(), where=["stem", "bloks/**"], key=KEY), "'bloks/.*' matches no"),
        (lambda: lora(Small(), train="haed", key=KEY), "`train` = 'haed' matches nothing"),
        (lambda: lora(lora(Small(), key=KEY), key=KEY), "adapters already"),
        (lambda: bottleneck(Small(), where="stem", width=0, key=KEY), "`width` = 0"),
        (lambda: bottleneck(Small(), where="blocks/0/norm", key=KEY), "no module with a layer"),
        (lambda: merge(bottleneck(Small(), where="stem", key=KEY)), "cannot be merged"),
        (lambda: unmerge(Small()), r"unmerge\(merged, adapted\)"),
        (lambda: unmerge(eqx.nn.Linear(2, 2, key=KEY), lora(Small(), key=KEY)), "not the base"),
        (lambda: with_adapter(Small(), Small()), "adapters_of"),
        (
            lambda: with_adapter(eqx.nn.Linear(2, 2, key=KEY), adapters_of(lora(eqx.nn.Linear(2, 3, key=KEY), key=KEY))),
            r"up.weight is \(3, 2\) there, \(2, 2\) here",
        ),
        (lambda: low_rank(linear_with(jnp.ones((3, 2, 2))), 1, 1.0, key=KEY), "a stack of layers"),
    ],
)
def test_errors(call, match):
    with pytest.raises(ValueError, match=match):
        call()


def test_a_module_that_gives_something_else():
    """Whose last layer does not tell its features: said when it is called."""

    class Odd(eqx.Module):
        layer: eqx.nn.Linear

        def __call__(self, x):
            return self.layer(x)[:1]

    with pytest.raises(ValueError, match=r"a Odd gives \(1,\), but its last layer 2 features"):
        bottleneck({"odd": Odd(eqx.nn.Linear(2, 2, key=KEY))}, where="odd", key=KEY).network["odd"](jnp.ones(2))
