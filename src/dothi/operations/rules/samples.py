"""The alarm rules that are shipped: labelled samples, to be set by each centre, never official limits."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from dothi.operations.rules.model import Rule
from dothi.operations.rules.parse import parse


@cache
def shipped() -> Mapping[str, Any]:
    """The tables of `data/alarms.toml`."""
    return tomllib.loads(resources.files("dothi.operations").joinpath("data/alarms.toml").read_text("utf-8"))


def sample_rules() -> dict[str, Rule]:
    """The same as rules, by id."""
    return parse(shipped())
