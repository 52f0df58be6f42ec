"""A PostgreSQL of the project's own, as a Django database backend (ENGINE "jmsk.embedded").

base.py        the backend: Django's PostgreSQL backend, which starts the server before it connects
binaries.py    where the programs lie
location.py    where the data lies, and which user the server runs as
server.py      starts the server, or joins the one that runs
supervisor.py  the process that runs the server for as long as anybody uses it

The server listens on a Unix socket in a folder that only its own user (and root) may enter, and on
no network address. That folder is the lock on the door: inside it, connections are trusted.
"""
