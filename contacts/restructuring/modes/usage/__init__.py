"""How the command is called: its manual, what it says to a call that is not right, and what runs."""
