"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "applied_batches",
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("applied", sa.BigInteger(), nullable=False),
        sa.Column("duplicates", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_applied_batches"),
    )
    op.create_table(
        "audit",
        sa.Column("entry", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column(
            "chain", sa.Text(), nullable=False, comment="SHA-256 over the entry and the one before"
        ),
        sa.PrimaryKeyConstraint("entry", name="pk_audit"),
    )
    op.create_table(
        "campaign_runs",
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.Text(), nullable=False),
        sa.Column(
            "status", sa.Text(), nullable=False, comment="planned, sending, paused, finished"
        ),
        sa.Column(
            "definition", sa.Text(), nullable=False, comment="the definition as it was, JSON"
        ),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("campaign", "occurrence", name="pk_campaign_runs"),
    )
    op.create_table(
        "consents",
        sa.Column("consent_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False, comment="given, withdrawn or pending"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False, comment="JSON without direct identifiers"),
        sa.PrimaryKeyConstraint("consent_id", name="pk_consents"),
    )
    op.create_index(
        "ix_consents_person_id_purpose_channel_at",
        "consents",
        ["person_id", "purpose", "channel", "at"],
    )
    op.create_table(
        "definitions",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True, comment="JSON; null marks a removal"),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("applied_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", "revision", name="pk_definitions"),
    )
    op.create_table(
        "history_parts",
        sa.Column("name", sa.Text(), nullable=False, comment="file name under history/"),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("first_position", sa.BigInteger(), nullable=False),
        sa.Column("last_position", sa.BigInteger(), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_history_parts"),
    )
    op.create_table(
        "identities",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("value_hash", sa.Text(), nullable=False, comment="keyed hash of the value"),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "value_hash", name="pk_identities"),
    )
    op.create_index("ix_identities_person_id", "identities", ["person_id"])
    op.create_table(
        "imports",
        sa.Column("import_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "report", sa.Text(), nullable=False, comment="rows in, used, rejected by reason: JSON"
        ),
        sa.PrimaryKeyConstraint("import_id", name="pk_imports"),
    )
    op.create_table(
        "items",
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("price", sa.Float(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("image_url", sa.Text(), nullable=True),
        sa.Column("stock", sa.BigInteger(), nullable=True, comment="null: not known"),
        sa.Column("margin", sa.Float(), nullable=True),
        sa.Column("active", sa.BigInteger(), nullable=False, comment="1 or 0"),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", name="pk_items"),
    )
    op.create_table(
        "memberships",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("person_id", "segment", "since_at", name="pk_memberships"),
    )
    op.create_index("ix_memberships_segment_until_at", "memberships", ["segment", "until_at"])
    op.create_table(
        "messages",
        sa.Column("message_id", sa.Text(), nullable=False, comment="deterministic, see ids.py"),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("arm", sa.Text(), nullable=False, comment="variant name, or holdout"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True, comment="why skipped, deferred, failed"),
        sa.Column("fence", sa.BigInteger(), nullable=False, comment="grows with every claim"),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("handed_at", sa.BigInteger(), nullable=True),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=True),
        sa.Column("provider_reply", sa.Text(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=False, comment="what was chosen and why, JSON"),
        sa.PrimaryKeyConstraint("message_id", name="pk_messages"),
        sa.UniqueConstraint(
            "campaign",
            "occurrence",
            "person_id",
            "channel",
            name="uq_messages_campaign_occurrence_person_id_channel",
        ),
    )
    op.create_index(
        "ix_messages_campaign_occurrence_state", "messages", ["campaign", "occurrence", "state"]
    )
    op.create_index("ix_messages_person_id", "messages", ["person_id"])
    op.create_index("ix_messages_state_lease_until", "messages", ["state", "lease_until"])
    op.create_table(
        "models",
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("trained_at", sa.BigInteger(), nullable=False),
        sa.Column("card", sa.Text(), nullable=False, comment="the model card, JSON"),
        sa.PrimaryKeyConstraint("model", "version", name="pk_models"),
    )
    op.create_table(
        "profiles",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "traits", sa.Text(), nullable=False, comment="non-identifying traits, JSON object"
        ),
        sa.Column(
            "merged_into", sa.Text(), nullable=True, comment="the surviving profile, once merged"
        ),
        sa.PrimaryKeyConstraint("person_id", name="pk_profiles"),
    )
    op.create_table(
        "recommendations",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("recommender", sa.Text(), nullable=False),
        sa.Column(
            "items", sa.Text(), nullable=False, comment="JSON list of {item_id, score, reason}"
        ),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "recommender", name="pk_recommendations"),
    )
    op.create_table(
        "rejected_events",
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("event_index", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, comment="the body stays in the log"),
        sa.Column("rejected_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("position", "event_index", name="pk_rejected_events"),
    )
    op.create_table(
        "scores",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("scored_at", sa.BigInteger(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False, comment="JSON list of sentences"),
        sa.PrimaryKeyConstraint("person_id", "model", name="pk_scores"),
    )
    op.create_index("ix_scores_model", "scores", ["model"])
    op.create_table(
        "seen_events",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_seen_events"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "segment_sizes",
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("computed_at", sa.BigInteger(), nullable=False),
        sa.Column("members", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("segment", "computed_at", name="pk_segment_sizes"),
    )
    op.create_table(
        "stream_offsets",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", name="pk_stream_offsets"),
    )
    op.create_table(
        "suppressions",
        sa.Column("address_hash", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("address_hash", "channel", "reason", name="pk_suppressions"),
    )
    op.create_table(
        "vault_keys",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name="pk_vault_keys"),
    )
    op.create_table(
        "vault_records",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name="pk_vault_records"),
    )
    op.create_table(
        "visits",
        sa.Column("visit_id", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="open, click or trap"),
        sa.Column("link", sa.Text(), nullable=True, comment="number and URL of the link"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False, comment="user agent; leaves with the person"),
        sa.Column(
            "network_hash", sa.Text(), nullable=True, comment="keyed hash of the address block"
        ),
        sa.Column(
            "verdict", sa.Text(), nullable=True, comment="human or machine; null: not settled"
        ),
        sa.Column("verdict_reason", sa.Text(), nullable=True),
        sa.Column("probability", sa.Float(), nullable=True, comment="of the verdict"),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("visit_id", name="pk_visits"),
    )
    op.create_index("ix_visits_message_id_at", "visits", ["message_id", "at"])
    op.create_index("ix_visits_person_id", "visits", ["person_id"])
    op.create_index("ix_visits_verdict_at", "visits", ["verdict", "at"])


def downgrade() -> None:
    """Drop every table."""
    op.drop_table("visits")
    op.drop_table("vault_records")
    op.drop_table("vault_keys")
    op.drop_table("suppressions")
    op.drop_table("stream_offsets")
    op.drop_table("segment_sizes")
    op.drop_table("seen_events")
    op.drop_table("scores")
    op.drop_table("rejected_events")
    op.drop_table("recommendations")
    op.drop_table("profiles")
    op.drop_table("models")
    op.drop_table("messages")
    op.drop_table("memberships")
    op.drop_table("items")
    op.drop_table("imports")
    op.drop_table("identities")
    op.drop_table("history_parts")
    op.drop_table("definitions")
    op.drop_table("consents")
    op.drop_table("campaign_runs")
    op.drop_table("audit")
    op.drop_table("applied_batches")
