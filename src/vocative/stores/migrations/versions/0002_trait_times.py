"""When each trait was stated, so that a late event never overwrites a newer one."""

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


def downgrade() -> None:
    """Forget when traits were stated."""
    op.drop_column("profiles", "traits_at")
