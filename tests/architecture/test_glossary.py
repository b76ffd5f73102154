"""The words that modules share are explained in the glossary, in both languages."""

import re
from pathlib import Path

from dothi.hub.vocabulary import NOUNS


def test_every_shared_noun_is_in_the_glossary(repository: Path) -> None:
    """Each type of the vocabulary has a row with its Vietnamese term and its meaning."""
    glossary = (repository / "docs/glossary.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| *(\S.*\S) *\| *\S.*\|$", glossary, re.MULTILINE))
    assert sorted(set(NOUNS) - set(rows)) == []
