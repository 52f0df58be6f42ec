"""What the text of a definition says, and when two texts say the same."""

import re
from typing import Any

NAME = r'(?:"(?:[^"]|"")+"|[^\s",().]+)'
NAMES = rf"{NAME}(?:, {NAME})*"
DEFINITION = re.compile(
    r"(?P<type>PRIMARY KEY|UNIQUE|FOREIGN KEY|CHECK|EXCLUDE|NOT NULL|)"
    r"(?: NULLS NOT DISTINCT| USING btree)*"
    rf"(?: (?<!CHECK )\((?P<columns>{NAMES})\)|(?<=NOT NULL) (?P<column>{NAME}))?"
    rf"(?: REFERENCES (?P<target>(?:{NAME}\.)?{NAME})\((?P<target_columns>{NAMES})\))?"
    r"(?:.*? WHERE (?P<predicate>.*))?",
    re.DOTALL,
)


def parse_definition(kind: str, definition: str) -> dict[str, Any]:
    """Return the fields of a TableObject that its ``kind`` and ``definition`` say.

    What is not of plain columns, or of a form that is not known, has none.
    """
    found = DEFINITION.match(definition)
    if kind == "sequence" or found is None:
        return {"type": ""}
    parts = found.groupdict("")
    return {
        "type": parts["type"],
        "columns": _unquoted(parts["columns"] or parts["column"]),
        "target": parts["target"],
        "target_columns": _unquoted(parts["target_columns"]),
        "validated": not definition.endswith(("NOT VALID", "NOT ENFORCED")),
        "predicate": parts["predicate"] if kind == "index" else "",
    }


def _unquoted(names: str) -> tuple[str, ...]:
    return tuple(
        name[1:-1].replace('""', '"') if name.startswith('"') else name
        for name in re.findall(NAME, names)
    )


CHOICE = r"'(?:[^']|'')*'::character varying"
CHOICES = re.compile(rf"\(ARRAY\[({CHOICE}(?:, {CHOICE})*)\]\)::text\[\]")


def settled(definition: str) -> str:
    """Return a definition as it is printed once it has been made again of what was printed.

    ``IN`` over varchar reads otherwise afterwards: in a dump that was restored, for example.
    """
    return CHOICES.sub(
        lambda found: f"ARRAY[{re.sub(CHOICE, lambda one: f'({one[0]})::text', found[1])}]",
        definition,
    )
