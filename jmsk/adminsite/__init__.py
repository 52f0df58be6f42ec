"""What the admins of the apps share: the site itself, and how the database's rules reach people."""
