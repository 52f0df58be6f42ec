"""The manual page of the command: what ``--help`` says besides its options."""

from argparse import RawDescriptionHelpFormatter

from django.core.management.base import DjangoHelpFormatter

DESCRIPTION = """\
Restructure the legacy customers into contacts that belong to companies: validate,
back up, ask, migrate in one transaction, prove every row before COMMIT, report.

Without a mode it does all of that. A database that is migrated already is left alone.
"""
USAGE = "%(prog)s [MODE] [OPTION ...]    (--help lists them)"
MODES_HELP = "At most one. What does not fit the database's stage is refused, saying why."
EPILOG = """\
exit codes:
  0    done, or nothing to do
  1    refused, declined, failed, or checks failed; the database is as it was,
       unless the message says otherwise
  2    wrong usage
  130  interrupted; the database is as it was, unless the message says otherwise

examples:
  See what would happen; then try it and roll it back, which locks everybody out meanwhile:
    python manage.py migrate_contacts --dry-run
    python manage.py migrate_contacts --rehearse --max-lockout 60

  Migrate in a pipeline, with a minute of standstill at most, and keep the result:
    python manage.py migrate_contacts --noinput --max-lockout 60 --format json > result.json

DATABASE_URL in the environment names the database; unset, the embedded one is used.
Verbosity 0 prints errors only, 2 also each check that passed, settings, queries and the
parts of steps, 3 every event with its time. NO_COLOR in the environment switches colours off.
"""


class ManualFormatter(RawDescriptionHelpFormatter, DjangoHelpFormatter):
    """Keeps the manual's lines as they are, and Django's common options last."""
