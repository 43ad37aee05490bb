"""When each trait was stated, so that a late event never overwrites a newer one.

Also an index by which a merge finds the profiles that were merged into the one that goes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Traits stated before this count as older than any that follow."""
    op.add_column(
        "profiles",
        sa.Column(
            "traits_at",
            sa.Text(),
            nullable=False,
            server_default="{}",
            comment="when each trait was stated, JSON object of instants",
        ),
    )
    op.create_index(
        "ix_profiles_merged_into",
        "profiles",
        ["merged_into"],
        sqlite_where=sa.text("merged_into IS NOT NULL"),
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )


def downgrade() -> None:
    """Forget when traits were stated."""
    op.drop_index("ix_profiles_merged_into", "profiles")
    op.drop_column("profiles", "traits_at")
