"""The operational tables. Instants are integer microseconds UTC; structured columns are JSON text.

Nothing here holds a direct identifier in the clear: addresses and names live in `vault_records`
under a key per person, and are found again by keyed hash. A test keeps this file and the
migrations equal.
"""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text(name: str, *, key: bool = False, optional: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=key, nullable=optional)


def _integer(name: str, *, optional: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=optional)


def _instant(name: str, *, optional: bool = False) -> sa.Column[int]:
    return _integer(name, optional=optional)


profiles = sa.Table(
    "profiles",
    metadata,
    _text("person_id", key=True),
    _instant("first_seen_at"),
    _instant("updated_at"),
    sa.Column("traits", sa.Text, nullable=False, comment="non-identifying traits, JSON object"),
    sa.Column(
        "traits_at",
        sa.Text,
        nullable=False,
        server_default="{}",
        comment="when each trait was stated, JSON object of instants",
    ),
    sa.Column("merged_into", sa.Text, nullable=True, comment="the surviving profile, once merged"),
    sa.Index(
        None,
        "merged_into",
        sqlite_where=sa.text("merged_into IS NOT NULL"),
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    ),
)

identities = sa.Table(
    "identities",
    metadata,
    _text("namespace", key=True),
    sa.Column("value_hash", sa.Text, primary_key=True, comment="keyed hash of the value"),
    _text("person_id"),
    _instant("first_seen_at"),
    sa.Column("origin", sa.Text, nullable=True, comment="whose it is; null: the person's only one"),
    sa.Index(None, "person_id"),
)

origins = sa.Table(
    "origins",
    metadata,
    _text("origin", key=True),
    sa.Column("person_id", sa.Text, nullable=False, comment="who it is part of, maybe itself"),
    sa.Column("joined_to", sa.Text, nullable=True, comment="the origin a rule joined it to"),
    _instant("first_seen_at"),
    _instant("updated_at"),
    sa.Column("traits", sa.Text, nullable=False, comment="what it stated itself, JSON object"),
    sa.Column("traits_at", sa.Text, nullable=False, comment="when, JSON object of instants"),
    sa.Column(
        "vault", sa.LargeBinary, nullable=True, comment="its vault fields under the person's key"
    ),
    sa.Index(None, "person_id"),
)

merges = sa.Table(
    "merges",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("gone", sa.Text, nullable=False, comment="an origin"),
    sa.Column("kept", sa.Text, nullable=False, comment="the origin it was joined to"),
    sa.Column("decided", sa.BigInteger, nullable=False, comment="1: by somebody; 0: by a rule"),
    _instant("at"),
    sa.Column("undone_at", sa.BigInteger, nullable=True, comment="null: it holds"),
    sa.Column("apart", sa.BigInteger, nullable=False, comment="1: no rule joins the two again"),
    sa.Index(None, "gone"),
    sa.Index(None, "kept"),
)

partings = sa.Table(
    "partings",
    metadata,
    _text("origin", key=True),
    sa.Column("other", sa.Text, primary_key=True, comment="an origin of the same person until"),
    sa.Column("parted_at", sa.BigInteger, primary_key=True, autoincrement=False),
)

