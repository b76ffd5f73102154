"""Others outside: whom the hub tells, whom it asks, and where a city moves to."""
