"""What the model of spiked views says of a sample: components → network → posterior, and a forecast for other n."""
