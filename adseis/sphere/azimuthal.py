r"""The azimuthal Fourier basis: real, orthonormal, and what lives at the axis.

A field is u(s, z, phi) = sum_k q_k(s, z) e_k(phi) with e_0 = 1, e_{2a-1} = sqrt(2) cos(a phi), e_{2a} = sqrt(2) sin(a phi), a up
to the azimuthal order. Its complex coefficients, u = Re[c_0 + 2 sum_a c_a exp(i a phi)], are c_0 = q_0 and
c_a = (q_{2a-1} - i q_{2a}) / sqrt(2).
"""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float, Int

MARGIN, GROWTH = 3.0, 1.3
"""Near the axis, at a distance of s, only orders up to MARGIN + GROWTH k s are kept, k being the largest wave number: higher ones
are too small there to be seen, and their a / s would ask for a tiny time step (AxiSEM3D does likewise)."""


def orders(order: int) -> Int[np.ndarray, " component"]:
    """The a of every component: 0, 1, 1, 2, 2, ...

    Args:
        order: The largest.

    Returns:
        2 `order` + 1 numbers.
    """
    return np.concatenate([[0], np.repeat(np.arange(1, order + 1), 2)])


def azimuths(order: int) -> Float[np.ndarray, " azimuth"]:
    """Where products are taken: 2 `order` + 1 azimuths [rad], evenly spaced from 0."""
    return 2 * np.pi * np.arange(2 * order + 1) / (2 * order + 1)


def basis(phi: Float[Array, "*at"], order: int) -> Float[Array, "*at component"]:
    """e_k at some azimuths.

    Args:
        phi: Azimuths [rad]; differentiable.
        order: The largest a.

    Returns:
        The values of all components.
    """
    angle = phi[..., None] * np.arange(1, order + 1, dtype=phi.dtype).reshape(*[1] * phi.ndim, -1)
    waves = np.sqrt(2).astype(phi.dtype) * jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1)
    return jnp.concatenate([jnp.ones((*phi.shape, 1), phi.dtype), waves.reshape(*phi.shape, -1)], -1)


def turned(order: int) -> Float[np.ndarray, "component component"]:
    """The derivative by phi of a field, from its components to those of the derivative; skew-symmetric."""
    found = np.zeros((2 * order + 1, 2 * order + 1))
    for a in range(1, order + 1):
        found[2 * a - 1, 2 * a], found[2 * a, 2 * a - 1] = a, -a
    return found


def transform(order: int) -> Float[np.ndarray, "azimuth component"]:
    """From components to values at `azimuths`, over the root of their number: an orthogonal matrix."""
    angle = azimuths(order)[:, None] * np.arange(1, order + 1)
    waves = np.sqrt(2) * np.stack([np.cos(angle), np.sin(angle)], -1).reshape(len(angle), -1)
    return np.concatenate([np.ones((len(angle), 1)), waves], 1) / np.sqrt(len(angle))


def seen(s: Float[np.ndarray, " node"], order: int, wavenumber: float) -> np.ndarray:
    """Which orders are kept at a distance from the axis.

    Args:
        s: Distances [m].
        order: The largest a.
        wavenumber: The largest of the waves, k [rad / m].

    Returns:
        True for those up to `MARGIN` + `GROWTH` k s, `(node, component)`.
    """
    return orders(order) <= MARGIN + GROWTH * wavenumber * s[:, None]


def coefficients(field: Float[Array, "*at component"]) -> Complex[Array, "*at order"]:
    """The complex Fourier coefficients c_0, c_1, ... of components: u = Re[c_0 + 2 sum_a c_a exp(i a phi)]."""
    pairs = field[..., 1:].reshape(*field.shape[:-1], -1, 2)
    cosine, sine = jnp.moveaxis(pairs, -1, 0) / np.sqrt(2).astype(field.dtype)
    return jnp.concatenate([lax.complex(field[..., :1], jnp.zeros_like(field[..., :1])), lax.complex(cosine, -sine)], -1)
