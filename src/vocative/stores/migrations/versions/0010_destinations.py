"""What each destination was told of whom, and how far it is."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two tables; nobody was told anything yet."""
    op.create_table(
        "destination_rows",
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column(
            "known_as", sa.Text(), nullable=False, comment="keyed hash of what it knows them by"
        ),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column(
            "sealed", sa.LargeBinary(), nullable=False, comment="what it knows them by, encrypted"
        ),
        sa.Column("state", sa.Text(), nullable=False, comment="sending, sent, refused"),
        sa.Column(
            "fingerprint", sa.Text(), nullable=False, comment="of what it was told; empty: unsure"
        ),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it refused"),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("destination", "known_as", name="pk_destination_rows"),
    )
    op.create_index(
        "ix_destination_rows_destination_person_id",
        "destination_rows",
        ["destination", "person_id"],
    )
    op.create_table(
        "destination_syncs",
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=True, comment="of facts: told until here, JSON"),
        sa.Column("state", sa.Text(), nullable=False, comment="waiting, down, refused, failed"),
        sa.Column(
            "fingerprint", sa.Text(), nullable=False, comment="of its definition and secrets"
        ),
        sa.Column("synced_at", sa.BigInteger(), nullable=True),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("told", sa.BigInteger(), nullable=False, comment="rows and facts it took"),
        sa.PrimaryKeyConstraint("destination", name="pk_destination_syncs"),
    )


def downgrade() -> None:
    """Forget what was told: the next sync tells everything again."""
    op.drop_table("destination_syncs")
    op.drop_table("destination_rows")
