"""The tables, as literal SQL: no later change of an enum or a rule alters a released schema.

Not one blank may change here: SQLite keeps these texts, and schema_check.py compares them.
"""
# ruff: noqa: E501

from __future__ import annotations

SCHEMA_1 = (
    """CREATE TABLE store (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            store_id TEXT NOT NULL,
            created_at TEXT NOT NULL,
            verify_key TEXT NOT NULL,
            audit_key TEXT NOT NULL,
            portal_key TEXT NOT NULL
        ) STRICT
        """,
    """CREATE TABLE users (
            id INTEGER PRIMARY KEY,
            user TEXT NOT NULL UNIQUE,
            account TEXT NOT NULL,
            name TEXT NOT NULL,
            type TEXT NOT NULL CHECK (type IN ('cloud', 'dedicated', 'federated', 'cloud-office', 'datapipe')),
            active INTEGER NOT NULL CHECK (active IN (0, 1)),
            added_at TEXT NOT NULL,
            verifier TEXT,
            verify_key TEXT,
            sealed BLOB,
            portal_key TEXT,
            pin_set_at TEXT,
            pin_set_by TEXT CHECK (pin_set_by IN ('generated', 'customer')),
            pin_version INTEGER NOT NULL DEFAULT 0 CHECK (pin_version >= 0),
            failed_attempts INTEGER NOT NULL DEFAULT 0
                CHECK (failed_attempts BETWEEN 0 AND 6),
            open_attempt INTEGER,
            locked_since TEXT,
            last_locked_at TEXT,
            last_attempt_at TEXT,
            last_attempt_by TEXT,
            last_verified_at TEXT,
            last_verified_by TEXT,
            locks_total INTEGER NOT NULL DEFAULT 0 CHECK (locks_total >= 0),
            attempts_total INTEGER NOT NULL DEFAULT 0 CHECK (attempts_total >= 0),
            CHECK ((verifier IS NULL) = (verify_key IS NULL)),
            CHECK ((verifier IS NULL) = (sealed IS NULL)),
            CHECK ((verifier IS NULL) = (portal_key IS NULL)),
            CHECK ((verifier IS NULL) = (pin_set_at IS NULL)),
            CHECK ((verifier IS NULL) = (pin_set_by IS NULL)),
            CHECK (locked_since IS NULL OR failed_attempts = 6)
        ) STRICT
        """,
    """CREATE INDEX users_by_account ON users (account, user)""",
    """CREATE INDEX users_by_state ON users (active, type, (verifier IS NULL), user)""",
    """CREATE INDEX users_locked ON users (active, type, (verifier IS NULL), user)
            WHERE failed_attempts = 6
        """,
    """CREATE INDEX users_by_lock_time ON users (locked_since)
            WHERE failed_attempts = 6
        """,
    """CREATE TABLE events (
            seq INTEGER PRIMARY KEY CHECK (seq > 0),
            at TEXT NOT NULL,
            agent TEXT NOT NULL,
            command TEXT NOT NULL,
            kind TEXT NOT NULL,
            user TEXT,
            account TEXT,
            attempt INTEGER,
            outcome TEXT,
            attempts_used INTEGER,
            pin_version INTEGER,
            reason TEXT,
            ticket TEXT,
            mac TEXT NOT NULL
        ) STRICT
        """,
    """CREATE INDEX events_by_user ON events (user, seq) WHERE user IS NOT NULL""",
    """CREATE INDEX events_by_time ON events (at, seq)""",
    """CREATE INDEX events_of_alarm ON events (kind, at)
            WHERE kind IN ('incorrect', 'abandoned', 'locked', 'unlocked', 'refused')
        """,
    """CREATE TABLE issued (
            batch TEXT NOT NULL,
            user_id INTEGER NOT NULL REFERENCES users (id),
            PRIMARY KEY (batch, user_id)
        ) STRICT, WITHOUT ROWID
        """,
)

FROM_SCHEMA_1 = tuple(
    statement.replace(" events ", ' "old_events" ')
    for statement in SCHEMA_1
    if " events " in statement
)
"""What an upgraded store has besides the tables of schema 2, as SQLite writes it."""

