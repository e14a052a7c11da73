"""The documentation: `sphinx-build -W docs out/docs`. Nothing is fetched from outside while it is built or read."""

import sys
from importlib.metadata import version as installed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "phasejax"
author = "the phasejax developers"
version = release = installed("phasejax")
extensions = ["myst_nb", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "phasejax"
html_extra_path = ["_generated/extra"]

default_role = "literal"  # docstrings write `names` as Markdown does
autodoc_typehints = "none"  # signatures show them; shapes and units stand in the text
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 2
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
suppress_warnings = ["mystnb.unknown_mime_type"]


def _fields_stand_in_the_docstring(app, what, name, value, skip, options):
    """The fields of a NamedTuple have no text of their own; its docstring tells of them."""
    return True if (getattr(value, "__doc__", None) or "").startswith("Alias for field number") else None


def setup(app):
    from generate import generate

    generate(Path(app.srcdir) / "_generated")
    app.connect("autodoc-skip-member", _fields_stand_in_the_docstring)
