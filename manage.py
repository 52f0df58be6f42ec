#!/usr/bin/env python
"""Runs Django's management commands for this project."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

INTERRUPTED = 130


def main() -> None:
    """Run the management command named on the command line.

    A setting that cannot be used is the operator's to mend, so its message is shown without a
    traceback (--traceback shows that too). So is an interrupt that comes when all is said.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jmsk.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"Configuration error: {error}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
