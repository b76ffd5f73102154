"""Services of the city and the three things measured of each: interest, usage, satisfaction."""
