#!/usr/bin/env python
"""Runs Django's management commands for this project."""

import os
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    """Run the management command named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jmsk.settings")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
