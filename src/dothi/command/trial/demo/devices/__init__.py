"""The simulated devices: what they would measure, how their readings go in, and one real series beside them."""