SCHEMA_2 = (
    """
    CREATE TABLE store (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        store_id TEXT NOT NULL,
        created_at TEXT NOT NULL,
        verify_key TEXT NOT NULL,
        audit_key TEXT NOT NULL,
        portal_key TEXT NOT NULL,
        epoch INTEGER NOT NULL DEFAULT 0,
        start_number INTEGER NOT NULL DEFAULT 0,
        start_link BLOB NOT NULL,
        start_seal BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE people (
        id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 9007199254740991),
        uid BLOB NOT NULL UNIQUE CHECK (length(uid) = 16),
        blind BLOB,
        account TEXT NOT NULL,
        login TEXT NOT NULL,
        display_name TEXT NOT NULL,
        email TEXT,
        type TEXT NOT NULL CHECK (
            type IN ('cloud', 'dedicated', 'federated', 'cloud-office', 'datapipe')
        ),
        active INTEGER NOT NULL CHECK (active IN (0, 1)),
        added_at TEXT NOT NULL,
        question TEXT,
        pin_check BLOB,
        pin_proof BLOB,
        verify_key TEXT,
        sealed BLOB,
        portal_key TEXT,
        pin_set_at TEXT,
        pin_set_by TEXT CHECK (pin_set_by IN ('generated', 'customer')),
        pin_version INTEGER NOT NULL CHECK (pin_version >= 0),
        barred_question TEXT,
        barred_check BLOB,
        barred_key TEXT,
        barred_version INTEGER,
        failed_attempts INTEGER NOT NULL CHECK (failed_attempts BETWEEN 0 AND 6),
        locked_since TEXT,
        last_locked_at TEXT,
        locks_total INTEGER NOT NULL CHECK (locks_total >= 0),
        attempts_total INTEGER NOT NULL CHECK (attempts_total >= 0),
        last_attempt_at TEXT,
        last_attempt_by TEXT,
        last_verified_at TEXT,
        last_verified_by TEXT,
        attempt INTEGER,
        attempt_answer BLOB,
        attempt_at TEXT,
        attempt_agent TEXT,
        attempt_command TEXT,
        attempt_ticket TEXT,
        call_agent TEXT,
        call_ref TEXT,
        call_since TEXT,
        event INTEGER NOT NULL,
        seal BLOB NOT NULL,
        UNIQUE (account, login),
        CHECK ((question IS NULL) = (pin_check IS NULL)),
        CHECK ((question IS NULL) = (pin_proof IS NULL)),
        CHECK ((question IS NULL) = (verify_key IS NULL)),
        CHECK ((question IS NULL) = (sealed IS NULL)),
        CHECK ((question IS NULL) = (portal_key IS NULL)),
        CHECK ((question IS NULL) = (pin_set_at IS NULL)),
        CHECK ((question IS NULL) = (pin_set_by IS NULL)),
        CHECK ((attempt IS NULL) = (attempt_answer IS NULL)),
        CHECK (attempt IS NULL OR (question IS NOT NULL AND failed_attempts > 0)),
        CHECK ((locked_since IS NOT NULL) = (failed_attempts = 6 AND attempt IS NULL))
    ) STRICT
    """,
    "CREATE INDEX people_by_login ON people (login, account)",
    # A verify changes none of its columns, so it never pays for this index.
    "CREATE INDEX people_by_state ON people (active, type, (question IS NULL), login, account)",
    """
    CREATE INDEX people_locked ON people (active, type, (question IS NULL), login, account)
        WHERE locked_since IS NOT NULL
    """,
    "CREATE INDEX people_by_lock_time ON people (locked_since) WHERE locked_since IS NOT NULL",
    "CREATE INDEX people_open ON people (attempt_at) WHERE attempt IS NOT NULL",
    """
    CREATE TABLE trail (
        number INTEGER PRIMARY KEY CHECK (number > 0),
        at TEXT NOT NULL,
        agent TEXT NOT NULL,
        database_login TEXT,
        command TEXT NOT NULL,
        kind TEXT NOT NULL,
        uid BLOB,
        account TEXT,
        attempt INTEGER,
        outcome TEXT,
        ended_by TEXT,
        counter INTEGER,
        pin_version INTEGER,
        texts BLOB,
        record BLOB,
        note TEXT,
        link BLOB NOT NULL,
        seal BLOB
    ) STRICT
    """,
    "CREATE INDEX trail_by_user ON trail (uid, number) WHERE uid IS NOT NULL",
    "CREATE INDEX trail_by_change ON trail (uid, number) WHERE record IS NOT NULL",
    "CREATE INDEX trail_by_time ON trail (at, number)",
    # For alerts and doctor; a successful verify writes none of these.
    """
    CREATE INDEX trail_of_note ON trail (kind, at) WHERE kind IN ('incorrect', 'locked',
        'locked_by_hand', 'unlocked', 'refused', 'restored', 'audited', 'acknowledged')
    """,
    """
    CREATE TABLE texts (
        number INTEGER PRIMARY KEY,
        blind BLOB NOT NULL,
        reason TEXT,
        ticket TEXT,
        name TEXT
    ) STRICT
    """,
    "CREATE INDEX texts_by_name ON texts (name) WHERE name IS NOT NULL",
    "CREATE INDEX texts_by_ticket ON texts (ticket) WHERE ticket IS NOT NULL",
    # Locks that the hook has not taken yet.
    """
    CREATE TABLE notices (
        number INTEGER PRIMARY KEY,
        tried_at TEXT
    ) STRICT
    """,
    # The words that find users, under their row numbers: folded, with blanks between them.
    """CREATE VIRTUAL TABLE words USING fts5 (
        folded, prefix = '1 2 3', tokenize = 'ascii', detail = none, columnsize = 0
    )""",
)

OF_FTS5 = frozenset({"words_data", "words_idx", "words_content", "words_config"})
"""The tables that SQLite makes for `words`."""