identity_moves = sa.Table(
    "identity_moves",
    metadata,
    _text("namespace", key=True),
    _text("value_hash", key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("from_origin", sa.Text, nullable=False, comment="whose it was until then"),
    sa.Column("to_origin", sa.Text, nullable=False, comment="whose it is from then on"),
    _instant("at"),
    sa.Index(None, "from_origin"),
    sa.Index(None, "to_origin"),
)

match_candidates = sa.Table(
    "match_candidates",
    metadata,
    sa.Column("one", sa.Text, primary_key=True, comment="a person's id, the smaller of the two"),
    _text("other", key=True),
    sa.Column("probability", sa.Float, nullable=False, comment="that they are one person"),
    sa.Column("weight", sa.Float, nullable=False, comment="log2 of the odds"),
    sa.Column("steps", sa.Text, nullable=False, comment="JSON list of [comparison, level, weight]"),
    sa.Column("state", sa.Text, nullable=False, comment="open, accepted or rejected"),
    sa.Column("found_at", sa.BigInteger, nullable=False, comment="by the run of this instant"),
    _instant("decided_at", optional=True),
    _text("decided_by", optional=True),
    sa.Index(None, "state", "probability"),
)

held_submissions = sa.Table(
    "held_submissions",
    metadata,
    _text("submission_id", key=True),
    _text("form"),
    _instant("held_at"),
    sa.Column("reason", sa.Text, nullable=False, comment="why it is hardly a person's"),
    _text("state"),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="its events, encrypted"),
    sa.Index(None, "form", "state", "held_at"),
)

vault_keys = sa.Table(
    "vault_keys",
    metadata,
    _text("person_id", key=True),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
)

vault_records = sa.Table(
    "vault_records",
    metadata,
    _text("person_id", key=True),
    sa.Column("ciphertext", sa.LargeBinary, nullable=False),
    _instant("updated_at"),
)

seen_events = sa.Table(
    "seen_events",
    metadata,
    sa.Column("event_id", sa.LargeBinary, primary_key=True, comment="16 bytes, see ids.py"),
    sqlite_with_rowid=False,
)

seen_tail = sa.Table(
    "seen_tail",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("ids", sa.LargeBinary, nullable=False, comment="of a step, 16 bytes each"),
)

stream_offsets = sa.Table(
    "stream_offsets",
    metadata,
    _text("consumer", key=True),
    _integer("position"),
)

applied_batches = sa.Table(
    "applied_batches",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    _text("source"),
    _integer("applied"),
    _integer("duplicates"),
    _integer("rejected"),
    _instant("applied_at"),
)

rejected_events = sa.Table(
    "rejected_events",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("event_index", sa.BigInteger, primary_key=True, autoincrement=False),
    _text("source"),
    sa.Column("reason", sa.Text, nullable=False, comment="the body stays in the log"),
    _instant("rejected_at"),
)

event_counts = sa.Table(
    "event_counts",
    metadata,
    _text("source", key=True),
    sa.Column("day_at", sa.BigInteger, primary_key=True, comment="when they came in, UTC"),
    _text("name", key=True),
    _integer("events"),
    _instant("last_received_at"),
    sqlite_with_rowid=False,
)

event_volumes = sa.Table(
    "event_volumes",
    metadata,
    _text("source", key=True),
    sa.Column("hour_at", sa.BigInteger, primary_key=True, comment="when they happened"),
    _text("name", key=True),
    _integer("events"),
    sqlite_with_rowid=False,
)

event_faults = sa.Table(
    "event_faults",
    metadata,
    _text("source", key=True),
    sa.Column("day_at", sa.BigInteger, primary_key=True, comment="when they came in, UTC"),
    _text("name", key=True),
    sa.Column("property", sa.Text, primary_key=True, comment="empty: the event as a whole"),
    _text("fault", key=True),
    sa.Column("outcome", sa.Text, primary_key=True, comment="keep, flag or reject"),
    _integer("events"),
    sa.Column("sample", sa.Text, nullable=False, comment="an event id, or position:index"),
)

quality_alerts = sa.Table(
    "quality_alerts",
    metadata,
    _text("source", key=True),
    sa.Column("name", sa.Text, primary_key=True, comment="of the event; empty: all of them"),
    sa.Column("kind", sa.Text, primary_key=True, comment="low, high, silent or stale"),
    sa.Column("began_at", sa.BigInteger, primary_key=True, autoincrement=False),
    _instant("ended_at", optional=True),
    _instant("noticed_at"),
    _integer("events"),
    sa.Column("expected", sa.Float, nullable=False, comment="events in the same time"),
)

