"""`python -m figures` is `phasejax figures`."""

import sys

from phasejax.cli import app

app(["figures", *sys.argv[1:]])
