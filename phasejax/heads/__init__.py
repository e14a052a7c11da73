"""Heads on frozen features: small networks trained on two views by any objective, beside either view alone and a ceiling."""

from phasejax.heads.run import Head, Heads, train_heads

__all__ = ["Head", "Heads", "train_heads"]
