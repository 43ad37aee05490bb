"""Pairs of people who may be one, and what was decided about them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the review queue."""
    op.create_table(
        "match_candidates",
        sa.Column(
            "one", sa.Text(), nullable=False, comment="a person's id, the smaller of the two"
        ),
        sa.Column("other", sa.Text(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False, comment="that they are one person"),
        sa.Column("weight", sa.Float(), nullable=False, comment="log2 of the odds"),
        sa.Column(
            "steps", sa.Text(), nullable=False, comment="JSON list of [comparison, level, weight]"
        ),
        sa.Column("state", sa.Text(), nullable=False, comment="open, accepted or rejected"),
        sa.Column(
            "found_at", sa.BigInteger(), nullable=False, comment="by the run of this instant"
        ),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("one", "other", name="pk_match_candidates"),
    )
    op.create_index(
        "ix_match_candidates_state_probability", "match_candidates", ["state", "probability"]
    )


def downgrade() -> None:
    """Forget what was found and decided; people who were joined stay joined."""
    op.drop_index("ix_match_candidates_state_probability", "match_candidates")
    op.drop_table("match_candidates")
