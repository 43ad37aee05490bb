"""What live segments keep, and history that waits to become a part.

Also: the ids of applied events as the 16 bytes they are instead of as 32 hexadecimal digits.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the new tables; every applied event stays known."""
    op.create_table(
        "history_tail",
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("first_position", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("last_position", sa.BigInteger(), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "body", sa.LargeBinary(), nullable=False, comment="rows not in a part yet: Arrow IPC"
        ),
        sa.PrimaryKeyConstraint("relation", "first_position", name="pk_history_tail"),
    )
    op.create_table(
        "membership_changes",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False, comment="entered or exited"),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="when it became true"),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False, comment="when we noticed"),
        sa.Column("cause", sa.Text(), nullable=True, comment="what brought it about"),
        sa.PrimaryKeyConstraint("seq", name="pk_membership_changes"),
        sa.UniqueConstraint(
            "person_id",
            "segment",
            "change",
            "at",
            name="uq_membership_changes_person_id_segment_change_at",
        ),
    )
    op.create_index("ix_membership_changes_segment_at", "membership_changes", ["segment", "at"])
    op.create_table(
        "feature_cuts",
        sa.Column("feature", sa.Text(), nullable=False),
        sa.Column("bucket", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("value", sa.Text(), nullable=False, comment="where the bucket ends, JSON"),
        sa.Column("computed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("feature", "bucket", name="pk_feature_cuts"),
    )
    op.create_table(
        "live_people",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column(
            "next_change_at",
            sa.BigInteger(),
            nullable=True,
            comment="when time alone changes something next; null: never",
        ),
        sa.Column(
            "body", sa.LargeBinary(), nullable=False, comment="what is known of the person now"
        ),
        sa.PrimaryKeyConstraint("person_id", name="pk_live_people"),
    )
    op.create_index(
        "ix_live_people_next_change_at",
        "live_people",
        ["next_change_at"],
        sqlite_where=sa.text("next_change_at IS NOT NULL"),
        postgresql_where=sa.text("next_change_at IS NOT NULL"),
    )
    op.create_table(
        "live_chunks",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.Column("chunk", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="older facts of a busy person"),
        sa.PrimaryKeyConstraint("person_id", "group_key", "chunk", name="pk_live_chunks"),
    )
    op.create_table(
        "live_plan",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False, comment="JSON"),
        sa.PrimaryKeyConstraint("name", name="pk_live_plan"),
    )
    _convert_event_ids("BYTEA USING decode(event_id, 'hex')", sa.LargeBinary(), bytes.fromhex)


def downgrade() -> None:
    """Drop the new tables; rows of history that wait for a part are refused to be lost."""
    if op.get_bind().execute(sa.text("SELECT 1 FROM history_tail")).first():
        raise RuntimeError("history waits to become a part: run `vocative apply` first")
    _convert_event_ids("TEXT USING encode(event_id, 'hex')", sa.Text(), bytes.hex)
    for table in (
        "live_plan",
        "live_chunks",
        "live_people",
        "feature_cuts",
        "membership_changes",
        "history_tail",
    ):
        op.drop_table(table)


def _convert_event_ids(postgres, kind, convert) -> None:  # type: ignore[no-untyped-def]
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        op.execute(f"ALTER TABLE seen_events ALTER COLUMN event_id TYPE {postgres}")
        return
    # SQLite has no way to change a column's type: the rows go into a new table, in the old order.
    op.rename_table("seen_events", "seen_before")
    op.create_table(
        "seen_events",
        sa.Column("event_id", kind, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_seen_events"),
        sqlite_with_rowid=False,
    )
    bind.connection.create_function("converted", 1, convert, deterministic=True)
    op.execute("INSERT INTO seen_events SELECT converted(event_id), position FROM seen_before")
    op.drop_table("seen_before")
