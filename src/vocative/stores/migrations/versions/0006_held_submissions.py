"""Submissions of forms that are hardly a person's, kept aside."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the shelf."""
    op.create_table(
        "held_submissions",
        sa.Column("submission_id", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("held_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, comment="why it is hardly a person's"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="its events, encrypted"),
        sa.PrimaryKeyConstraint("submission_id", name="pk_held_submissions"),
    )
    op.create_index(
        "ix_held_submissions_form_state_held_at",
        "held_submissions",
        ["form", "state", "held_at"],
    )


def downgrade() -> None:
    """Forget what was kept aside."""
    op.drop_index("ix_held_submissions_form_state_held_at", "held_submissions")
    op.drop_table("held_submissions")
