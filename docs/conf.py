"""Sphinx, MyST-NB and furo: the pages are Markdown, the notebooks jupytext Markdown that runs whenever the pages are built.

The address of the repository stands in pyproject.toml alone; every link is made from it here. A notebook page links to Colab
where it writes {{ colab }}; the .ipynb that the link opens is written beside the pages and published with them. The pages need no
network to be read: formulae are MathML, which browsers draw by themselves.
"""

import ast
import os
import re
import tomllib
from pathlib import Path

import jax
import jupytext
from docutils import nodes
from math_core import LatexToMathML
from nbformat.v4 import new_code_cell

from adseis.waves.support import PHYSICS, refusal, support

HERE = Path(__file__).resolve().parent
PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
REPOSITORY = PROJECT.get("urls", {}).get("Repository", "").rstrip("/")
MATHML = LatexToMathML()
NOTEBOOKS = "gh-pages"  # the branch that the built pages are published on

# For the kernels that run the notebooks, where compiling takes longer than running; figures of pyplot go into the page.
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
HASTE = "--xla_cpu_parallel_codegen_split_count=1"
if jax.__version_info__ < (0, 11):  # later ones have no other way to compile, and stop at a flag that they do not know
    HASTE += " --xla_cpu_use_fusion_emitters=false"
os.environ.setdefault("XLA_FLAGS", HASTE)

project = PROJECT["name"]
author = project_copyright = "The adseis developers"
release = PROJECT["version"]

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode", "myst_nb"]
exclude_patterns = ["_build", "tutorials/line"]  # what a tutorial leaves
default_role = "code"

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["adseis.css"]
html_math_renderer = "mathml"
html_title = f"adseis {release}"
html_theme_options = {"source_repository": REPOSITORY, "source_branch": "main", "source_directory": "docs/"} if REPOSITORY else {}

autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
napoleon_use_ivar = True
napoleon_attr_annotations = False

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
myst_update_mathjax = False

nb_execution_mode = "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True


def addresses(app, docname, source):
    """{{ repository }} and the link to this page on Colab {{ colab }}, from the one place where the address stands."""
    colab = REPOSITORY.replace("https://github.com", "https://colab.research.google.com/github")
    link = f"[Open this page in Colab]({colab}/blob/{NOTEBOOKS}/{docname}.ipynb)"
    source[0] = source[0].replace("{{ repository }}", REPOSITORY).replace("{{ colab }}", link if REPOSITORY else "")


def examples(app, docname, source):
    """{{ example NAME }}: a card with what the script says of itself; and a link wherever a page names `examples/NAME.py`."""
    source[0] = re.sub(r"\{\{ example (\w+) \}\}", lambda found: card(found[1]), source[0])
    if REPOSITORY:
        source[0] = re.sub(r"(?<!\[)`(examples/\w+\.py)`", rf"[`\1`]({REPOSITORY}/blob/main/\1)", source[0])


def card(name):
    """Picture, where there is one, link, and the first sentence of the script."""
    text = ast.get_docstring(ast.parse((HERE.parent / "examples" / f"{name}.py").read_text()))
    text = re.sub(r"\s*Writes [^.]*\.\w+( and [^.]*\.\w+)?\.", "", text.split("\n\n")[0].replace("\n", " "))
    picture = f"images/examples/{name}.png"
    link = f"[`{name}.py`]({REPOSITORY}/blob/main/examples/{name}.py)" if REPOSITORY else f"`examples/{name}.py`"
    lines = ["::::{container} card", link, "", text, "::::"]
    if (HERE / picture).is_file():
        lines[1:1] = [f"![]({picture})", ""]
    return "\n".join(lines)


def works_with(app, docname, source):
    """{{ works_with }}: what every equation takes and refuses, asked of the package; a table under each heading."""
    if "{{ works_with }}" not in source[0]:
        return
    lines = []
    for (heading, words), row in support().items():
        head = f"| {heading} | {' | '.join(physics.equation.name for physics in PHYSICS)} |"
        if head not in lines:
            lines += ["", head, "|---" * (1 + len(PHYSICS)) + "|"]
        cells = [", ".join(answers({c.axes: refusal(c) for c in row if c.physics == physics})) for physics in PHYSICS]
        lines.append(f"| {' | '.join([words, *cells])} |")
    source[0] = source[0].replace("{{ works_with }}", "\n".join(lines))


