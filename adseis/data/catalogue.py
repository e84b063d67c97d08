"""Where the models and data of the published figures come from: file by file address, size, SHA-256, and whose they are.

They belong to others and are no part of this repository. `adseis.data.fetching.fetch` gets them where there is a network; what an
address gives is taken only if it is, byte for byte, the file that the figures were made with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RemoteFile:
    """A file that others keep.

    Attributes:
        name: Of the file here.
        size: Bytes.
        sha256: Of the copy that the figures were made with, 64 hexadecimal digits.
        addresses: Where it is to be found, tried in turn; each pinned to a commit.
    """

    name: str
    size: int
    sha256: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Item:
    """What is fetched together.

    Attributes:
        files: The files.
        what: What they hold.
        used: By which figures.
        credit: Whose work it is.
        licence: On which terms, as far as is known.
    """

    files: tuple[RemoteFile, ...]
    what: str
    used: str
    credit: str
    licence: str


ADSEISMIC = "https://raw.githubusercontent.com/kailaix/ADSeismic.jl/{commit}/examples/nn_fwi/models/{name}"
SEGYIO = "https://raw.githubusercontent.com/equinor/segyio/{commit}/python/tutorials/{name}"
JUNE, SITE = "13a43e6b8122a40c1c13524d743b20a33505be40", "924115a510894ef4ed5a75173d498e4170656fe0"
"""Commits of ADSeismic.jl after June 2021, when the files were made anew; earlier ones of the same names are others."""


def _adseismic(name: str, size: int, sha256: str, *commits: str) -> RemoteFile:
    return RemoteFile(name, size, sha256, tuple(ADSEISMIC.format(commit=commit, name=name) for commit in commits))


MARMOUSI2 = (
    _adseismic(
        "marmousi2-model-true.mat",
        477144,
        "f3b935c58116ce4924c31db6600b9049b34f8791b2f389584ec2c5560b81baa8",
        *(JUNE, SITE),
    ),
    _adseismic(
        "marmousi2-model-smooth.mat",
        587088,
        "e49a5eaf06caa0efc5edca735917ac3485c547698c136eb1d93ce9e6b7ac136f",
        *(JUNE, SITE),
    ),
)
BP2004 = (
    _adseismic(
        "BP-model-true.mat",
        217512,
        "0ab1f482f35c143755d57cc0580fc56067e16cecd6031f00d625adfb90676bea",
        *(SITE, JUNE),
    ),
    _adseismic(
        "BP-model-smooth.mat",
        319840,
        "a9a4911f0d5905937086633d39138e044483852b7b017d6d8033293acf6486aa",
        *(SITE, JUNE),
    ),
)
VIKING = RemoteFile(
    "viking_small.segy",
    1270800,
    "472c0ccf4577ab94e021ff82726cc8bfae8f894bf0de889d28289a7030fa4eed",
    (SEGYIO.format(commit="545c41b10e158be651e15a889a5cc37033876f09", name="viking_small.segy"),),
)

CATALOGUE: Mapping[str, Item] = {
    "marmousi2": Item(
        files=MARMOUSI2,
        what="Marmousi2 and its smooth start, vp, vs and density on 68 x 202 nodes, with survey and mask",
        used="benchmarks/velocity_models.py, benchmarks/elastic_models.py, `adseis invert`",
        credit="Martin, Wiley & Marfurt (2006), doi:10.1190/1.2172306; as stored by Zhu, Xu, Darve & Beroza (2021), "
        "doi:10.1016/j.cageo.2021.104751",
        licence="ADSeismic.jl is under the MIT licence; for the model itself no licence is known",
    ),
    "bp2004": Item(
        files=BP2004,
        what="part of the BP 2004 salt model and its smooth start, vp on 68 x 188 nodes, with survey and mask",
        used="benchmarks/velocity_models.py",
        credit="Billette & Brandsberg-Dahl (2005), doi:10.3997/2214-4609-pdb.1.B035; as stored by Zhu, Xu, Darve & Beroza (2021)",
        licence="ADSeismic.jl is under the MIT licence; for the model itself no licence is known",
    ),
    "viking": Item(
        files=(VIKING,),
        what="four shots of a marine line of the Viking Graben, 480 traces of 2.4 s",
        used="`adseis invert --data`",
        credit="Mobil AVO Viking Graben line 12 (Keys & Foster 1998); from the tutorials of segyio",
        licence="segyio is under the LGPL; the line is said to be in the public domain",
    ),
}
"""Name -> what is fetched by it."""


def command_for(path: Path) -> str:
    """The command that fetches a file of the catalogue to where it is missed.

    Args:
        path: Where it should be.

    Returns:
        Such as "adseis fetch marmousi2 --output models"; nothing for files that are not in the catalogue.
    """
    for name, item in CATALOGUE.items():
        if any(path.name == file.name for file in item.files):
            return f"adseis fetch {name} --output {path.parent}"
    return ""
