"""Files of ranges of ids joined into one of all, as the acoustic tiers have them."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from adseis.data.globaltomo_discovery import Part, parts_of
from adseis.data.globaltomo_files import Handles
from adseis.data.globaltomo_layout import HARMONICS
from adseis.data.globaltomo_tiers import KINDS, Tier, What, tier_named
from adseis.data.globaltomo_writing import ENERGY, LEFT_OUT, make_array
from adseis.data.synthesis import MANIFEST, read_manifest
from adseis.files import written_whole

VERSIONS = "versions"


def join(folder: str | os.PathLike[str], tier: str | Tier = "acoustic", *, what: Sequence[What] | None = None) -> list[Path]:
    """Join what a tier keeps in single files: `seis/seis_00000_00100.h5`, ... into `seis.h5`, beside which the former stay.

    Rows are read, their checksums with them, and written one by one, into a file that appears when it is whole: killed and
    started again, it leaves the same bytes. It takes as much room again as the files that are joined.

    Args:
        folder: Where they are.
        tier: Which tier.
        what: What is joined; by default all that the tier keeps in one file and that is here.

    Returns:
        The files that were written.

    Raises:
        FileNotFoundError: If there is nothing to join.
        ValueError: If a file is damaged, ids are missing, the run that makes them is not finished, or files differ in what they
            say beside their samples.
        OSError: If a file cannot be written.
    """
    folder, tier = Path(folder), tier_named(tier)
    wanted = tier.singles() if what is None else what
    found: dict[What, list[Part]] = {}
    for one in wanted:
        found[one] = parts_of(folder, tier, one, shards=True)
    absent = [one for one, parts in found.items() if not parts]
    if len(absent) == len(found) or (absent and what is not None):
        names = ", ".join(f"{KINDS[one]}/" for one in wanted if not found[one]) or "none: all stay in ranges"
        raise FileNotFoundError(f"`folder` = {folder} has nothing to join for tier {tier.name!r}; looked for files in {names}.")
    samples = _refuse_unfinished(folder)
    for parts in found.values():
        _refuse_gaps(parts, samples)
    return [_joined(folder / tier.file(one), parts) for one, parts in found.items() if parts]


def _joined(path: Path, parts: Sequence[Part]) -> Path:
    handles, first = Handles(), parts[0].file
    keys = [(first.key, True)] + ([(HARMONICS, True)] if first.layout.harmonics else [])
    for beside in first.layout.beside:
        shape = handles.shape(first.path, beside.key)
        if shape is not None:
            keys.append((beside.key, len(shape) > len(beside.shape)))
    about = {key: _agreed(handles, parts, key) for key, _ in keys}
    with written_whole(path) as partial, h5py.File(partial, "w") as file:
        file.attrs.update(_agreed(handles, parts, None))
        for key, rows in keys:
            shape = handles.shape(first.path, key) or ()
            total = (parts[-1].end, *shape[1:]) if rows else shape
            array = make_array(file, key, total, about[key], rows=rows)
            if rows:
                _copy_rows(handles, parts, key, array)
            else:
                array[...] = _same(handles, parts, key, shape)
    return path


def _copy_rows(handles: Handles, parts: Sequence[Part], key: str, array: h5py.Dataset) -> None:
    held = np.empty(array.shape[1:], np.float32)
    for part in parts:
        for row in range(part.file.samples):
            handles.copy(part.file.path, key, row, held)
            array[part.first + row] = held


def _same(handles: Handles, parts: Sequence[Part], key: str, shape: tuple[int, ...]) -> np.ndarray:
    """An array that stands once in each file, and must be the same in all."""
    one, other = np.empty((2, *shape), np.float32)
    handles.copy(parts[0].file.path, key, None, one)
    for part in parts[1:]:
        handles.copy(part.file.path, key, None, other)
        if not np.array_equal(one, other):
            raise ValueError(f"`{part.file.path}` and {parts[0].file.path.name} differ in `{key}`. Keep them in two folders.")
    return one


def _agreed(handles: Handles, parts: Sequence[Part], key: str | None) -> dict[str, Any]:
    """What all files say of themselves, or of an array; versions may differ, and energies add up."""
    told = [dict(handles.attributes(part.file.path, key)) for part in parts]
    together: dict[str, Any] = {}
    if VERSIONS in told[0]:
        distinct = list(dict.fromkeys(one.pop(VERSIONS, "") for one in told))
        together[VERSIONS] = distinct[0] if len(distinct) == 1 else json.dumps(distinct)
    if all(ENERGY in one for one in told):
        energy = np.sum([one.pop(ENERGY) for one in told], axis=0)
        together |= {ENERGY: energy, LEFT_OUT: energy[0] / energy[1] if energy[1] else 0.0}
        for one in told:
            one.pop(LEFT_OUT, None)
    for part, one in zip(parts, told, strict=True):
        unlike = [name for name in {**told[0], **one} if not _alike(told[0].get(name), one.get(name))]
        if unlike:
            raise ValueError(
                f"`{part.file.path}` and {parts[0].file.path.name} say other things of `{unlike[0]}`: {one.get(unlike[0])!r} and "
                f"{told[0].get(unlike[0])!r}. They are of two data sets: keep them in two folders."
            )
    return {**told[0], **together}


def _alike(one: Any, other: Any) -> bool:
    return bool(np.array_equal(np.asarray(one), np.asarray(other)))


def _refuse_unfinished(folder: Path) -> int | None:
    """Refuse what a synthesis has yet to go on with; how many samples one makes that is done, None where there was none."""
    manifest = read_manifest(folder)
    if manifest is None or "samples" not in manifest.get("settings", {}):
        return None
    done, samples = manifest.get("done", 0), manifest["settings"]["samples"]
    if done < samples:
        raise ValueError(
            f"`folder` = {folder} holds {done} of {samples} samples ({MANIFEST}). Repeat the command that makes them: it goes on "
            "with the rest. Then join."
        )
    return samples


def _refuse_gaps(parts: Sequence[Part], samples: int | None) -> None:
    end = 0
    for part in parts:
        if part.first != end:
            raise ValueError(
                f"`{part.file.path}` begins at id {part.first}, and ids {end} to {part.first - 1} are missing. Make them first."
            )
        end = part.end
    if parts and samples is not None and end != samples:
        raise ValueError(
            f"`{parts[-1].file.path}` is the last, ends at id {end - 1}, and {MANIFEST} tells of {samples} samples. Repeat the "
            "command that makes them."
        )
