"""What is recorded, as weights at points: no wave runs here (test_elastic.py compares records with exact fields)."""

import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads
from adseis.timeloop.equation import Points
from adseis.waves.records import Quantity, RecordTerm, combined, joined, shifted, slope

RECEIVERS = np.array([[[3.0, -2.0], [10.0, 7.0], [1.0, 1.0]], [[0.0, 4.0], [5.0, 5.0], [2.0, -9.0]]])


def taken(quantity, fields, receivers=RECEIVERS):
    """A quantity of fields that are functions of positions, `(shot, receiver)`."""
    return sum(np.asarray(t.weight) * fields[t.field](shifted(receivers, t.shift)) for t in quantity.terms)


def test_shifted():
    """A shift of all, or one for each receiver; no shift is no change, and float32 stays."""
    assert shifted(RECEIVERS, None) is RECEIVERS
    np.testing.assert_array_equal(shifted(RECEIVERS, (1.0, -2.0)), RECEIVERS + np.array([1.0, -2.0])[None, None])
    each = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(shifted(jnp.asarray(RECEIVERS), each), RECEIVERS + each[None])
    assert shifted(RECEIVERS.astype(np.float32), each).dtype == np.float32


def test_field():
    """A field is itself, once."""
    assert Quantity.field("vz") == Quantity((RecordTerm("vz"),), False)
    assert Quantity.field("vz", integrated=True).integrated
    np.testing.assert_array_equal(taken(Quantity.field("vz"), {"vz": lambda x: x[..., 0]}), RECEIVERS[..., 0])


@pytest.mark.parametrize("order", [2, 4, 6, 8])
def test_slope(order):
    """The derivative of a polynomial, exact to rounding up to the degree of the order and not beyond; the other axis and
    the spacing play their parts."""
    spacing = (2.0, 0.5)
    for axis in (0, 1):
        for degree, exact in ((order, True), (order + 1, False)):
            field = lambda x, axis=axis, degree=degree: x[..., axis] ** degree + 3 * x[..., 1 - axis] ** 2  # noqa: E731
            wanted = -2.0 * degree * RECEIVERS[..., axis] ** (degree - 1)
            got = taken(Quantity(slope("vx", axis, spacing, order, sign=-2.0)), {"vx": field})
            assert bool(np.max(np.abs(got - wanted)) < 1e-11 * np.max(np.abs(wanted))) == exact


@pytest.mark.parametrize("bent", [False, True])
def test_fibre(bent):
    """In a field that is linear in space, v = A x, its strain rate is d A d whatever the gauge length; directions of any length.
    Rounding."""
    a = np.array([[0.3, -1.0], [0.4, 0.9]])
    direction = np.array([[3.0, 4.0], [-2.0, 0.0], [0.1, 0.1]])[slice(None) if bent else 0]
    fibre = ads.Fibre(direction, 5.0)
    d = np.broadcast_to(direction / np.linalg.norm(direction, axis=-1, keepdims=True), (3, 2))
    fields = {f"v{k}": lambda x, i=i: x @ a[i] for i, k in enumerate("zx")}
    got = taken(fibre.quantity(("vz", "vx"), 3), fields)
    np.testing.assert_allclose(got, np.broadcast_to(np.sum((d @ a) * d, -1), (2, 3)), rtol=1e-13)
    begin, end = fibre.ends(RECEIVERS)
    np.testing.assert_allclose(end - begin, np.broadcast_to(5.0 * d, (2, 3, 2)), atol=1e-14)
    np.testing.assert_allclose((end + begin) / 2, RECEIVERS, atol=1e-14)


def test_fibre_is_a_setting():
    """It is part of `record`, which is static: hashable, and equal where its numbers are; a direction along an axis has no terms
    of the other velocities."""
    one, two = ads.Fibre(np.array([0.0, 1.0]), 10), ads.Fibre([0, 1], 10.0)
    assert one == two
    assert hash(one) == hash(two)
    assert {t.field for t in one.quantity(("vz", "vx"), 4).terms} == {"vx"}


@pytest.mark.parametrize(
    ("fibre", "match"),
    [
        (lambda: ads.Fibre((0.0, 0.0), 5.0), r"`direction` = \(0.0, 0.0\) must be \(axis,\) or \(receiver, axis\), finite"),
        (lambda: ads.Fibre((np.nan, 1.0), 5.0), "`direction` = .* finite and not zero"),
        (lambda: ads.Fibre((0.0, 1.0), 0.0), "`gauge_length` = 0.0 m must be positive"),
        (lambda: ads.Fibre((0.0, 1.0, 0.0), 5.0).quantity(("vz", "vx"), 3), r"`direction` \(3,\) of the Fibre must be \(2,\), or \(3, 2\)"),  # noqa: E501
        (lambda: ads.Fibre(np.ones((4, 2)), 5.0).quantity(("vz", "vx"), 3), r"`direction` \(4, 2\) of the Fibre must be"),
    ],
    ids=["zero", "nan", "gauge", "axes", "receivers"],
)  # fmt: skip
def test_faults(fibre, match):
    with pytest.raises(ValueError, match=match):
        fibre()


def test_combined():
    """Quantities that share fields, of unequal numbers of taps: what the recipes say to sum is the sum of the terms."""
    rng = np.random.default_rng(0)
    fields = {name: rng.random((2, 50)) for name in ("a", "b")}
    points = lambda taps: Points(jnp.asarray(rng.integers(0, 50, (2, 3, taps))), jnp.asarray(rng.random((2, 3, taps))))  # noqa: E731
    quantities = [[("a", points(1))], [("a", points(8)), ("b", points(4)), ("a", points(2))], [("b", points(1))]]

    def values(name, p):
        return np.sum(np.take_along_axis(fields[name][:, None], np.asarray(p.nodes), 2) * p.weights, -1)

    everything, recipes = combined(quantities)
    records = {name: values(name, p) for name, p in everything.items()}
    for terms, recipe in zip(quantities, recipes, strict=True):
        got = sum(records[name][:, part] for name, part in recipe)
        np.testing.assert_allclose(got, sum(values(name, p) for name, p in terms), rtol=1e-13)
    assert {name: p.nodes.shape for name, p in everything.items()} == {"a": (2, 6, 10), "b": (2, 6, 4)}


def test_joined():
    """Points in their order; taps that fill up weigh nothing."""
    one, two = (Points(jnp.full((1, 2, n), n), jnp.full((1, 2, n), float(n))) for n in (1, 3))
    both = joined([one, two])
    np.testing.assert_array_equal(both.weights[0], [[1, 0, 0], [1, 0, 0], [3, 3, 3], [3, 3, 3]])
