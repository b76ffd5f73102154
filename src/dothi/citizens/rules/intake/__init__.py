"""The rules of what comes in: competence, routing, questions, identity, secrets and what is the same matter."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dothi.citizens.rules.intake.competence import CompetenceTable, parse_competence
from dothi.citizens.rules.intake.identity import IdentityRule, parse_identity
from dothi.citizens.rules.intake.nearby import NearbyRules, parse_nearby
from dothi.citizens.rules.intake.questions import Questions, parse_questions
from dothi.citizens.rules.intake.routing import Route, parse_routing
from dothi.citizens.rules.intake.secrets import SecretRules, parse_secrets

INTAKE_FILES = ("competence", "routing", "questions", "identity", "secrets", "nearby")


@dataclass(frozen=True, slots=True)
class IntakeRules:
    """All of them, read once."""

    competence: CompetenceTable
    routes: tuple[Route, ...]
    questions: Questions
    identity: tuple[IdentityRule, ...]
    secrets: SecretRules
    nearby: NearbyRules


def parse_intake(tables: Mapping[str, Mapping[str, Any]]) -> IntakeRules:
    """The six tables, by file. Invalid, KeyError or ValueError name what cannot be used."""
    return IntakeRules(
        parse_competence(tables["competence"]),
        parse_routing(tables["routing"]),
        parse_questions(tables["questions"]),
        parse_identity(tables["identity"]),
        parse_secrets(tables["secrets"]),
        parse_nearby(tables["nearby"]),
    )
