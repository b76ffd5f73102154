"""How the territory's data are made at build time, from registry packages and our own dated amendments."""