history_parts = sa.Table(
    "history_parts",
    metadata,
    sa.Column("name", sa.Text, primary_key=True, comment="file name under history/"),
    _text("relation"),
    _integer("first_position"),
    _integer("last_position"),
    _integer("row_count"),
)

history_tail = sa.Table(
    "history_tail",
    metadata,
    _text("relation", key=True),
    sa.Column("first_position", sa.BigInteger, primary_key=True, autoincrement=False),
    _integer("last_position"),
    _integer("row_count"),
    _instant("added_at"),
    sa.Column("body", sa.LargeBinary, nullable=False, comment="rows not in a part yet: Arrow IPC"),
)

imports = sa.Table(
    "imports",
    metadata,
    _text("import_id", key=True),
    _text("source"),
    _text("file_name"),
    _instant("started_at"),
    _instant("finished_at", optional=True),
    sa.Column("report", sa.Text, nullable=False, comment="rows in, used, rejected by reason: JSON"),
)

source_cursors = sa.Table(
    "source_cursors",
    metadata,
    _text("source", key=True),
    _text("stream", key=True),
    sa.Column("cursor", sa.Text, nullable=True, comment="where to go on; null: at the beginning"),
    sa.Column("state", sa.Text, nullable=False, comment="pulling, waiting, down, refused, failed"),
    sa.Column("fingerprint", sa.Text, nullable=False, comment="of its definition and secrets"),
    _instant("pulled_at", optional=True),
    _instant("next_at", optional=True),
    _integer("failures"),
    _text("error", optional=True),
    _integer("events"),
    _integer("items"),
    sa.Column("rejected", sa.Text, nullable=False, comment="records by reason, JSON object"),
)

source_runs = sa.Table(
    "source_runs",
    metadata,
    _text("run_id", key=True),
    _text("source"),
    sa.Column("stream", sa.Text, nullable=True, comment="null: all of them"),
    sa.Column("again", sa.BigInteger, nullable=False, comment="1: from the beginning"),
    sa.Column("state", sa.Text, nullable=False, comment="waiting, running, done, failed"),
    _instant("asked_at"),
    _instant("started_at", optional=True),
    _instant("finished_at", optional=True),
    _integer("pages"),
    _integer("events"),
    _integer("items"),
    _integer("rejected"),
    _text("error", optional=True),
    sa.Index(None, "source", "state"),
)

items = sa.Table(
    "items",
    metadata,
    _text("item_id", key=True),
    _text("title"),
    _text("category", optional=True),
    sa.Column("price", sa.Float, nullable=True),
    _text("currency", optional=True),
    _text("url", optional=True),
    _text("image_url", optional=True),
    sa.Column("stock", sa.BigInteger, nullable=True, comment="null: not known"),
    sa.Column("margin", sa.Float, nullable=True),
    sa.Column("active", sa.BigInteger, nullable=False, comment="1 or 0"),
    _instant("updated_at"),
)

memberships = sa.Table(
    "memberships",
    metadata,
    _text("person_id", key=True),
    _text("segment", key=True),
    sa.Column("since_at", sa.BigInteger, primary_key=True),
    _instant("until_at", optional=True),
    # With until_at, or SQLite would look into the row of each to count them. With since_at, so
    # that those who enter stand together: a batch of them writes few pages.
    sa.Index(
        None,
        "segment",
        "until_at",
        "since_at",
        sqlite_where=sa.text("until_at IS NULL"),
        postgresql_where=sa.text("until_at IS NULL"),
    ),
    sqlite_with_rowid=False,
)

membership_changes = sa.Table(
    "membership_changes",
    metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    _text("person_id"),
    _text("segment"),
    sa.Column("change", sa.Text, nullable=False, comment="entered or exited"),
    sa.Column("at", sa.BigInteger, nullable=False, comment="when it became true"),
    sa.Column("recorded_at", sa.BigInteger, nullable=False, comment="when we noticed"),
    sa.Column("cause", sa.Text, nullable=True, comment="what brought it about"),
    sa.Index(None, "segment", "at"),
)

