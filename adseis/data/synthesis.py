"""Data made by the thousand: tasks that each leave files, a manifest that says how, and runs that are killed and go on.

Whatever draws a medium and simulates is a `Generator`; what it makes of a task depends on its settings alone. Files appear whole,
and a task is done once its receipt stands beside them under `tasks/`. `manifest.json` gathers the receipts.
"""

import hashlib
import json
import os
import platform
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
from filelock import FileLock, Timeout
from tqdm import tqdm

from adseis.files import check_writable, discard_partial, written_whole

MANIFEST, RECEIPTS = "manifest.json", "tasks"
Told = Callable[[int], object]
"""Hears of so many more samples."""


class Task(NamedTuple):
    """What is made at once.

    Attributes:
        name: Of its receipt.
        files: Paths of what it leaves, relative to the folder, parts joined by "/".
        samples: How many samples these hold.
        size: What they take on the disk [bytes], at least.
        what: Whatever the generator needs to know.
    """

    name: str
    files: tuple[str, ...]
    samples: int
    size: int
    what: Any = None


@runtime_checkable
class Generator(Protocol):
    """What makes data; to be sent to other machines it has to be picklable."""

    @property
    def name(self) -> str:
        """What it makes, such as "openfwi"."""
        ...

    def settings(self) -> Mapping[str, Any]:
        """All that its files depend on, as JSON can hold it: seed and samples too.

        Returns:
            Name -> value.
        """
        ...

    def tasks(self) -> Sequence[Task]:
        """What there is to do.

        Returns:
            Tasks, each independent of the others.
        """
        ...

    def make(self, task: Task, folder: Path, told: Told) -> Mapping[str, Any]:
        """Write the files of a task, each whole or not at all, whether or not some are there already.

        Args:
            task: One of `tasks`.
            folder: Where its files go.
            told: To be called with the number of samples done since the last time.

        Returns:
            What the receipt shall say of them, as JSON can hold it; the same whenever it is made. A list "redrawn" tells of what
            could not be used and was drawn again: the manifest holds those of all tasks.
        """
        ...


def synthesize(generator: Generator, folder: str | os.PathLike[str], *, progress: bool = True) -> Path:
    """Make in this process what is missing in a folder.

    Started again after a kill it goes on, and leaves the same bytes as if it had never been killed.

    Args:
        generator: What makes the data.
        folder: Where they go.
        progress: Whether to show how far it is.

    Returns:
        The manifest.

    Raises:
        FileExistsError: If the folder holds what other settings, or something else, made.
        ValueError: If the manifest is damaged, or a file is not the one that it tells of.
        OSError: If the folder cannot be written, lacks space, or is used by another process.
    """
    folder = Path(folder)
    with opened(generator, folder, progress=progress) as missing:
        tasks = generator.tasks()
        done = sum(task.samples for task in tasks) - sum(task.samples for task in missing)
        with tqdm(
            total=sum(task.samples for task in tasks),
            initial=done,
            desc="synthesize",
            unit="sample",
            disable=not (progress and missing),
        ) as bar:
            for task in missing:
                make(generator, task, folder, bar.update)
                collect(generator, folder)
    return folder / MANIFEST


@contextmanager
def opened(generator: Generator, folder: Path, *, progress: bool = False) -> Iterator[list[Task]]:
    """A folder for this process alone, in which everything is as its manifest says.

    Args:
        generator: What makes the data.
        folder: Where they go; it is made.
        progress: Whether to show how far the files that are there are checked, where it takes long.

    Yields:
        The tasks that are still to be done.

    Raises:
        FileExistsError: As `synthesize`.
        ValueError: Likewise.
        OSError: Likewise.
    """
    _refuse_strange(generator, folder)  # before anything is touched
    check_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise BlockingIOError(f"{folder} is in use by another process. Wait for it, or name another folder.") from None
    try:
        collect(generator, folder, check=True)
        missing = _missing(generator, folder, progress)
        needed, free = sum(task.size for task in missing), shutil.disk_usage(folder).free
        if needed > free:
            raise OSError(
                f"`output` = {folder} takes {needed / 1e9:.3g} GB more, and its disk has {free / 1e9:.3g} GB left. Make room, "
                "name another folder, or ask for fewer samples."
            )
        yield missing
    finally:
        lock.release()


