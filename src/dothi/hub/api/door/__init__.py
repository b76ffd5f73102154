"""One HTTP request as a value: its headers, parameters and body understood, its answer given."""
