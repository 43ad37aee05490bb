"""Features and segments as they are at every instant, kept up event by event.

Applied events come in with the transaction that applies them; changed memberships go out in the
same transaction. What time alone changes is known beforehand and done when it is due.
"""
