"""The sample city with its simulated signals, and measurements beside their ceilings."""
