"""Journeys: versions that were started, people on their way, what is still to be done."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Three tables; nobody is on any way yet."""
    op.create_table(
        "journey_versions",
        sa.Column("journey", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("status", sa.Text(), nullable=False, comment="live, paused or replaced"),
        sa.Column(
            "definition", sa.Text(), nullable=False, comment="the definition as it was, JSON"
        ),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "scanned_until",
            sa.BigInteger(),
            nullable=False,
            comment="until when dates were looked for",
        ),
        sa.PrimaryKeyConstraint("journey", "version", name="pk_journey_versions"),
    )
    op.create_table(
        "journey_runs",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("journey", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("entry_key", sa.Text(), nullable=False),
        sa.Column(
            "state", sa.Text(), nullable=False, comment="active, finished, exited or holdout"
        ),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("wake_at", sa.BigInteger(), nullable=True, comment="null: not by time"),
        sa.Column("body", sa.Text(), nullable=False, comment="the run, JSON"),
        sa.Column("notes", sa.Text(), nullable=False, comment="what happened at every step, JSON"),
        sa.PrimaryKeyConstraint("run_id", name="pk_journey_runs"),
    )
    op.create_index("ix_journey_runs_person_id", "journey_runs", ["person_id"])
    op.create_index(
        "ix_journey_runs_journey_state_entered_at",
        "journey_runs",
        ["journey", "state", "entered_at"],
    )
    op.create_index(
        "ix_journey_runs_wake_at",
        "journey_runs",
        ["wake_at"],
        sqlite_where=sa.text("wake_at IS NOT NULL"),
        postgresql_where=sa.text("wake_at IS NOT NULL"),
    )
    op.create_table(
        "journey_effects",
        sa.Column("effect_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="event, call or message"),
        sa.Column("body", sa.Text(), nullable=False, comment="JSON"),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True, comment="null: given up"),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("effect_id", name="pk_journey_effects"),
        comment="what journeys still have to do outside the store",
    )
    op.create_index("ix_journey_effects_kind_due_at", "journey_effects", ["kind", "due_at"])


def downgrade() -> None:
    """Forget who was on which way."""
    op.drop_index("ix_journey_effects_kind_due_at", "journey_effects")
    op.drop_table("journey_effects")
    op.drop_index("ix_journey_runs_wake_at", "journey_runs")
    op.drop_index("ix_journey_runs_journey_state_entered_at", "journey_runs")
    op.drop_index("ix_journey_runs_person_id", "journey_runs")
    op.drop_table("journey_runs")
    op.drop_table("journey_versions")
