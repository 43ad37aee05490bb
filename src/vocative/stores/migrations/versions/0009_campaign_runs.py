"""Runs of campaigns that start later, wait for approval, or stand still; priorities of messages."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs so far were started by a command, and all messages had the same priority."""
    op.add_column(
        "campaign_runs",
        sa.Column("starts_at", sa.BigInteger(), nullable=True, comment="when it is to be planned"),
    )
    op.add_column(
        "campaign_runs",
        sa.Column(
            "channel", sa.Text(), nullable=True, comment="what carries it; null: only a command can"
        ),
    )
    op.add_column(
        "campaign_runs",
        sa.Column("conductor", sa.Text(), nullable=True, comment="who sends: server or command"),
    )
    op.add_column(
        "campaign_runs",
        sa.Column(
            "details",
            sa.Text(),
            nullable=True,
            comment="JSON: whom it repeats, who approved, why it stands still",
        ),
    )
    op.add_column(
        "messages",
        sa.Column(
            "priority",
            sa.Float(),
            nullable=True,
            comment="where a cap leaves room for few, the greater goes first",
        ),
    )
    op.create_table(
        "sending_halts",
        sa.Column(
            "scope", sa.Text(), nullable=False, comment="a campaign's name, or *: everything"
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name="pk_sending_halts"),
        comment="what must not be sent now",
    )


def downgrade() -> None:
    """Forget what was scheduled and halted."""
    op.drop_table("sending_halts")
    op.drop_column("messages", "priority")
    for column in ("details", "conductor", "channel", "starts_at"):
        op.drop_column("campaign_runs", column)
