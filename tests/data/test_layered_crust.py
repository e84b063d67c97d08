"""The embedded default medium."""

import numpy as np
import pytest

from adseis.data.layered_crust import ELLIPSES, SPEEDS, layered_crust


def test_layers_and_ellipses():
    """The layers change with depth only and hold the named speeds; the ellipses change them by 8 % to float64 rounding."""
    true, initial = layered_crust(shape=(65, 131), spacing=100.0, dtype="float64")
    np.testing.assert_array_equal(initial, np.broadcast_to(initial[:, :1], initial.shape))
    assert tuple(np.unique(initial)) == SPEEDS
    assert (np.diff(initial[:, 0]) >= 0).all()
    np.testing.assert_allclose(np.unique((true / initial - 1).round(12)), [-0.08, 0.0, 0.08])


@pytest.mark.parametrize("spacing", [50.0, (50.0, 80.0)])
def test_areas(spacing):
    """Four ellipses that nowhere touch have together the area pi a b each; counting cells errs by the rims, under 2 % here."""
    shape = (301, 603)
    true, initial = layered_crust(shape=shape, spacing=spacing)
    dz, dx = np.broadcast_to(spacing, 2)
    depth = dz * (shape[0] - 1)
    for sign in (1, -1):
        area = sum(np.pi * a * b * depth**2 for _, _, a, b, _, s in ELLIPSES if s == sign)
        np.testing.assert_allclose((sign * (true - initial) > 0).sum() * dz * dx, area, rtol=0.02)
    rim = np.concatenate([(true != initial)[edge] for edge in (0, -1)] + [(true != initial)[:, edge] for edge in (0, -1)])
    assert not rim.any()


def test_dtype_and_no_anomaly():
    true, initial = layered_crust(shape=(20, 30), anomaly=0.0)
    assert true.dtype == initial.dtype == np.float32
    np.testing.assert_array_equal(true, initial)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"interfaces": (0.5,)}, "5 `speeds` need 4"),
        ({"interfaces": (0.5, 0.4, 0.6, 0.7)}, "increasing `interfaces`"),
        ({"anomaly": 1.0}, "`anomaly` = 1.0 within"),
        ({"speeds": (1.0, 2.0, -3.0, 4.0, 5.0)}, "must be positive"),
        ({"shape": (1, 30)}, r"`shape` = \(1, 30\)"),
    ],
)
def test_faults(options, message):
    with pytest.raises(ValueError, match=message):
        layered_crust(**options)
