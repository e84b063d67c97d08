"""Keys and shapes of GlobalTomo's HDF5 files, as data: what readers examine and writers make.

| file | keys |
|---|---|
| seis | `disp` (N, 37, 37, 3, 150), `station_coords_spherical` and `station_coords_cartesian` (N, 37, 37, 3), `time` (N, 150) |
| wf_slice | `X` (N, 15, 16, E) or `disp` (N, 15, 16, E, 3), `element_coords_cartesian` (16, E, 3) [m], `timestep` (N, 15) [s] |
| wf_fourier | `X_coef` (N, 15, E, 16) or (N, 15, E, 48), `element_coords_sz` (E, 2) [m] |
| ..._source | `source` (N, 6) or (N, 9) |

and `harmonics` (N, 405), (N, 1215) or (N, 5427) in the first three.
"""

from typing import NamedTuple

from adseis.data.globaltomo_tiers import TIERS, Tier, What

HARMONICS = "harmonics"
ORDER = "order"
"""Attribute of packed displacements that says which runs fast, number or component."""
Shape = tuple[int | None, ...]
"""Sizes; None stands for the number of elements."""


class Beside(NamedTuple):
    """An array that tells where or when the samples of a file are.

    Attributes:
        key: Its name.
        shape: Of one sample.
        per_sample: Whether there is one for every sample, alike, as the published loader expects; readers take either.
        needed: Whether a file without it is damaged.
        unit: Its unit.
    """

    key: str
    shape: Shape
    per_sample: bool
    needed: bool = True
    unit: str = "m"


class Layout(NamedTuple):
    """What a file holds.

    Attributes:
        what: Which attribute of a sample.
        keys: Names that its array may have; the first is written.
        shapes: Of a row, as it may be stored, all of as many numbers in the same order; the first is written and returned.
        unit: Of the array.
        beside: What stands beside it.
        harmonics: Shape of a row of harmonics; None if there are none.
    """

    what: What
    keys: tuple[str, ...]
    shapes: tuple[Shape, ...]
    unit: str
    beside: tuple[Beside, ...] = ()
    harmonics: Shape | None = None

    @property
    def key(self) -> str:
        """The name that is written."""
        return self.keys[0]

    @property
    def shape(self) -> Shape:
        """Of a row, as it is written and returned."""
        return self.shapes[0]

    def sized(self, elements: int | None) -> tuple[int, ...]:
        """The shape of a row.

        Args:
            elements: How many there are; of no use for seismograms and sources.

        Returns:
            It, without unknowns.
        """
        return tuple(elements or 0 if size is None else size for size in self.shape)


def layout_of(tier: Tier, what: What) -> Layout:
    """What files of a tier hold.

    Args:
        tier: Which.
        what: Which of its files.

    Returns:
        Keys and shapes.
    """
    structure = (tier.coefficients,)
    wave = "m" if tier.vector else "Pa s^2"
    components = (3,) if tier.vector else ()
    if what == "seismogram":
        beside = (
            Beside("station_coords_spherical", (*tier.stations, 3), True, unit="m rad rad"),
            Beside("station_coords_cartesian", (*tier.stations, 3), True),
            Beside("time", (tier.samples,), True, unit="s"),
        )
        return Layout(what, ("disp",), ((*tier.stations, 3, tier.samples),), "m", beside, structure)
    if what == "slices":
        beside = (
            Beside("element_coords_cartesian", (tier.slices, None, 3), False),
            Beside("timestep", (tier.snapshots,), True, needed=False, unit="s"),
        )
        return Layout(what, (tier.field,), ((tier.snapshots, tier.slices, None, *components),), wave, beside, structure)
    if what == "fourier":
        beside = (Beside("element_coords_sz", (None, 2), False),)
        if not tier.vector:
            return Layout(what, ("X_coef",), ((tier.snapshots, None, tier.numbers),), wave, beside, structure)
        shapes = (tier.snapshots, None, 3 * tier.numbers), (tier.snapshots, None, tier.numbers, 3)
        return Layout(what, ("X_coef", "disp_coef"), shapes, wave, beside, structure)
    return Layout(what, ("source",), ((tier.source,),), "1")


def elements_in(shape: tuple[int, ...], wanted: Shape) -> int | None:
    """How many elements an array has, if its shape is the one that is wanted.

    Args:
        shape: Of the array.
        wanted: Sizes, None for the elements.

    Returns:
        Their number, 0 where the shape has none; None if the shape is another.
    """
    if len(shape) != len(wanted) or any(size not in (None, given) for given, size in zip(shape, wanted, strict=True)):
        return None
    return next((given for given, size in zip(shape, wanted, strict=True) if size is None), 0)


def tiers_of(coefficients: int) -> list[str]:
    """The tiers whose structures have so many numbers.

    Args:
        coefficients: How many.

    Returns:
        Their names.
    """
    return [name for name, tier in TIERS.items() if tier.coefficients == coefficients]


def told(shape: Shape) -> str:
    """A shape in words.

    Args:
        shape: Of a row.

    Returns:
        Such as "(samples, 15, 16, elements)".
    """
    return f"({', '.join(['samples', *('elements' if size is None else str(size) for size in shape)])})"