segment_sizes = sa.Table(
    "segment_sizes",
    metadata,
    _text("segment", key=True),
    sa.Column("computed_at", sa.BigInteger, primary_key=True),
    _integer("members"),
)

feature_cuts = sa.Table(
    "feature_cuts",
    metadata,
    _text("feature", key=True),
    sa.Column("bucket", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("value", sa.Text, nullable=False, comment="where the bucket ends, JSON"),
    _instant("computed_at"),
)

live_people = sa.Table(
    "live_people",
    metadata,
    _text("person_id", key=True),
    sa.Column(
        "next_change_at",
        sa.BigInteger,
        nullable=True,
        comment="when time alone changes something next; null: never",
    ),
    sa.Column("body", sa.LargeBinary, nullable=False, comment="what is known of the person now"),
    sa.Index(
        None,
        "next_change_at",
        sqlite_where=sa.text("next_change_at IS NOT NULL"),
        postgresql_where=sa.text("next_change_at IS NOT NULL"),
    ),
)

live_chunks = sa.Table(
    "live_chunks",
    metadata,
    _text("person_id", key=True),
    _text("group_key", key=True),
    sa.Column("chunk", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("body", sa.LargeBinary, nullable=False, comment="older facts of a busy person"),
)

live_waiting = sa.Table(
    "live_waiting",
    metadata,
    _text("person_id", key=True),
    sqlite_with_rowid=False,
    comment="people for whom facts wait in history",
)

live_unwritten = sa.Table(
    "live_unwritten",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("people", sa.LargeBinary, nullable=False, comment="whose rows wait since then"),
    comment="people whose rows are behind what was folded",
)

live_plan = sa.Table(
    "live_plan",
    metadata,
    _text("name", key=True),
    sa.Column("value", sa.Text, nullable=False, comment="JSON"),
)

scores = sa.Table(
    "scores",
    metadata,
    _text("person_id", key=True),
    _text("model", key=True),
    sa.Column("value", sa.Float, nullable=False),
    _text("version"),
    _instant("scored_at"),
    sa.Column("reasons", sa.Text, nullable=False, comment="JSON list of sentences"),
    sa.Index(None, "model"),
)

recommendations = sa.Table(
    "recommendations",
    metadata,
    _text("person_id", key=True),
    _text("recommender", key=True),
    sa.Column("items", sa.Text, nullable=False, comment="JSON list of {item_id, score, reason}"),
    _text("version"),
    _instant("made_at"),
)

models = sa.Table(
    "models",
    metadata,
    _text("model", key=True),
    _text("version", key=True),
    _text("status"),
    _instant("trained_at"),
    sa.Column("card", sa.Text, nullable=False, comment="the model card, JSON"),
)

definitions = sa.Table(
    "definitions",
    metadata,
    _text("kind", key=True),
    _text("name", key=True),
    sa.Column("revision", sa.BigInteger, primary_key=True),
    sa.Column("body", sa.Text, nullable=True, comment="JSON; null marks a removal"),
    _text("author"),
    _instant("applied_at"),
)

consents = sa.Table(
    "consents",
    metadata,
    _text("consent_id", key=True),
    _text("person_id"),
    _text("purpose"),
    _text("channel"),
    sa.Column("status", sa.Text, nullable=False, comment="given, withdrawn or pending"),
    _instant("at"),
    _text("source"),
    _text("wording", optional=True),
    sa.Column("evidence", sa.Text, nullable=False, comment="JSON without direct identifiers"),
    sa.Column("origin", sa.Text, nullable=True, comment="who stated it; null: the only one"),
    sa.Index(None, "person_id", "purpose", "channel", "at"),
)

suppressions = sa.Table(
    "suppressions",
    metadata,
    sa.Column("address_hash", sa.Text, primary_key=True),
    _text("channel", key=True),
    _text("reason", key=True),
    _text("source"),
    _instant("added_at"),
    _instant("expires_at", optional=True),
)

campaign_runs = sa.Table(
    "campaign_runs",
    metadata,
    _text("campaign", key=True),
    _text("occurrence", key=True),
    sa.Column("status", sa.Text, nullable=False, comment="see campaign/runs.py"),
    sa.Column("definition", sa.Text, nullable=False, comment="the definition as it was, JSON"),
    _instant("planned_at"),
    _instant("finished_at", optional=True),
    sa.Column("starts_at", sa.BigInteger, nullable=True, comment="when it is to be planned"),
    sa.Column(
        "channel", sa.Text, nullable=True, comment="what carries it; null: only a command can"
    ),
    sa.Column("conductor", sa.Text, nullable=True, comment="who sends: server or command"),
    sa.Column(
        "details",
        sa.Text,
        nullable=True,
        comment="JSON: whom it repeats, who approved, why it stands still",
    ),
)

sending_halts = sa.Table(
    "sending_halts",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True, comment="a campaign's name, or *: everything"),
    _instant("at"),
    _text("actor"),
    _text("reason"),
    comment="what must not be sent now",
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("message_id", sa.Text, primary_key=True, comment="deterministic, see ids.py"),
    _text("campaign"),
    _text("occurrence"),
    _text("person_id"),
    _text("channel"),
    _text("purpose"),
    sa.Column("arm", sa.Text, nullable=False, comment="variant name, or holdout"),
    _text("state"),
    sa.Column("reason", sa.Text, nullable=True, comment="why skipped, deferred, failed"),
    sa.Column("fence", sa.BigInteger, nullable=False, comment="grows with every claim"),
    _text("lease_owner", optional=True),
    _instant("lease_until", optional=True),
    _integer("attempts"),
    _instant("planned_at"),
    _instant("updated_at"),
    _instant("handed_at", optional=True),
    _instant("next_attempt_at", optional=True),
    _text("provider_reply", optional=True),
    sa.Column("decision", sa.Text, nullable=False, comment="what was chosen and why, JSON"),
    sa.Column(
        "priority",
        sa.Float,
        nullable=True,
        comment="where a cap leaves room for few, the greater goes first",
    ),
    sa.UniqueConstraint("campaign", "occurrence", "person_id", "channel"),
    sa.Index(None, "campaign", "occurrence", "state"),
    sa.Index(None, "person_id"),
    sa.Index(None, "state", "lease_until"),
)

destination_rows = sa.Table(
    "destination_rows",
    metadata,
    _text("destination", key=True),
    sa.Column("known_as", sa.Text, primary_key=True, comment="keyed hash of what it knows them by"),
    _text("person_id"),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="what it knows them by, encrypted"),
    sa.Column("state", sa.Text, nullable=False, comment="sending, sent, refused"),
    sa.Column("fingerprint", sa.Text, nullable=False, comment="of what it was told; empty: unsure"),
    sa.Column("reason", sa.Text, nullable=True, comment="why it refused"),
    _instant("updated_at"),
    sa.Index(None, "destination", "person_id"),
)

