"""Maps in the style of OpenFWI's ten families, drawn here: layers, folds, faults and smoothed noise.

OpenFWI never released what drew its maps. These have its sizes, range and character, not its numbers: call them "OpenFWI-style".
"""

import difflib
import functools
import zlib
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float, Key

from adseis.data.openfwi_survey import SHAPE

RECIPE = 1
"""To be raised when what is drawn changes: data that were begun by another recipe are not gone on with."""
LOW, HIGH = 1500.0, 4500.0
"""Between these lie all speeds [m/s]."""
MOST_LAYERS, MOST_FAULTS, FOLDS = 8, 3, 2
CONTRAST = 80.0
"""Least difference between the speeds of two layers of a map [m/s]."""
THINNEST = 0.3
"""Least weight of a layer's thickness, of 1."""


class Layers(NamedTuple):
    """A family of layered maps.

    Attributes:
        name: Such as "curve-fault-b".
        layers: Fewest and most layers.
        faster_below: Whether speed increases with depth; else layers lie in any order.
        folded: Whether interfaces are waves; else they are flat.
        faults: Fewest and most faults.
        fine: A node is the mean of this many points along each axis.
    """

    name: str
    layers: tuple[int, int]
    faster_below: bool
    folded: bool = False
    faults: tuple[int, int] = (0, 0)
    fine: int = 1


class Style(NamedTuple):
    """A family of smooth random maps upon a linear trend with depth.

    Attributes:
        name: Such as "style-a".
        length: l of the correlation exp(-d^2 / (2 l^2)) [nodes].
        deviation: Standard deviation of the field, in the mean over maps [m/s].
        noise: That of the noise upon it, node by node [m/s].
        slope: That of the trend, in the mean over maps [m/s per row]; at most three quarters of what the range has room for.
    """

    name: str
    length: float
    deviation: float
    noise: float
    slope: float


Family = Layers | Style

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Layers("flat-vel-a", (4, 8), True),
        Layers("flat-vel-b", (4, 8), False),
        Layers("curve-vel-a", (4, 8), True, folded=True),
        Layers("curve-vel-b", (4, 8), False, folded=True),
        Layers("flat-fault-a", (2, 4), True, faults=(1, 1), fine=4),
        Layers("flat-fault-b", (6, 8), True, faults=(2, 3)),
        Layers("curve-fault-a", (2, 4), True, folded=True, faults=(1, 1), fine=4),
        Layers("curve-fault-b", (6, 8), True, folded=True, faults=(2, 3)),
        Style("style-a", 3.5, 183.0, 0.0, 31.0),
        Style("style-b", 2.0, 158.0, 58.0, 92.0),
    )
}
"""Name -> family."""


def family_named(name: str) -> Family:
    """A family by its name.

    Args:
        name: Such as "curve-fault-b", "CurveFault-B" or "curvefault_b".

    Returns:
        The family.

    Raises:
        ValueError: If there is none, with the nearest names.
    """
    plain = {known.replace("-", ""): known for known in FAMILIES}
    wanted = "".join(letter for letter in name.lower() if letter.isalnum())
    if wanted in plain:
        return FAMILIES[plain[wanted]]
    near = [plain[match] for match in difflib.get_close_matches(wanted, plain, n=3, cutoff=0.6)]
    told = f"the nearest are {', '.join(near)}" if near else f"there are {', '.join(FAMILIES)}"
    raise ValueError(f"no family {name!r}; {told}.")


def draw(family: Family, key: Key[Array, ""]) -> Float[Array, "z x"]:
    """One map of a family, the same whenever its key is.

    Compiles under `jax.jit`, where `family` is static, and batches under `jax.vmap` (maps of style then agree to rounding, the
    others to the last bit). It is compiled by itself too, once for all families of layers.

    Args:
        family: Of `FAMILIES`, or another of these kinds.
        key: Of `jax.random.key`.

    Returns:
        P-wave speed [m/s], `(70, 70)`, in float32; whole numbers where every node belongs to one layer.

    Example:
        >>> from adseis.data.openfwi_families import FAMILIES, draw
        >>> draw(FAMILIES["flat-vel-a"], jax.random.key(0)).shape
        (70, 70)
    """
    if isinstance(family, Layers):
        ends = np.array([*family.layers, *family.faults], np.float32)
        kind = np.array([family.faster_below, family.folded])
        return _layered(key, ends, kind, fine=family.fine)
    numbers = np.array([family.deviation, family.noise, family.slope], np.float32)
    return _styled(key, numbers, length=family.length)