def answers(refusals):
    """In 2D and in 3D, said once where they agree."""
    texts = {axes: "yes" if refused is None else refused.error.__name__ for axes, refused in refusals.items()}
    alike = len(texts) == 2 and len(set(texts.values())) == 1
    return [texts[2]] if alike else [f"{axes}D {text}" for axes, text in texts.items()]


def plain_text(app, what, name, obj, options, lines):
    """Our docstrings are plain text with `names`: indented paragraphs before the sections are equations, shown verbatim."""
    sections = ("Args:", "Attributes:", "Returns:", "Yields:", "Raises:", "References:", "Warning:", "Example:")
    end = next((k for k, line in enumerate(lines) if line in sections), len(lines))
    text = lines.index("Example:") if "Example:" in lines else len(lines)  # what follows is code
    for k in reversed(range(text)):
        if k >= end or not lines[k].startswith("    "):
            parts = lines[k].split("`")
            parts[::2] = [re.sub(r"[*|\\]|_(?!\w)", r"\\\g<0>", part) for part in parts[::2]]
            lines[k] = "`".join(parts)
        elif k and not lines[k - 1].strip():
            lines[k:k] = [".. code-block:: text", ""]


def references(app, what, name, obj, options, lines):
    """One reference a bullet, its DOI or arXiv number a link. An entry that runs on has its DOI on a line of its own."""
    if "References:" not in lines:
        return
    start = lines.index("References:") + 1
    end = next((k for k in range(start, len(lines)) if not lines[k].strip()), len(lines))
    for k in range(start, end):
        entry = re.sub(r"doi:(10\.\S+?)(?=[;,]?(\s|$))", r"`doi:\1 <https://doi.org/\1>`__", lines[k].strip())
        entry = re.sub(r"arXiv:(\S+)", r"`arXiv:\1 <https://arxiv.org/abs/\1>`__", entry)
        lines[k] = f"    {'  ' if lines[k].strip().startswith('doi:') else '- '}{entry}"


def short_types(app, what, name, obj, options, signature, returned):
    """Array instead of jaxlib._jax.Array."""
    return tuple(text and re.sub(r"~?(jaxtyping|jaxlib\._jax|jax|numpy)\.(?=[A-Z])", "", text) for text in (signature, returned))


def formula(translator, node):
    """TeX as MathML; a formula of its own may be wider than a small screen."""
    block = isinstance(node, nodes.math_block)
    drawn = MATHML.convert_with_local_state(node.astext(), displaystyle=block)
    translator.body.append(f'<div class="formula">{drawn}</div>' if block else drawn)
    raise nodes.SkipNode


def write_notebooks(app, exception):
    """Each notebook page as an .ipynb that first installs adseis, for Colab."""
    for page in HERE.rglob("*.md") if REPOSITORY and not exception else ():
        text = page.read_text()
        if "format_name: myst" not in text[:500]:
            continue
        text = re.sub(r"\{[\w:]+\}`~?([^`<]*?)(\s*<[^`>]*>)?`", r"\1", text)  # roles are for Sphinx alone
        notebook = jupytext.reads(text.replace("{{ colab }}", ""), fmt="md:myst")
        notebook.cells.insert(0, new_code_cell(f"%pip install -q 'adseis[seismo,flax] @ git+{REPOSITORY}'"))
        target = Path(app.outdir) / page.relative_to(HERE).with_suffix(".ipynb")
        target.parent.mkdir(parents=True, exist_ok=True)
        jupytext.write(notebook, target)


def setup(app):
    """Before napoleon (priority 500) reads the docstrings, and after all is written."""
    app.connect("source-read", addresses)
    app.connect("source-read", examples)
    app.connect("source-read", works_with)
    app.add_html_math_renderer("mathml", (formula, None), (formula, None))
    app.connect("autodoc-process-docstring", plain_text, priority=400)
    app.connect("autodoc-process-docstring", references, priority=401)
    app.connect("autodoc-process-signature", short_types)
    app.connect("build-finished", write_notebooks)
