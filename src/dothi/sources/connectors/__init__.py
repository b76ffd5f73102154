"""The connectors that come with dothi: one folder each, with manifest.toml and source.py, found by the runner."""
