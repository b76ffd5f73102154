"""The Smart Data Models by subject as contexts of our own, so that their addresses need no network."""

import re
import tomllib
from functools import lru_cache
from importlib.resources import files

ORGANISATION = "https://smartdatamodels.org/"
# Where the published examples say that a subject's context lies.
_ADDRESS = re.compile(
    r"https?://(?:raw\.githubusercontent\.com/smart-data-models/dataModel\.(\w+)/(?:refs/heads/)?master"
    r"|smart-data-models\.github\.io/dataModel\.(\w+))/context\.jsonld"
)


@lru_cache(1)
def subjects() -> dict[str, dict[str, str]]:
    """The terms of each subject with their IRIs."""
    tables = tomllib.loads((files("dothi.hub.context") / "smart_data_models.toml").read_text("utf-8"))
    return {
        subject: {
            **{term: ORGANISATION + term for term in table["shared"].split()},
            **{term: f"{ORGANISATION}dataModel.{subject}/{term}" for term in table["own"].split()},
        }
        for subject, table in tables.items()
    }


def subject_terms(address: str) -> dict[str, str] | None:
    """The terms of the subject whose context lies at an address; None when it is none that we know."""
    found = _ADDRESS.fullmatch(address)
    return subjects().get(found[1] or found[2]) if found is not None else None
