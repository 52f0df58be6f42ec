"""How far a preparation has come: one row, by which whatever was killed goes on."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg2.extras import Json

from jmsk.postgres import prepared
from jmsk.postgres.queries import is_there, row


class Phase(StrEnum):
    """What is to be done next. Each phase ends in a COMMIT that also names the one after it."""

    INSTALL = "install"
    BASE = "base"
    RESERVE = "reserve"
    BACKFILL = "backfill"
    INDEX = "index"
    VERIFY = "verify"
    VERIFIED = prepared.VERIFIED
    ABANDON = "abandon"
    SWITCHED = "switched"


CREATE = f"""
    CREATE TABLE {prepared.STATE} (
        phase text NOT NULL, notes jsonb NOT NULL DEFAULT '{{}}',
        started timestamptz NOT NULL DEFAULT now(), touched timestamptz NOT NULL DEFAULT now());
    CREATE TABLE {prepared.BASE} (
        table_name text PRIMARY KEY, rows bigint NOT NULL, digest numeric NOT NULL);
    CREATE TABLE {prepared.DEFAULTS} (
        tenant_id bigint PRIMARY KEY, company_id bigint NOT NULL UNIQUE, reused boolean NOT NULL);
    CREATE TABLE {prepared.PENDING} (order_id bigint PRIMARY KEY);
    CREATE TABLE {prepared.JOURNAL} (
        table_name text NOT NULL, operation "char" NOT NULL, links boolean NOT NULL,
        id bigint, plus bigint, minus bigint)
        WITH (autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 5000);
    REVOKE ALL ON {", ".join(prepared.TABLES)} FROM PUBLIC;
    INSERT INTO {prepared.STATE} (phase) VALUES ('{Phase.INSTALL}');
"""
"""The journal has one row for each change of a row's legacy meaning: the hash of what it means
after the change and of what it meant before, and whether the change concerns a key that links."""
READ = f"SELECT phase, notes, started, touched FROM {prepared.STATE}"
NOTE = f"UPDATE {prepared.STATE} SET phase = %s, notes = notes || %s, touched = now()"


@dataclass(frozen=True)
class State:
    """The phase that is next, what was noted so far, and since when there is a preparation."""

    phase: Phase
    notes: dict[str, Any]
    started: datetime
    touched: datetime


def create_state(cursor: Any) -> None:
    """Make the tables of the preparation's own, in the schema that is first in the search path."""
    cursor.execute(CREATE)


def is_begun(cursor: Any) -> bool:
    """Return whether there is a preparation."""
    return is_there(cursor, prepared.STATE)


def read_state(cursor: Any) -> State:
    """Return how far the preparation has come. There has to be one."""
    phase, notes, started, touched = row(cursor, READ)
    return State(Phase(phase), prepared.as_dict(notes), started, touched)


def note(cursor: Any, phase: Phase, **notes: Any) -> None:
    """Name the phase that is next, and add ``notes``."""
    cursor.execute(NOTE, [phase, Json(notes)])


def drop_state(cursor: Any) -> None:
    """Take the preparation's own tables away."""
    cursor.execute(f"DROP TABLE IF EXISTS {', '.join(prepared.TABLES)}")
