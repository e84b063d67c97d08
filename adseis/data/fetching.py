"""Files of the catalogue from the network, checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adseis.data.catalogue import CATALOGUE, Item, RemoteFile
from adseis.files import check_writable


def fetch(name: str, folder: str | Path, *, catalogue: Mapping[str, Item] = CATALOGUE) -> list[Path]:
    """Fetch what a name of the catalogue stands for; files that are there already are left alone.

    Args:
        name: Such as "marmousi2".
        folder: Where the files go.
        catalogue: What names stand for.

    Returns:
        The files.

    Raises:
        ValueError: If the catalogue has no such name.
        FileExistsError: If another file of the same name is there.
        OSError: If no address gave the file, or the folder cannot be written.
        ImportError: If pooch is not installed.
    """
    if name not in catalogue:
        raise ValueError(f"nothing is called {name!r} in the catalogue; there are {', '.join(catalogue)}.")
    check_writable(folder)
    return [_fetched(file, Path(folder)) for file in catalogue[name].files]


def _fetched(file: RemoteFile, folder: Path) -> Path:
    """One file, from the first of its addresses that gives it."""
    pooch, path, digest = _pooch(), folder / file.name, f"sha256:{file.sha256}"
    if path.is_file():
        if pooch.file_hash(str(path)) == file.sha256:
            return path
        raise FileExistsError(f"`{path}` is another file than the one that is fetched. Name another folder, or move it away.")
    failed = []
    for address in file.addresses:
        try:
            pooch.retrieve(address, digest, fname=file.name, path=folder)
            return path
        except (OSError, ValueError) as error:  # what pooch and requests raise
            failed.append(f"{address}: {error}")
    raise OSError(f"no address gave `{file.name}`. {'; '.join(failed)}")


def _pooch() -> Any:
    try:
        import pooch  # noqa: PLC0415
    except ImportError as error:
        raise ImportError("Files are fetched by pooch. Install it: pip install 'adseis[fetch]'.") from error
    pooch.get_logger().setLevel("WARNING")
    return pooch
