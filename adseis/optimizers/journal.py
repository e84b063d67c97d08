"""The journal of a minimization: every evaluation on disk, so that a killed run resumes to the same iterates.

The optimizer is deterministic: fed the recorded values and gradients it walks the recorded path again without simulating, and
goes on where it was killed. The file is HDF5 with checksums. Each evaluation replaces it by a longer copy in one atomic rename,
so that it is complete under its name at every instant; the price is one sequential copy of the file per evaluation.

    /                        attributes: format, adseis, scipy, problem (JSON: hashes of x0 and bounds, method, settings)
    /evaluations/000000/     x_sha256, value, gradient0, gradient1, ... (one flat array per leaf, in its own precision)
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from adseis.files import check_writable, discard_partial, sha256, written_whole

FORMAT = "adseis-journal-1"


class Journal:
    """Evaluations of one minimization problem, appended to a file and read back. It has one writer.

    `len(journal)` is the number of evaluations on file.
    """

    def __init__(self, path: str | os.PathLike[str], problem: Mapping[str, str]):
        """Open the journal of `problem`, or prepare for a new one (nothing is written before the first evaluation).

        Args:
            path: HDF5 file; it need not exist.
            problem: What must not change between runs, by name: settings, and hashes of arrays.

        Raises:
            OSError: If the place cannot be written.
            ValueError: If the file is no intact journal, or belongs to another problem.
        """
        self.path = Path(path)
        self._problem = dict(problem)
        self._count = 0
        check_writable(self.path.parent)
        discard_partial(self.path)
        if self.path.exists():
            self._count = self._recognise()

    def __len__(self) -> int:
        return self._count

    def read(self, index: int, x: np.ndarray) -> tuple[float, list[np.ndarray]]:
        """Value and gradient of evaluation `index`.

        Args:
            index: Number of the evaluation, from zero.
            x: Where the optimizer asks for it now (float64).

        Returns:
            The value, and the flat gradient of every leaf.

        Raises:
            ValueError: If the file is damaged, or the evaluation on file was made at another point.
        """
        with self._opened() as file:
            group = file["evaluations"][f"{index:06d}"]
            recorded, value = bytes(group["x_sha256"][:]).hex(), float(group["value"][0])
            gradients = [group[f"gradient{i}"][:] for i in range(len(group) - 2)]
            made_with = f"SciPy {file.attrs['scipy']}"
        if recorded != sha256(x):
            raise ValueError(
                f"journal {self.path}: evaluation {index} was made at another point than is asked for now. It belongs to another "
                f"problem, or was written by {made_with} or a linear algebra library that rounds differently "
                f"(here: SciPy {version('scipy')}). Move the file away to start anew, or resume with the software that wrote it."
            )
        return value, gradients

    def append(self, x: np.ndarray, value: np.ndarray, gradients: Sequence[np.ndarray]) -> None:
        """Record one evaluation; when this returns, it is on the disk.

        Args:
            x: Point of the evaluation (float64).
            value: Objective.
            gradients: Gradient of every leaf.

        Raises:
            OSError: If the file cannot be written.
            RuntimeError: If another process writes to the journal as well.
        """
        with written_whole(self.path) as partial:
            if self._count:
                shutil.copyfile(self.path, partial)
            with h5py.File(partial, "a", libver="latest") as file:  # "latest" adds checksums to the metadata
                if not self._count:
                    attributes = {"format": FORMAT, "adseis": version("adseis"), "scipy": version("scipy")}
                    file.attrs.update(attributes, problem=json.dumps(self._problem))
                evaluations = file.require_group("evaluations")
                if len(evaluations) != self._count:
                    raise RuntimeError(f"another process writes to the journal {self.path} too. Give each run its own.")
                group = evaluations.create_group(f"{self._count:06d}")
                flat = {f"gradient{i}": np.ravel(gradient) for i, gradient in enumerate(gradients)}
                flat |= {"x_sha256": np.frombuffer(bytes.fromhex(sha256(x)), np.uint8), "value": np.ravel(value)}
                for name, data in flat.items():
                    group.create_dataset(name, data=data, fletcher32=True, chunks=data.shape)
        self._count += 1

    def _recognise(self) -> int:
        """Count the evaluations of an existing file after checking that it is the journal of this problem."""
        with self._opened() as file:
            if file.attrs.get("format") != FORMAT:
                raise OSError(f"its format is {file.attrs.get('format')!r}, not {FORMAT!r}")
            problem, count = json.loads(file.attrs["problem"]), len(file["evaluations"])
        names = sorted(self._problem.keys() | problem.keys())
        differing = [name for name in names if problem.get(name) != self._problem.get(name)]
        if differing:
            raise ValueError(
                f"journal {self.path} belongs to another problem: it was written with another {', '.join(differing)}. "
                "Repeat the call that wrote it, name another journal, or move the file away."
            )
        return count

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        """The file, read only; every way in which HDF5 finds it damaged becomes one clear error."""
        try:
            with h5py.File(self.path, "r") as file:
                yield file
        except (OSError, KeyError, RuntimeError) as error:
            raise ValueError(
                f"journal {self.path} cannot be read: it is truncated, damaged, or no journal of adseis ({error}). "
                "Move it away to start anew."
            ) from error
