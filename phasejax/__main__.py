"""`python -m phasejax` is the `phasejax` command."""

from phasejax.cli import main

main()
