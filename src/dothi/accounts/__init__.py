"""People, organisations, roles, permissions, the vault of identities, and the audit page's reading of the log.

`store.Accounts` is what the verbs work with; `people` and `signin` hold the verbs, `policy.RolePolicy` is the one check
at the hub's commit and query over the table in `roles`, `vault` keeps citizens' identities, `audit` reads who did what.
Read in this order: model, roles, policy, store, people, signin, events, vault, audit, api.
"""