def key_of(family: Family, seed: int, sample: int) -> Key[Array, ""]:
    """The key of a sample, whoever draws it and in whatever company.

    Args:
        family: The family, whose name counts.
        seed: Of the whole.
        sample: Its number.

    Returns:
        The key for `draw`.
    """
    of_family = jax.random.fold_in(jax.random.key(seed), np.uint32(zlib.crc32(family.name.encode())))
    return jax.random.fold_in(of_family, np.uint32(sample))


class _Chance(NamedTuple):
    """Numbers between 0 and 1, all that a layered map needs: drawn at once, which compiles ten times sooner."""

    layers: Array
    thickness: Array
    speed: Array
    order: Array
    fold: Array
    faults: Array
    fault: Array

    @staticmethod
    def of(key: Key[Array, ""]) -> "_Chance":
        shapes = ((), (MOST_LAYERS,), (MOST_LAYERS,), (MOST_LAYERS,), (3, FOLDS), (), (6, MOST_FAULTS))
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        parts = jnp.split(jax.random.uniform(key, (int(ends[-1]),), jnp.float32), ends[:-1])
        return _Chance(*(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)))


def _between(chance: Array, low: float, high: float) -> Array:
    return np.float32(low) + np.float32(high - low) * chance


def _count(chance: Array, fewest: Array, most: Array) -> Array:
    """A whole number, all as likely."""
    return jnp.minimum(fewest + jnp.floor(chance * (most - fewest + np.float32(1))), most)


@functools.partial(jax.jit, static_argnames="fine")
def _layered(key: Key[Array, ""], ends: Array, kind: Array, *, fine: int) -> Array:
    """Where every point lay before folds and faults, and the layer that it belongs to.

    Args:
        key: Of the map.
        ends: Fewest and most layers, fewest and most faults.
        kind: Whether it is faster below, and folded.
        fine: Points along each axis of a node.
    """
    chance = _Chance.of(key)
    speeds, interfaces = _stack(chance, _count(chance.layers, ends[0], ends[1]), kind[0])
    z, x = ((jnp.arange(n * fine, dtype=jnp.float32) + np.float32(0.5)) / np.float32(fine) for n in SHAPE)
    z, x = jnp.meshgrid(z, x, indexing="ij")
    z, x = _before_faults(chance.fault, _count(chance.faults, ends[2], ends[3]), z, x)
    z = z - jnp.where(kind[1], _folds(chance.fold, x), np.float32(0))
    values = jnp.full_like(z, speeds[0])
    for interface, below in zip(interfaces, speeds[1:], strict=True):
        values = jnp.where(z > interface, below, values)
    if fine > 1:
        corners = values.reshape(SHAPE[0], fine, SHAPE[1], fine)
        values = sum(corners[:, i, :, j] for i in range(fine) for j in range(fine)) / np.float32(fine**2)
    return jnp.clip(values, np.float32(LOW), np.float32(HIGH))


def _stack(chance: _Chance, count: Array, faster_below: Array) -> tuple[Array, Array]:
    """Speeds of the layers, and depths of the interfaces below them [rows]; those that there are not lie infinitely deep."""
    index = jnp.arange(MOST_LAYERS, dtype=jnp.float32)
    there = index < count
    weights = jnp.where(there, _between(chance.thickness, THINNEST, 1.0), np.float32(0))
    bottoms = jnp.cumsum(weights) / jnp.sum(weights) * np.float32(SHAPE[0])
    interfaces = jnp.where(index < count - np.float32(1), bottoms, np.float32(np.inf))[:-1]
    # Sorted numbers of a range that is shorter by all contrasts: with these between them they are just as random.
    spare = np.float32(HIGH - LOW) - np.float32(CONTRAST) * (count - np.float32(1))
    drawn = jnp.where(there, chance.speed, np.float32(2))
    place = _rank(drawn)
    speeds = jnp.round(np.float32(LOW) + drawn * spare + np.float32(CONTRAST) * place)
    order = jnp.where(faster_below, place, _rank(jnp.where(there, chance.order, np.float32(2))))
    return jnp.sum(jnp.where(order[None] == index[:, None], speeds[None], np.float32(0)), 1), interfaces


