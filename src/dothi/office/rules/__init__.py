"""Rule sets as versioned data: what is in force for a unit on a day, inherited province → commune.

A module declares its kinds of rules (`Kind`: the tables it ships, how they are checked). A province or a commune
adopts a set of its own that holds from a day on; it says only what differs. `in_force` lays them over one another.
"""

from dothi.office.rules.model import Kind, RuleSet, RuleSets
from dothi.office.rules.overlay import difference, overlay
from dothi.office.rules.service import (
    adopt,
    applied,
    check_day,
    in_force,
    inherited,
    keep_fresh,
    open_rules,
    read,
    refresh,
    versions,
)

__all__ = [
    "Kind",
    "RuleSet",
    "RuleSets",
    "adopt",
    "applied",
    "check_day",
    "difference",
    "in_force",
    "inherited",
    "keep_fresh",
    "open_rules",
    "overlay",
    "read",
    "refresh",
    "versions",
]
