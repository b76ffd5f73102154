"""The mapping language: a TOML file says how rows become entities; it is parsed into frozen values, then compiled."""

from dothi.sources.mapping.compiled import Compiled, compiled
from dothi.sources.mapping.model import BadMapping, Fault, Mapping
from dothi.sources.mapping.parse import parse_mapping

__all__ = ["BadMapping", "Compiled", "Fault", "Mapping", "compiled", "parse_mapping"]