destination_syncs = sa.Table(
    "destination_syncs",
    metadata,
    _text("destination", key=True),
    sa.Column("position", sa.Text, nullable=True, comment="of facts: told until here, JSON"),
    sa.Column("state", sa.Text, nullable=False, comment="waiting, down, refused, failed"),
    sa.Column("fingerprint", sa.Text, nullable=False, comment="of its definition and secrets"),
    _instant("synced_at", optional=True),
    _instant("next_at", optional=True),
    _integer("failures"),
    _text("error", optional=True),
    sa.Column("told", sa.BigInteger, nullable=False, comment="rows and facts it took"),
)

journey_versions = sa.Table(
    "journey_versions",
    metadata,
    _text("journey", key=True),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("status", sa.Text, nullable=False, comment="live, paused or replaced"),
    sa.Column("definition", sa.Text, nullable=False, comment="the definition as it was, JSON"),
    _instant("started_at"),
    sa.Column(
        "scanned_until", sa.BigInteger, nullable=False, comment="until when dates were looked for"
    ),
)

journey_runs = sa.Table(
    "journey_runs",
    metadata,
    _text("run_id", key=True),
    _text("journey"),
    _integer("version"),
    _text("person_id"),
    _text("entry_key"),
    sa.Column("state", sa.Text, nullable=False, comment="active, finished, exited or holdout"),
    _instant("entered_at"),
    sa.Column("wake_at", sa.BigInteger, nullable=True, comment="null: not by time"),
    sa.Column("body", sa.Text, nullable=False, comment="the run, JSON"),
    sa.Column("notes", sa.Text, nullable=False, comment="what happened at every step, JSON"),
    sa.Index(None, "person_id"),
    sa.Index(None, "journey", "state", "entered_at"),
    sa.Index(
        None,
        "wake_at",
        sqlite_where=sa.text("wake_at IS NOT NULL"),
        postgresql_where=sa.text("wake_at IS NOT NULL"),
    ),
)

