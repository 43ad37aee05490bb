"""How much comes in from whom, what is wrong with it, and alerts about it."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Count from now on."""
    op.create_table(
        "event_counts",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("day_at", sa.BigInteger(), nullable=False, comment="when they came in, UTC"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("last_received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "day_at", "name", name="pk_event_counts"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event_volumes",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("hour_at", sa.BigInteger(), nullable=False, comment="when they happened"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "hour_at", "name", name="pk_event_volumes"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event_faults",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("day_at", sa.BigInteger(), nullable=False, comment="when they came in, UTC"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("property", sa.Text(), nullable=False, comment="empty: the event as a whole"),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False, comment="keep, flag or reject"),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("sample", sa.Text(), nullable=False, comment="an event id, or position:index"),
        sa.PrimaryKeyConstraint(
            "source", "day_at", "name", "property", "fault", "outcome", name="pk_event_faults"
        ),
    )
    op.create_table(
        "quality_alerts",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="of the event; empty: all of them"),
        sa.Column("kind", sa.Text(), nullable=False, comment="low, high, silent or stale"),
        sa.Column("began_at", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("noticed_at", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("expected", sa.Float(), nullable=False, comment="events in the same time"),
        sa.PrimaryKeyConstraint("source", "name", "kind", "began_at", name="pk_quality_alerts"),
    )


def downgrade() -> None:
    """Forget what was counted; it can be counted again by replaying the log."""
    for table in ("quality_alerts", "event_faults", "event_volumes", "event_counts"):
        op.drop_table(table)
