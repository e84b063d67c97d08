"""What is compared: misfits of data, regularizers of models, and the objectives made of them.

`misfits` and `regularizers` are plain functions to a number; `Band` says which part of the data counts. A `Composite` shows its
parts, so that `curvature` can form Gauss-Newton products; `certify` tests the gradient of any objective. `space` is how
optimizers see the unknowns: one flat vector in its box.
"""

from adseis.objectives import misfits, regularizers
from adseis.objectives.bands import Band, filter_band
from adseis.objectives.certificate import Certificate
from adseis.objectives.certify import certify
from adseis.objectives.composite import Composite, relative_objective
from adseis.objectives.curvature import born, curvature_diagonal, curvature_product, gauss_newton_product, migrate
from adseis.objectives.layering import Layering, layered_variation, layering
from adseis.objectives.source_estimation import apply_filter, estimate_filter, with_estimated_source

__all__ = [
    "Band",
    "Certificate",
    "Composite",
    "Layering",
    "apply_filter",
    "born",
    "certify",
    "curvature_diagonal",
    "curvature_product",
    "estimate_filter",
    "filter_band",
    "gauss_newton_product",
    "layered_variation",
    "layering",
    "migrate",
    "misfits",
    "regularizers",
    "relative_objective",
    "with_estimated_source",
]