journey_effects = sa.Table(
    "journey_effects",
    metadata,
    _text("effect_id", key=True),
    _text("run_id"),
    sa.Column("kind", sa.Text, nullable=False, comment="event, call or message"),
    sa.Column("body", sa.Text, nullable=False, comment="JSON"),
    _integer("attempts"),
    sa.Column("due_at", sa.BigInteger, nullable=True, comment="null: given up"),
    _text("error", optional=True),
    sa.Index(None, "kind", "due_at"),
    comment="what journeys still have to do outside the store",
)

visits = sa.Table(
    "visits",
    metadata,
    _text("visit_id", key=True),
    _text("message_id"),
    _text("person_id"),
    sa.Column("kind", sa.Text, nullable=False, comment="open, click or trap"),
    sa.Column("link", sa.Text, nullable=True, comment="number and URL of the link"),
    _instant("at"),
    _text("method"),
    sa.Column("agent", sa.Text, nullable=False, comment="user agent; leaves with the person"),
    sa.Column("network_hash", sa.Text, nullable=True, comment="keyed hash of the address block"),
    sa.Column("verdict", sa.Text, nullable=True, comment="human or machine; null: not settled"),
    _text("verdict_reason", optional=True),
    sa.Column("probability", sa.Float, nullable=True, comment="of the verdict"),
    _integer("revision"),
    sa.Index(None, "message_id", "at"),
    sa.Index(None, "person_id"),
    sa.Index(None, "verdict", "at"),
    sa.Index(None, "network_hash", "kind"),
)

returns = sa.Table(
    "returns",
    metadata,
    _text("return_id", key=True),
    _text("message_id"),
    _text("person_id"),
    sa.Column("address_hash", sa.Text, nullable=True, comment="null: not told, or not theirs"),
    _text("channel"),
    sa.Column("kind", sa.Text, nullable=False, comment="hard, soft, block, complaint, ..."),
    _text("reason"),
    sa.Column("rule", sa.Text, nullable=False, comment="what said so"),
    sa.Column("status", sa.Text, nullable=True, comment="enhanced status code"),
    sa.Column("source", sa.Text, nullable=False, comment="mailbox, ses, sendgrid, ..."),
    _instant("noted_at"),
    sa.Index(None, "message_id"),
    sa.Index(None, "person_id"),
    sa.Index(None, "address_hash", "noted_at"),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("entry", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    _instant("at"),
    _text("actor"),
    _text("action"),
    _text("subject"),
    sa.Column(
        "chain", sa.Text, nullable=False, comment="SHA-256 over the entry and the one before"
    ),
)
