"""The kernel of the simulation: keyed draws in, sums over many trials of CA and CP out, one trial a vector lane."""

from phasejax.simulation import cell, draws, fusion, lanes, rows, singular, statistics, trial, tridiagonal, wishart

__all__ = ["cell", "draws", "fusion", "lanes", "rows", "singular", "statistics", "trial", "tridiagonal", "wishart"]
