"""Tables of the ledger, and the way from each earlier format to the present one."""

VERSION = 2
APPLICATION_ID = 0x54494445  # "TIDE"

_ONE_ATTEMPT = """
    CREATE UNIQUE INDEX one_attempt ON attempts(canonical, snapshot, label, borders)
        WHERE canonical IS NOT NULL AND stage != 'duplicate'
    """

_BORDERS = """
    CREATE TABLE borders(
        id INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        who TEXT NOT NULL,
        why TEXT NOT NULL,
        snapshot TEXT NOT NULL,
        search_end TEXT NOT NULL,
        confirm_end TEXT NOT NULL,
        lookback INTEGER NOT NULL
    ) STRICT
    """

SCHEMA = (
    """
    CREATE TABLE attempts(
        id INTEGER PRIMARY KEY,
        session TEXT NOT NULL,
        iteration INTEGER NOT NULL,
        position INTEGER NOT NULL,
        proposer TEXT NOT NULL,
        hypothesis TEXT NOT NULL,
        idea TEXT NOT NULL,
        text TEXT NOT NULL,
        canonical TEXT,
        snapshot TEXT NOT NULL,
        label TEXT NOT NULL,
        seed INTEGER NOT NULL,
        recorded_at TEXT NOT NULL,
        judged_at TEXT,
        stage TEXT NOT NULL CHECK(stage IN ('proposed', 'scored', 'invalid', 'duplicate',
                                            'failed', 'rejected', 'accepted')),
        figures TEXT NOT NULL DEFAULT '{}',
        gate TEXT,
        reason TEXT,
        duplicate_of INTEGER REFERENCES attempts(id),
        borders INTEGER NOT NULL DEFAULT 1,
        prompts TEXT NOT NULL DEFAULT '',
        UNIQUE(session, iteration, position)
    ) STRICT
    """,
    _ONE_ATTEMPT,
    "CREATE INDEX attempts_by_snapshot ON attempts(snapshot, label, id)",
    """
    CREATE INDEX pending ON attempts(session, id) WHERE stage IN ('proposed', 'scored')
    """,
    """
    CREATE TABLE tests(
        position INTEGER PRIMARY KEY,
        attempt_id INTEGER NOT NULL UNIQUE REFERENCES attempts(id),
        rule TEXT NOT NULL,
        p_value REAL NOT NULL CHECK(p_value > 0 AND p_value <= 1),
        level REAL NOT NULL CHECK(level >= 0 AND level <= 1),
        discovery INTEGER NOT NULL CHECK(discovery = (p_value <= level)),
        figures TEXT NOT NULL,
        tested_at TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE members(
        id TEXT PRIMARY KEY,
        number INTEGER NOT NULL UNIQUE,
        attempt_id INTEGER NOT NULL UNIQUE REFERENCES attempts(id),
        canonical TEXT NOT NULL,
        label TEXT NOT NULL,
        sign INTEGER NOT NULL CHECK(sign IN (-1, 1)),
        status TEXT NOT NULL CHECK(status IN ('active', 'watch', 'retired')),
        accepted_at TEXT NOT NULL,
        p_value REAL NOT NULL,
        mlflow_run_id TEXT,
        UNIQUE(canonical, label)
    ) STRICT
    """,
    """
    CREATE TABLE member_events(
        id INTEGER PRIMARY KEY,
        member_id TEXT NOT NULL REFERENCES members(id),
        at TEXT NOT NULL,
        status TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE openings(
        id INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        window TEXT NOT NULL,
        who TEXT NOT NULL,
        why TEXT NOT NULL,
        pool_version INTEGER NOT NULL,
        content_hash TEXT NOT NULL,
        first TEXT,
        last TEXT
    ) STRICT
    """,
    _BORDERS,
    """
    CREATE TABLE state(
        session TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY(session, key)
    ) STRICT, WITHOUT ROWID
    """,
)

UPGRADES = {
    1: (
        # Attempts of the first format all belong to the first borders that are written down.
        "ALTER TABLE attempts ADD COLUMN borders INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE attempts ADD COLUMN prompts TEXT NOT NULL DEFAULT ''",
        "DROP INDEX one_attempt",
        _ONE_ATTEMPT,
        "ALTER TABLE openings ADD COLUMN first TEXT",
        "ALTER TABLE openings ADD COLUMN last TEXT",
        _BORDERS,
    ),
}
"""Format -> the statements that lead to the next."""
