"""What live segments keep, and history that waits to become a part.

Also: the ids of applied events as the 16 bytes they are instead of as 32 hexadecimal digits, and
memberships in the form in which a change of one costs least.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the new tables; every applied event and every membership stays known."""
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
    )
    op.create_index("ix_membership_changes_segment_at", "membership_changes", ["segment", "at"])
    op.execute(_CHANGES_SO_FAR)
    op.drop_index("ix_memberships_segment_until_at", "memberships")
    _rebuild_memberships(with_rowid=False)
    op.create_index(
        "ix_memberships_segment_until_at_since_at",
        "memberships",
        ["segment", "until_at", "since_at"],
        sqlite_where=sa.text("until_at IS NULL"),
        postgresql_where=sa.text("until_at IS NULL"),
    )
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
        "live_waiting",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name="pk_live_waiting"),
        sqlite_with_rowid=False,
        comment="people for whom facts wait in history",
    )
    op.create_table(
        "live_unwritten",
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("people", sa.LargeBinary(), nullable=False, comment="whose rows wait since then"),
        sa.PrimaryKeyConstraint("position", name="pk_live_unwritten"),
        comment="people whose rows are behind what was folded",
    )
    op.create_table(
        "live_plan",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False, comment="JSON"),
        sa.PrimaryKeyConstraint("name", name="pk_live_plan"),
    )
    op.create_table(
        "seen_tail",
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("ids", sa.LargeBinary(), nullable=False, comment="of a step, 16 bytes each"),
        sa.PrimaryKeyConstraint("position", name="pk_seen_tail"),
    )
    op.rename_table("seen_events", "seen_before")
    _drop_key("seen_before")
    op.create_table(
        "seen_events",
        sa.Column("event_id", sa.LargeBinary(), nullable=False, comment="16 bytes, see ids.py"),
        sa.PrimaryKeyConstraint("event_id", name="pk_seen_events"),
        sqlite_with_rowid=False,
    )
    _copy("INSERT INTO seen_events SELECT {as_bytes} FROM seen_before")
    op.drop_table("seen_before")


# Who left and entered again at one instant did so in this order.
_CHANGES_SO_FAR = """
INSERT INTO membership_changes (person_id, segment, change, at, recorded_at)
SELECT person_id, segment, change, since_at, since_at FROM (
    SELECT person_id, segment, 'entered' AS change, since_at FROM memberships
    WHERE until_at IS NULL OR until_at > since_at
    UNION ALL
    SELECT person_id, segment, 'exited', until_at FROM memberships WHERE until_at > since_at
) AS intervals
ORDER BY since_at, change DESC, person_id, segment
"""


def downgrade() -> None:
    """Drop the new tables; rows of history that wait to become a part must not be lost."""
    if op.get_bind().execute(sa.text("SELECT 1 FROM history_tail")).first():
        raise RuntimeError("history waits to become a part: History.flush first")
    op.rename_table("seen_events", "seen_before")
    _drop_key("seen_before")
    op.create_table(
        "seen_events",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_seen_events"),
        sqlite_with_rowid=False,
    )
    _copy("INSERT INTO seen_events SELECT {as_text}, 0 FROM seen_before")
    _copy_tail()
    op.drop_index("ix_memberships_segment_until_at_since_at", "memberships")
    _rebuild_memberships(with_rowid=True)
    op.create_index("ix_memberships_segment_until_at", "memberships", ["segment", "until_at"])
    for table in (
        "seen_before",
        "seen_tail",
        "live_waiting",
        "live_unwritten",
        "live_plan",
        "live_chunks",
        "live_people",
        "feature_cuts",
        "membership_changes",
        "history_tail",
    ):
        op.drop_table(table)


def _rebuild_memberships(*, with_rowid: bool) -> None:
    """Keep rows in a table of their own or, with_rowid=False, in the key itself: SQLite only."""
    if op.get_bind().dialect.name == "postgresql":
        return
    op.rename_table("memberships", "memberships_before")
    op.create_table(
        "memberships",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("person_id", "segment", "since_at", name="pk_memberships"),
        sqlite_with_rowid=with_rowid,
    )
    columns = "person_id, segment, since_at, until_at"
    op.execute(
        f"INSERT INTO memberships ({columns}) SELECT {columns} FROM memberships_before"
        " ORDER BY person_id, segment, since_at"
    )
    op.drop_table("memberships_before")


def _drop_key(table: str) -> None:
    """Let the new table have the old one's name of the key, where such names are unique."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("pk_seen_events", table)


def _copy(sql: str) -> None:
    """Copy ids from one form into the other; SQLite needs to be told how."""
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        op.execute(
            sql.format(as_bytes="decode(event_id, 'hex')", as_text="encode(event_id, 'hex')")
        )
        return
    connection = bind.connection
    connection.create_function("as_bytes", 1, bytes.fromhex, deterministic=True)
    connection.create_function("as_text", 1, bytes.hex, deterministic=True)
    op.execute(sql.format(as_bytes="as_bytes(event_id)", as_text="as_text(event_id)"))


def _copy_tail() -> None:
    bind = op.get_bind()
    add = sa.text("INSERT INTO seen_events VALUES (:id, :position) ON CONFLICT DO NOTHING")
    for position, packed in bind.execute(sa.text("SELECT position, ids FROM seen_tail")).all():
        ids = bytes(packed).hex()
        rows = [{"id": ids[at : at + 32], "position": position} for at in range(0, len(ids), 32)]
        bind.execute(add, rows)
