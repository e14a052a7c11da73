"""The claims of the theory, each with a check that can fail and a verdict. Checks run in float64."""

from phasejax.verify.registry import Claim, Finding, Verdict
from phasejax.verify.run import Result, list_claims, verify

__all__ = ["Claim", "Finding", "Result", "Verdict", "list_claims", "verify"]
