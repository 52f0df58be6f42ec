"""How the command is called: its manual, and what it says to a call that is not right."""
