"""Reports of citizens from filing to rating, with deadlines in working hours and hidden identity."""
