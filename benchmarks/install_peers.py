"""Other wave-simulation engines, each in a virtual environment of its own, for `peers.py`.

    python benchmarks/install_peers.py                     # all, under runs/peers
    python benchmarks/install_peers.py --only deepwave     # one
    python benchmarks/install_peers.py --check             # only say which can be imported

Versions are pinned. A peer that cannot be installed is named and left out. Devito compiles by gcc when it runs.
"""

import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import tyro

TORCH = "torch==2.13.0"


class Peer(NamedTuple):
    """What pip installs, a command a group, and the modules that must then be importable."""

    commands: tuple[tuple[str, ...], ...]
    modules: tuple[str, ...]


PEERS = {
    "deepwave": Peer(((TORCH, "numpy"), ("deepwave==0.1.0",)), ("torch", "deepwave")),
    "sweep": Peer(((TORCH, "numpy"), ("sweep-solver==0.3.5", "jax")), ("jax", "sweep.propagator.jax", "sweep.equations")),
    "jwave": Peer((("jwave==0.2.1",),), ("jwave", "jwave.acoustics")),  # pip finds jax 0.4.38 for it
    "devito": Peer((("devito==4.8.23",),), ("devito",)),
}


@dataclass(frozen=True)
class Installation:
    """Install peers and see whether they can be imported."""

    root: Path = Path("runs/peers")
    """Folder of the virtual environments, one a peer."""
    only: tuple[str, ...] = tuple(PEERS)
    """Which peers."""
    check: bool = False
    """Install nothing."""


def python_of(root: Path, peer: str) -> Path:
    """The Python of a peer's virtual environment."""
    return (root / peer / ("Scripts/python.exe" if os.name == "nt" else "bin/python")).absolute()


def importable(root: Path, peer: str) -> str:
    """Empty if a peer's modules can be imported, in the pinned versions, else why not."""
    python = python_of(root, peer)
    if not python.exists():
        return "not installed"
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    pinned = [package.split("==") for packages in PEERS[peer].commands for package in packages if "==" in package]
    checks = [f"assert version({name!r}).split('+')[0] == {version!r}, version({name!r})" for name, version in pinned]
    code = "\n".join(["from importlib.metadata import version", *checks, *(f"import {m}" for m in PEERS[peer].modules)])
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, env=environment)
    return (done.stderr.strip().splitlines() or ["it failed"])[-1] if done.returncode else ""


def install(root: Path, peer: str) -> str:
    """Empty if a peer was installed, else why not."""
    try:
        venv.create(root / peer, with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no virtual environment: {error}"
    for packages in PEERS[peer].commands:
        print(f"{peer}: pip install {' '.join(packages)}", flush=True)
        if subprocess.run([python_of(root, peer), "-m", "pip", "install", "--quiet", *packages]).returncode:
            return f"pip could not install {' '.join(packages)}"
    return ""


def main(argv: Sequence[str] | None = None) -> None:
    """Install, import, say which worked."""
    wanted = tyro.cli(Installation, args=argv, description=__doc__)
    if unknown := set(wanted.only) - set(PEERS):
        sys.exit(f"unknown peers {sorted(unknown)}; there are {sorted(PEERS)}")
    for peer in wanted.only:
        fault = importable(wanted.root, peer)
        if fault and not wanted.check:
            fault = install(wanted.root, peer) or importable(wanted.root, peer)
        print(f"{peer}: {f'left out: {fault}' if fault else 'ready'}", flush=True)


if __name__ == "__main__":
    main()
