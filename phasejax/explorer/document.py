"""The page as one self-contained file: opened from a disk it computes by itself, served it asks the compiled kernel."""

import json
from importlib.resources import files

from phasejax.explorer.ranges import RANGES
from phasejax.recovery import LEVEL

_SCRIPTS = ("theory.js", "simulate.js", "make.js", "draw.js", "view.js", "measure.js", "takeaway.js", "data.js", "app.js")
_APP = "/*APP*/"  # what stands before it is what a worker needs of the script


def page() -> str:
    """The HTML with its styles and scripts written into it; it asks for nothing from outside."""
    web = files("phasejax.explorer") / "web"
    theory, simulate, *rest = ((web / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    shared = f"const RANGES = {json.dumps(RANGES)}, LEVEL = {LEVEL};"
    script = "\n".join((theory, simulate, _APP, shared, *rest))
    html = (web / "index.html").read_text(encoding="utf-8")
    return html.replace("/*STYLE*/", (web / "style.css").read_text(encoding="utf-8")).replace("/*SCRIPT*/", script)
