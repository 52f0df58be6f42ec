"""How fast the restructuring is, against what PostgreSQL and Django can do by themselves.

    python -m tests.benchmark --customers 200000 --orders 1000000

It is no test: its figures depend on the machine, so what counts are ratios between things that
were measured in turns, in one run, on copies of one database.

__main__.py    the options, and the output
place.py       the server, the legacy databases and their copies
programs.py    running a program: its time, its memory, its output
scripts.py     B, plain.sql, and C, tuned.sql: the same schema by SQL alone
command.py     A, the command, and its parts
copying.py     D, pg_dump, dumpdata and loaddata
online.py      the preparation and the switch, quiet and beside writers
writers.py     those writers, and what a trigger costs one of them
rounds.py      what is measured, and in which turns
targets.py     what is wanted, and how the measurements compare
table.py       the output as text and as JSON
"""