def make(generator: Generator, task: Task, folder: Path, told: Told = lambda _: None) -> None:
    """Do a task and leave its receipt; several processes may do different ones at a time.

    Args:
        generator: What makes the data.
        task: One of its tasks.
        folder: A folder that was `opened`.
        told: Hears of samples that are done.

    Raises:
        OSError: If a file cannot be written.
    """
    try:
        for file in task.files:
            discard_partial(folder / file)
        facts = generator.make(task, folder, told)
        files = {file: {"sha256": digest(folder / file), "bytes": (folder / file).stat().st_size} for file in task.files}
        told_of = {"task": task.name, "samples": task.samples, "files": files, "versions": versions(), "facts": dict(facts)}
        _write(_receipt(folder, task), {**_identity(generator), **told_of})
    except OSError as error:
        full = shutil.disk_usage(folder).free < task.size  # of which NumPy says only how much of an array it wrote
        reason = error.strerror or ("no space is left" if full else error)
        raise OSError(
            f"cannot write {task.files[0]} to {folder}: {reason}. What is finished stays, and the same command "
            "goes on once there is room and leave to write."
        ) from error


def collect(generator: Generator, folder: Path, *, check: bool = False) -> dict[str, Any]:
    """Write the manifest anew, of all receipts.

    Args:
        generator: What makes the data.
        folder: Where they are.
        check: Whether to refuse receipts that tell something else than the manifest of before.

    Returns:
        What the manifest says: "generator", "settings", "versions", samples that are "done", what was "redrawn", if anything, and
        "files", by path.

    Raises:
        ValueError: If the manifest is damaged, or says something else of a file than its receipt.
    """
    before, found = read_manifest(folder), receipts(generator, folder)
    common = next((told["versions"] for told in (before, *found) if told), versions())
    said = before["files"] if before and check else {}
    files: dict[str, Any] = {}
    for receipt in found:
        made = {} if receipt["versions"] == common else {"versions": receipt["versions"]}
        for file, facts in receipt["files"].items():
            files[file] = {**facts, **made}
            if file in said and (folder / file).is_file():
                _refuse_changed(folder, file, said[file]["sha256"], facts["sha256"], "its receipt has")
    done = sum(receipt["samples"] for receipt in found)
    redrawn = [draw for receipt in found for draw in receipt["facts"].get("redrawn", ())]
    again = {"redrawn": redrawn} if redrawn else {}
    manifest = {**_identity(generator), "versions": common, "done": done, **again, "files": files}
    if manifest != before:
        _write(folder / MANIFEST, manifest)
    return manifest


def receipts(generator: Generator, folder: Path) -> list[dict[str, Any]]:
    """What is told of the tasks that are done.

    Args:
        generator: What makes the data.
        folder: Where they are.

    Returns:
        Of each task, in their order: "task", "samples", "files", "versions" and "facts".
    """
    paths = (_receipt(folder, task) for task in generator.tasks())
    return [_read(path) for path in paths if path.is_file()]


def read_manifest(folder: str | os.PathLike[str]) -> dict[str, Any] | None:
    """The manifest of a folder.

    Args:
        folder: The folder.

    Returns:
        What it says, or None where there is none.

    Raises:
        ValueError: If it is damaged.
    """
    path = Path(folder) / MANIFEST
    return _read(path) if path.is_file() else None


def versions() -> dict[str, str]:
    """What the last bits of a file may depend on, its settings aside.

    Returns:
        Name -> version of adseis, h5py (and with it HDF5), JAX, NumPy and Python, and the kind of device.
    """
    packages = {name: version(name) for name in ("adseis", "h5py", "jax", "jaxlib", "numpy")}
    return {**packages, "python": platform.python_version(), "device": jax.devices()[0].device_kind}


