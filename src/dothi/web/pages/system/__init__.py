"""The pages of the house itself: one's own account, who works here, what was done, and the rules in force."""

from dothi.web.pages.system import (
    accounts,
    administration,
    audit,
    erasures,
    lifecycle,
    mergers,
    messages,
    rule_sets,
    rule_texts,
)

PAGES = (
    *accounts.PAGES,
    *administration.PAGES,
    *audit.PAGES,
    *erasures.PAGES,
    *lifecycle.PAGES,
    *mergers.PAGES,
    *messages.PAGES,
    *rule_sets.PAGES,
    *rule_texts.PAGES,
)
