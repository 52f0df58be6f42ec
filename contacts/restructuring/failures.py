"""Foreseen failures: each kind has a code that stays the same in every release.

The code stands before the message, in the JSON document and in the documentation, so that a person
or a program can look up what a failure means without reading its words.
"""

from django.core.management.base import CommandError

UNCHANGED = "Nothing was changed."
ROLLED_BACK = "Everything was rolled back: the database is as it was."
USAGE, INTERRUPTED = 2, 130
"""Exit codes besides 1, which is that of a failure."""

CODES = {
    # reaching the database, and being heard
    "MC101": "The database cannot be reached.",
    "MC102": "The server broke the call off before it had changed anything.",
    "MC103": "The role lacks a right.",
    "MC104": "Another run is at work on this database.",
    "MC105": "What the command says cannot be written.",
    "MC106": "The JSON document cannot be written.",
    "MC107": "There is no terminal to ask on.",
    "MC108": "The question was answered with no.",
    "MC109": "The options do not go together.",
    "MC110": "The role may not read Django's record.",
    "MC111": "The server has no database of this name.",
    # the stage of the database
    "MC201": "The database is at a stage that the mode does not work on.",
    "MC202": "The tables were changed while the question was open.",
    "MC203": "The tables were changed between the checks and the lock.",
    "MC204": "A way back did not lead to a legacy database.",
    "MC205": "A plain migrate would restructure tables that hold rows.",
    "MC206": "Reversing a migration would drop tables that hold rows.",
    "MC207": "Migrations of other apps build on the restructuring.",
    # checks
    "MC301": "A check before the change failed.",
    "MC302": "A check failed under the lock.",
    "MC303": "A check of a migrated database failed.",
    # backups
    "MC401": "The backup could not be written.",
    "MC402": "The backup did not read back as it was written.",
    "MC403": "The tables could not be read for the backup.",
    "MC404": "The backup has another number of rows than the table.",
    "MC405": "The folder holds no whole backup.",
    "MC406": "The backup cannot be read.",
    "MC407": "The backup is damaged.",
    "MC408": "The backup was exchanged while the question was open.",
    "MC409": "The backup went away or was changed after it was verified.",
    "MC410": "There is no backup of this name to prune.",
    "MC411": "A backup could not be removed.",
    # locks
    "MC501": "The tables could not be locked or read in time.",
    "MC502": "Sessions that read as of an earlier time did not end.",
    "MC503": "The window of --max-lockout was over.",
    # the work itself, and its proof
    "MC601": "The proof failed: rows are not what they were.",
    "MC602": "Legacy objects did not come back as they were.",
    "MC603": "The server refused or broke off the work.",
    "MC604": "Alembic's record cannot be stamped.",
    # restoring
    "MC701": "The backup is of a stage that cannot be restored into this database.",
    "MC702": "The backup does not fit the tables.",
    "MC703": "Rows of other tables refer to rows that the backup does not have.",
    "MC704": "A constraint refuses the rows of the backup.",
    "MC705": "A column has no sequence any more.",
    "MC706": "A type, table or index of the backup cannot be made.",
    "MC707": "After the restore the rows are not those of the backup.",
    # the end of a call
    "MC801": "Interrupted before anything was changed.",
    "MC802": "Interrupted, and the transaction was rolled back.",
    "MC803": "Interrupted or broken off after everything was committed.",
    "MC804": "Interrupted at COMMIT: nobody asked how it ended.",
    "MC805": "The connection was lost at COMMIT, and the server does not answer.",
    # the online road
    "MC901": "The database cannot be prepared online.",
    "MC902": "A step of the preparation could not lock a table in time.",
    "MC903": "The preparation paused for too long for the application's sake.",
    "MC904": "The rows are not what the journal of the preparation says.",
    "MC905": "A batch of the preparation touched more than it should.",
    "MC906": "A check failed while the preparation was verified.",
    "MC907": "The preparation cannot be switched as it is.",
    "MC908": "Too much changed since the last check to be looked at under the lock.",
    "MC909": "Too many customers without a company would be placed under the lock.",
    "MC910": "Rows that changed since the last check stand in the way of the switch.",
    "MC911": "After the switch, the rows at the lock are not what the journal said.",
    "MC912": "A step was interrupted or broken off that goes on when it is run again.",
}
"""What each code means. The message itself says what happened to what, and what to do next."""


class Failure(CommandError):  # noqa: N818  # the documentation calls it so
    """A foreseen failure. ``code`` is one of :data:`CODES`, ``message`` is for people."""

    def __init__(self, code: str, message: str, returncode: int = 1) -> None:
        super().__init__(f"[{code}] {message}", returncode=returncode)
        self.code = code
