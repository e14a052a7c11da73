"""What the model of spiked views says of a sample: components → network → posterior, and a forecast for other n."""

from phasejax.diagnosis.model import components, debias, explanation, forecast, network, posterior

__all__ = ["components", "debias", "explanation", "forecast", "network", "posterior"]
