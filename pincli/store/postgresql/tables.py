"""The tables on PostgreSQL, as literal SQL, so that no change of an enum or a rule alters them.

The columns are those of SQLite's schema 2, in the same order. Texts compare byte by byte in every
locale. `active` is a number, as in shared SQL and in digests. A seal may be missing, since a
desk's functions have no key.
"""
# ruff: noqa: E501

from __future__ import annotations

SCHEMA = 2

TABLES = (
    # One row, which every writer locks. Its page has much free room, so that updates stay in it.
    """
    CREATE TABLE pincli.store (
        id bigint PRIMARY KEY CHECK (id = 1),
        store_id text COLLATE "C" NOT NULL,
        created_at text COLLATE "C" NOT NULL,
        verify_key text COLLATE "C" NOT NULL,
        audit_key text COLLATE "C" NOT NULL,
        portal_key text COLLATE "C" NOT NULL,
        epoch bigint NOT NULL DEFAULT 0,
        start_number bigint NOT NULL DEFAULT 0,
        start_link bytea NOT NULL,
        start_seal bytea NOT NULL,
        schema integer NOT NULL,
        head_number bigint NOT NULL,
        head_link bytea NOT NULL
    ) WITH (fillfactor = 10)
    """,
    """
    CREATE TABLE pincli.people (
        id bigint PRIMARY KEY CHECK (id BETWEEN 1 AND 9007199254740991),
        uid bytea NOT NULL UNIQUE CHECK (length(uid) = 16),
        blind bytea,
        account text COLLATE "C" NOT NULL,
        login text COLLATE "C" NOT NULL,
        display_name text COLLATE "C" NOT NULL,
        email text COLLATE "C",
        type text COLLATE "C" NOT NULL CHECK (
            type IN ('cloud', 'dedicated', 'federated', 'cloud-office', 'datapipe')
        ),
        active smallint NOT NULL CHECK (active IN (0, 1)),
        added_at text COLLATE "C" NOT NULL,
        question text COLLATE "C",
        pin_check bytea,
        pin_proof bytea,
        verify_key text COLLATE "C",
        sealed bytea,
        portal_key text COLLATE "C",
        pin_set_at text COLLATE "C",
        pin_set_by text COLLATE "C" CHECK (pin_set_by IN ('generated', 'customer')),
        pin_version bigint NOT NULL CHECK (pin_version >= 0),
        barred_question text COLLATE "C",
        barred_check bytea,
        barred_key text COLLATE "C",
        barred_version bigint,
        failed_attempts bigint NOT NULL CHECK (failed_attempts BETWEEN 0 AND 6),
        locked_since text COLLATE "C",
        last_locked_at text COLLATE "C",
        locks_total bigint NOT NULL CHECK (locks_total >= 0),
        attempts_total bigint NOT NULL CHECK (attempts_total >= 0),
        last_attempt_at text COLLATE "C",
        last_attempt_by text COLLATE "C",
        last_verified_at text COLLATE "C",
        last_verified_by text COLLATE "C",
        attempt bigint,
        attempt_answer bytea,
        attempt_at text COLLATE "C",
        attempt_agent text COLLATE "C",
        attempt_command text COLLATE "C",
        attempt_ticket text COLLATE "C",
        call_agent text COLLATE "C",
        call_ref text COLLATE "C",
        call_since text COLLATE "C",
        event bigint NOT NULL,
        seal bytea,
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
    )
    """,
    "CREATE INDEX people_by_login ON pincli.people (login, account)",
    "CREATE INDEX people_by_state ON pincli.people (active, type, (question IS NULL), login, account)",
    """
    CREATE INDEX people_locked ON pincli.people (active, type, (question IS NULL), login, account)
        WHERE locked_since IS NOT NULL
    """,
    "CREATE INDEX people_by_lock_time ON pincli.people (locked_since) WHERE locked_since IS NOT NULL",
    "CREATE INDEX people_open ON pincli.people (attempt_at) WHERE attempt IS NOT NULL",
    # Events from before a move to this server have no database login.
    """
    CREATE TABLE pincli.trail (
        number bigint PRIMARY KEY CHECK (number > 0),
        at text COLLATE "C" NOT NULL,
        agent text COLLATE "C" NOT NULL,
        database_login text COLLATE "C",
        command text COLLATE "C" NOT NULL,
        kind text COLLATE "C" NOT NULL,
        uid bytea,
        account text COLLATE "C",
        attempt bigint,
        outcome text COLLATE "C",
        ended_by text COLLATE "C",
        counter bigint,
        pin_version bigint,
        texts bytea,
        record bytea,
        note text COLLATE "C",
        link bytea NOT NULL,
        seal bytea
    )
    """,
    "CREATE INDEX trail_by_user ON pincli.trail (uid, number) WHERE uid IS NOT NULL",
    "CREATE INDEX trail_by_change ON pincli.trail (uid, number) WHERE record IS NOT NULL",
    "CREATE INDEX trail_by_time ON pincli.trail (at, number)",
    """
    CREATE INDEX trail_of_note ON pincli.trail (kind, at) WHERE kind IN ('incorrect', 'locked',
        'locked_by_hand', 'unlocked', 'refused', 'restored', 'audited', 'acknowledged')
    """,
    """
    CREATE TABLE pincli.texts (
        number bigint PRIMARY KEY,
        blind bytea NOT NULL,
        reason text COLLATE "C",
        ticket text COLLATE "C",
        name text COLLATE "C"
    )
    """,
    "CREATE INDEX texts_by_name ON pincli.texts (name) WHERE name IS NOT NULL",
    "CREATE INDEX texts_by_ticket ON pincli.texts (ticket, number) WHERE ticket IS NOT NULL",
    """
    CREATE TABLE pincli.notices (
        number bigint PRIMARY KEY,
        tried_at text COLLATE "C"
    )
    """,
    # The folded words of each user, for searches.
    """
    CREATE TABLE pincli.words (
        id bigint PRIMARY KEY,
        folded tsvector NOT NULL
    )
    """,
    "CREATE INDEX words_folded ON pincli.words USING gin (folded)",
    # One row for each charge, so that a charge sent twice is one attempt. `xid` is unique: one
    # transaction has one charge.
    """
    CREATE TABLE pincli.nonces (
        nonce uuid PRIMARY KEY,
        uid bytea NOT NULL,
        attempt bigint NOT NULL,
        xid xid8 NOT NULL UNIQUE,
        at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    "CREATE INDEX nonces_by_user ON pincli.nonces (uid, at)",
)

OLD_EVENTS = (
    """
    CREATE TABLE pincli.old_events (
        seq bigint PRIMARY KEY CHECK (seq > 0),
        at text COLLATE "C" NOT NULL,
        agent text COLLATE "C" NOT NULL,
        command text COLLATE "C" NOT NULL,
        kind text COLLATE "C" NOT NULL,
        "user" text COLLATE "C",
        account text COLLATE "C",
        attempt bigint,
        outcome text COLLATE "C",
        attempts_used bigint,
        pin_version bigint,
        reason text COLLATE "C",
        ticket text COLLATE "C",
        mac text COLLATE "C" NOT NULL
    )
    """,
    'CREATE INDEX events_by_user ON pincli.old_events ("user", seq) WHERE "user" IS NOT NULL',
    "CREATE INDEX events_by_time ON pincli.old_events (at, seq)",
    """
    CREATE INDEX events_of_alarm ON pincli.old_events (kind, at)
        WHERE kind IN ('incorrect', 'abandoned', 'locked', 'unlocked', 'refused')
    """,
)
"""The events of schema 1, if the store was moved here and had any."""