def _rank(values: Array) -> Array:
    """How many of the values are less than each, of equal ones those before it."""
    index = np.arange(MOST_LAYERS)
    less = (values[None] < values[:, None]) | ((values[None] == values[:, None]) & (index[None] < index[:, None]))
    return jnp.sum(less, 1, dtype=jnp.float32)


def _folds(chance: Array, x: Array) -> Array:
    """How far interfaces lie deeper [rows]: waves A sin(2 pi x / wavelength + phase), the second weaker than the first."""
    heights = _between(chance[0], 3.0, 9.0) * np.array([1.0, 0.5], np.float32)
    wavelengths, phases = _between(chance[1], 25.0, 100.0), _between(chance[2], 0.0, 2 * np.pi)
    waves = (heights[i] * jnp.sin(np.float32(2 * np.pi) / wavelengths[i] * x + phases[i]) for i in range(FOLDS))
    return functools.reduce(jnp.add, waves)


def _before_faults(chance: Array, count: Array, z: Array, x: Array) -> tuple[Array, Array]:
    """Where every point was before the faults: what hangs above each has slid along it. The latest is undone first."""
    across, depth = _between(chance[0], 0.15, 0.85) * np.float32(SHAPE[1]), _between(chance[1], 0.2, 0.8) * np.float32(SHAPE[0])
    dip = _between(chance[2], 50.0, 80.0) * np.float32(np.pi / 180)
    leaning, upwards = (np.float32(1) - np.float32(2) * jnp.round(chance[i]) for i in (3, 4))
    throw = _between(chance[5], 6.0, 18.0) * upwards
    for i in range(MOST_FAULTS):
        down_x, down_z = leaning[i] * jnp.cos(dip[i]), jnp.sin(dip[i])
        hangs = leaning[i] * ((x - across[i]) * down_z - (z - depth[i]) * down_x) > 0
        slid = jnp.where(hangs & (i < count), throw[i], np.float32(0))
        z, x = z - slid * down_z, x - slid * down_x
    return z, x


@functools.partial(jax.jit, static_argnames="length")
def _styled(key: Key[Array, ""], numbers: Array, *, length: float) -> Array:
    """A smooth field upon a trend; its strength is drawn for each map too, for that of real ones varies.

    Args:
        key: Of the map.
        numbers: Deviation, noise and slope of the family.
        length: Of the correlation.
    """
    deviation, noise, slope = numbers
    reach = int(np.ceil(2.5 * length))
    height, width = (n + 2 * reach for n in SHAPE)
    drawn = jax.random.normal(key, (3 + height * width + SHAPE[0] * SHAPE[1],), jnp.float32)
    chance, white, grain = jnp.split(drawn, [3, 3 + height * width])
    steep, middle, strength = (lax.erf(chance / np.float32(2**0.5)) + np.float32(1)) / np.float32(2)
    most = np.float32((HIGH - LOW) / (SHAPE[0] - 1))
    steepness = jnp.minimum(slope, np.float32(0.75) * most) * _between(steep, 0.67, 1.33)
    room = np.float32((HIGH - LOW) / 2) - steepness * np.float32((SHAPE[0] - 1) / 2)
    rows = jnp.arange(SHAPE[0], dtype=jnp.float32) - np.float32((SHAPE[0] - 1) / 2)
    trend = np.float32((LOW + HIGH) / 2) + room * _between(middle, -1.0, 1.0) + steepness * rows
    field = deviation * _between(strength, 0.3, 1.7) * _smooth(white.reshape(height, width), length, reach)
    values = trend[:, None] + field + noise * grain.reshape(SHAPE)
    return jnp.clip(values, np.float32(LOW), np.float32(HIGH))


def _smooth(white: Array, length: float, reach: int) -> Array:
    """White noise under exp(-d^2 / l^2): a field of unit variance with the correlation exp(-d^2 / (2 l^2))."""
    weights = np.exp(-((np.arange(-reach, reach + 1) / length) ** 2))
    weights = (weights / np.sqrt(np.sum(weights**2))).astype("float32")
    # Sums of shifted arrays, not a product of matrices, whose order of summation may depend on the batch and on the device.
    down = (w * lax.slice_in_dim(white, i, i + SHAPE[0], axis=0) for i, w in enumerate(weights))
    smooth = functools.reduce(jnp.add, down)
    return functools.reduce(jnp.add, (w * lax.slice_in_dim(smooth, i, i + SHAPE[1], axis=1) for i, w in enumerate(weights)))
