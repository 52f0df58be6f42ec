"""How the command is called: its manual, what it says to a call that is wrong, and what runs."""
