"""Sources of data: connectors under one contract, mappings, quarantine, and whether each keeps its promised rhythm."""
