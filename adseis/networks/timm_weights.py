"""Weights of timm's Swin Transformer V2, from a file that you have, into `SwinV2`."""

import os
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from adseis.networks.swin_v2 import SwinV2
from adseis.networks.weights import placed

RENAMED = {
    ".attn.": ".attention.",
    ".cpb_mlp.0.": ".offset_mlp.0.",
    ".cpb_mlp.2.": ".offset_mlp.1.",
    ".attention.proj.": ".attention.projection.",
    "patch_embed.proj.weight": "patch_embed.projection",
    "patch_embed.proj.bias": "patch_embed.bias",
    "layers_": "layers.",
}
"""Parts of timm's names, and ours."""

UNUSED = ("norm.", "head.", "relative_", "attn_mask", "k_bias")
"""Of a classifier, or tables that follow from shapes: passed over."""


def our_names(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays by the names of `SwinV2`.

    Args:
        arrays: By timm's names, of a classifier or of `features_only`.

    Returns:
        The same arrays without those that `SwinV2` does not need.
    """
    found = {}
    for name, array in arrays.items():
        if name.startswith(UNUSED) or name.rsplit(".", 1)[-1].startswith(UNUSED):
            continue
        for theirs, ours in RENAMED.items():
            name = name.replace(theirs, ours)
        found[name] = array
    return found


def load_timm(encoder: SwinV2, path: str | os.PathLike[str]) -> SwinV2:
    """Put timm's weights into an encoder.

    Args:
        encoder: Of the same size as theirs; the default is `swinv2_tiny_window8_256`.
        path: `model.safetensors` of timm, of a classifier or of `features_only`.

    Returns:
        The encoder with these weights, in the precision of its own.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no file of weights, or names or shapes differ.

    References:
        Wightman, R. (2019), PyTorch Image Models, doi:10.5281/zenodo.4414861
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file `{path}`.")
    try:
        arrays = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"`{path}` is no file of safetensors, or truncated ({error}).") from error
    return placed(encoder, our_names(arrays), path)
