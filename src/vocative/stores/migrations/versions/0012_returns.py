"""What came back of messages; and which networks follow links, looked up quickly."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table and an index."""
    op.create_table(
        "returns",
        sa.Column("return_id", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column(
            "address_hash", sa.Text(), nullable=True, comment="null: not told, or not theirs"
        ),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="hard, soft, block, complaint, ..."),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False, comment="what said so"),
        sa.Column("status", sa.Text(), nullable=True, comment="enhanced status code"),
        sa.Column("source", sa.Text(), nullable=False, comment="mailbox, ses, sendgrid, ..."),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("return_id", name="pk_returns"),
    )
    op.create_index("ix_returns_message_id", "returns", ["message_id"])
    op.create_index("ix_returns_person_id", "returns", ["person_id"])
    op.create_index("ix_returns_address_hash_noted_at", "returns", ["address_hash", "noted_at"])
    op.create_index("ix_visits_network_hash_kind", "visits", ["network_hash", "kind"])


def downgrade() -> None:
    """Forget it."""
    op.drop_index("ix_visits_network_hash_kind", "visits")
    op.drop_table("returns")
