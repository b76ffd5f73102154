"""HTTP push: systems send rows, entities or files to the source's address."""
