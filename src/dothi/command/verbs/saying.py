"""How a verb says what came of it: a sentence on the output, progress beside it."""

import json
import sys
from typing import Any

from dothi.hub.model import system

OPERATOR = system("operator")  # Whoever may read the data folder.


def say(text: str, quiet: bool = False) -> None:
    """A line on the output; a quiet one on the error output, which a script does not read."""
    print(text, file=sys.stderr if quiet else sys.stdout, flush=True)


def show(report: dict[str, Any]) -> None:
    """A report as JSON."""
    say(json.dumps(report, ensure_ascii=False, indent=1))
