"""Forms: what a shop asks its visitors, on pages of its own or of other sites.

A definition (`definition`, `questions`, `kinds`, `texts`) becomes pages (`page`, `site`), what is
sent becomes events (`submission`) unless it is hardly a person's (`guard`, `held`). The mail that
asks the owner of an address belongs to delivery (`deliver/opt_in`).
"""
