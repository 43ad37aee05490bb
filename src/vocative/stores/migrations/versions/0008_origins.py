"""What each origin of a person stated, and who was joined with whom: merges can be undone."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep origins. Of people who were merged before, all that was stated is the survivor's."""
    op.add_column(
        "identities",
        sa.Column(
            "origin", sa.Text(), nullable=True, comment="whose it is; null: the person's only one"
        ),
    )
    op.add_column(
        "consents",
        sa.Column("origin", sa.Text(), nullable=True, comment="who stated it; null: the only one"),
    )
    op.create_table(
        "origins",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column(
            "person_id", sa.Text(), nullable=False, comment="who it is part of, maybe itself"
        ),
        sa.Column("joined_to", sa.Text(), nullable=True, comment="the origin a rule joined it to"),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "traits", sa.Text(), nullable=False, comment="what it stated itself, JSON object"
        ),
        sa.Column("traits_at", sa.Text(), nullable=False, comment="when, JSON object of instants"),
        sa.Column(
            "vault",
            sa.LargeBinary(),
            nullable=True,
            comment="its vault fields under the person's key",
        ),
        sa.PrimaryKeyConstraint("origin", name="pk_origins"),
    )
    op.create_index("ix_origins_person_id", "origins", ["person_id"])
    op.create_table(
        "merges",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("gone", sa.Text(), nullable=False, comment="an origin"),
        sa.Column("kept", sa.Text(), nullable=False, comment="the origin it was joined to"),
        sa.Column(
            "decided", sa.BigInteger(), nullable=False, comment="1: by somebody; 0: by a rule"
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True, comment="null: it holds"),
        sa.Column(
            "apart", sa.BigInteger(), nullable=False, comment="1: no rule joins the two again"
        ),
        sa.PrimaryKeyConstraint("number", name="pk_merges"),
    )
    op.create_index("ix_merges_gone", "merges", ["gone"])
    op.create_index("ix_merges_kept", "merges", ["kept"])
    op.execute(
        "INSERT INTO origins (origin, person_id, joined_to, first_seen_at, updated_at, traits,"
        " traits_at) SELECT person_id, merged_into, merged_into, first_seen_at, updated_at,"
        " '{}', '{}' FROM profiles WHERE merged_into IS NOT NULL"
    )
    op.execute(
        "INSERT INTO origins (origin, person_id, first_seen_at, updated_at, traits, traits_at)"
        " SELECT person_id, person_id, first_seen_at, updated_at, traits, traits_at FROM profiles"
        " WHERE person_id IN (SELECT person_id FROM origins)"
    )
    for table in ("identities", "consents"):
        op.execute(
            f"UPDATE {table} SET origin = person_id"
            " WHERE person_id IN (SELECT person_id FROM origins)"
        )
    op.create_table(
        "partings",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("other", sa.Text(), nullable=False, comment="an origin of the same person until"),
        sa.Column("parted_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("origin", "other", "parted_at", name="pk_partings"),
    )
    op.create_table(
        "identity_moves",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("value_hash", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("from_origin", sa.Text(), nullable=False, comment="whose it was until then"),
        sa.Column("to_origin", sa.Text(), nullable=False, comment="whose it is from then on"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "value_hash", "number", name="pk_identity_moves"),
    )
    op.create_index("ix_identity_moves_from_origin", "identity_moves", ["from_origin"])
    op.create_index("ix_identity_moves_to_origin", "identity_moves", ["to_origin"])


def downgrade() -> None:
    """Forget origins: people who were joined stay joined."""
    for table in ("identity_moves", "partings", "merges", "origins"):
        op.drop_table(table)
    op.drop_column("consents", "origin")
    op.drop_column("identities", "origin")