def digest(path: Path) -> str:
    """SHA-256 of a file.

    Args:
        path: The file.

    Returns:
        64 hexadecimal digits.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they come back from JSON, tuples as lists.

    Args:
        settings: Name -> value.

    Returns:
        The same.
    """
    return json.loads(json.dumps(dict(settings)))


def _identity(generator: Generator) -> dict[str, Any]:
    return {"generator": generator.name, "settings": plain(generator.settings())}


def _refuse_strange(generator: Generator, folder: Path) -> None:
    """Refuse a folder that is another run's, or that holds anything where files are to go and does not say what made it."""
    known = [*filter(None, [read_manifest(folder)]), *receipts(generator, folder)]
    if not known:
        files = [Path(file) for task in generator.tasks() for file in task.files]
        tops = {file.parts[0] for file in files}
        wholes = tuple({f"{file.parts[0]}{file.suffix}" for file in files})  # seis.h5, say, would be read in place of seis/
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        there = sorted(name for name in names if name in tops or name.endswith(wholes))
        if there:
            raise FileExistsError(
                f"`output` = {folder} has {', '.join(there)} already, and no {MANIFEST} that says what made it. "
                "Name another folder."
            )
        return
    absent = [name for name in ("generator", "settings", "versions", "files") if name not in known[0]]
    if absent:
        raise ValueError(f"`{folder / MANIFEST}` is damaged: it lacks {', '.join(absent)}. Name another folder.")
    here, there_too = ({"generator": told["generator"], **told["settings"]} for told in (_identity(generator), known[0]))
    differing = [
        f"{name}: {there_too.get(name, 'nothing')} there, {here.get(name, 'nothing')} here"
        for name in {**here, **there_too}
        if here.get(name) != there_too.get(name)
    ]
    if differing:
        raise FileExistsError(
            f"`output` = {folder} holds what other settings made ({MANIFEST} says {'; '.join(differing)}). Name another folder, "
            "or repeat the command that it was made by to go on with it."
        )
    begun, now = known[0]["versions"], versions()
    other = [f"{name} {value}, now {now.get(name)}" for name, value in begun.items() if value != now.get(name)]
    if other:
        warnings.warn(f"{folder} was begun with {'; '.join(other)}: the last bits of new files may differ.", stacklevel=4)


def _missing(generator: Generator, folder: Path, progress: bool) -> list[Task]:
    """Tasks without a receipt, or some of whose files are gone; all other files are what their receipt says."""
    missing = []
    for task in tqdm(generator.tasks(), desc="check", unit="task", disable=not progress, delay=2, leave=False):
        receipt = _receipt(folder, task)
        told = _read(receipt)["files"] if receipt.is_file() else {}
        if not all(file in told and (folder / file).is_file() for file in task.files):
            missing.append(task)
            continue
        for file in task.files:
            _refuse_changed(folder, file, told[file]["sha256"], digest(folder / file), "the file has")
    return missing


def _refuse_changed(folder: Path, file: str, said: str, found: str, having: str) -> None:
    if said != found:
        raise ValueError(
            f"`{folder / MANIFEST}` says that {file} has the SHA-256 {said[:12]}..., {having} {found[:12]}...: one of them was "
            f"changed. Remove {folder / file}, and the same command makes it again."
        )


def _receipt(folder: Path, task: Task) -> Path:
    return folder / RECEIPTS / f"{task.name}.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"`{path}` is damaged ({error}). Remove it, and the same command makes anew what it told of.") from error
    if not isinstance(found, dict):
        raise ValueError(
            f"`{path}` is damaged: it is no JSON object. Remove it, and the same command makes anew what it told of."
        )
    return found


def _write(path: Path, content: Mapping[str, Any]) -> None:
    with written_whole(path) as partial:
        partial.write_text(json.dumps(content, indent=None if path.parent.name == RECEIPTS else 1) + "\n", encoding="utf-8")
