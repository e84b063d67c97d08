"""The free surface z = 0 of a fluid, by images.

The pressure (or the scalar field) vanishes there and continues oddly above; the vertical velocity continues evenly. With these
images the staggered differences stay each other's negative transposes and the second difference stays symmetric, so that a
reverse sweep needs nothing else (Robertsson 1996, Geophysics 61, 1921, doi:10.1190/1.1444107).
"""

import jax.numpy as jnp
from jaxtyping import Array


def mirror(field: Array, halo: int, *, odd: bool) -> Array:
    """Fill the halo above row 0 of `(shot, z, ...)` with images.

    Args:
        field: `(shot, *haloed)`.
        halo: Cells of halo.
        odd: True for a field on the nodes that vanishes on row 0; False for an even one half a cell below the nodes.

    Returns:
        The field with its top halo rewritten.
    """
    image = -jnp.flip(field[:, halo + 1 : 2 * halo + 1], 1) if odd else jnp.flip(field[:, halo : 2 * halo], 1)
    return field.at[:, :halo].set(image)
