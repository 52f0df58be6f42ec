"""The HTML report: one file, no scripts, everything escaped, everything told."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.support.command import run_into
from tests.support.databases import Database

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"
VOID = {"meta", "br", "link", "img", "input", "hr", "path", "rect"}


class Reader(HTMLParser):
    """Collects a document's elements and checks that they are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def html_of(folder: Path) -> str:
    (path,) = folder.glob("*.html")
    return path.read_text(encoding="utf-8")


@pytest.fixture
def page(sample: Database, tmp_path: Path) -> str:
    """The report of a migration of a database with names that are made to hurt."""
    sample.execute("UPDATE tenants SET name = %s || id", [EVIL])
    sample.execute("UPDATE customers SET name = %s, email = %s || id", [EVIL, EVIL])
    sample.execute(f'ALTER TABLE orders ADD COLUMN "{EVIL}" text')
    assert run_into(tmp_path).code == 0
    return html_of(tmp_path)


def test_names_of_others_stay_text(page: str) -> None:
    reader = Reader(page)
    assert not reader.open
    tags = {tag for tag, _ in reader.elements}
    assert not tags & {"script", "img", "iframe", "object", "embed", "link", "form", "base"}
    assert EVIL in reader.text
    names = {name for _, attributes in reader.elements for name in attributes}
    assert not [name for name in names if name.startswith("on")]
    assert not names & {"href", "src", "style", "xlink:href", "srcset", "action"}


def test_names_neither_turn_the_text_round_nor_push_columns_away(
    sample: Database, tmp_path: Path
) -> None:
    sample.execute("UPDATE tenants SET name = %s || id", ["\u202egnp.exe \x1b[31m"])
    assert run_into(tmp_path).code == 0
    page = html_of(tmp_path)
    assert not {"\u202e", "\x1b"} & set(page)
    assert '<td class="name"><bdi>\\x202egnp.exe \\x1b[31m1</bdi>' in page


def test_what_was_rolled_back_has_left_nothing_to_settle(sample: Database, tmp_path: Path) -> None:
    told = run_into(tmp_path, "--max-lockout", "0.01", "--format", "json")
    assert told.code == 1
    assert told.document["left_to_settle"]["default_companies"] == []
    text = Reader(html_of(tmp_path)).text
    assert "contacts that had no company" not in text
    assert "Left to settle" not in text


def test_what_was_rehearsed_is_told_as_what_would_be(sample: Database, tmp_path: Path) -> None:
    assert run_into(tmp_path, "--rehearse").code == 0
    text = Reader(html_of(tmp_path)).text
    assert "What they would hold: contacts that had no company" in text
    assert "What would be left to settle" in text


def test_the_policy_allows_the_one_style_sheet_only(page: str) -> None:
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policies = [
        attributes["content"]
        for tag, attributes in Reader(page).elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policies == [
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    ]
    assert "url(" not in style[1]
    assert "prefers-color-scheme: dark" in style[1]
    assert "@media print" in style[1]


def test_it_tells_what_a_manager_asks(page: str, sample: Database) -> None:
    text = " ".join(Reader(page).text.split())
    assert "150 customers turned into contacts; every row was proved before COMMIT." in text
    assert "131 in their own companies 19 in default companies" in text
    assert "570 with their contact 30 without a contact" in text
    assert "Readers and writers were locked out for" in text
    for section in ("Default companies", "Left to settle", "Where the time went", "Checks before"):
        assert section in text
    assert f"Runbook for {sample.name}" in text


def test_the_runbook_names_this_backup_and_this_moment(page: str, tmp_path: Path) -> None:
    (backup,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert f"migrate_contacts --restore {backup}" in page
    assert re.search(r"recovery_target_lsn = &#x27;[0-9A-F]+/[0-9A-F]+&#x27;", page)
    assert re.search(r"pg_xact_status\(&#x27;\d+&#x27;\)", page)


def test_a_failure_is_told_with_its_rows(sample: Database, tmp_path: Path) -> None:
    run_into(tmp_path / "first")
    sample.execute("ALTER TABLE addresses DISABLE TRIGGER USER")
    assert run_into(tmp_path, "--verify-only").code == 1
    reader = Reader(html_of(tmp_path))
    text = " ".join(reader.text.split())
    assert "1 check failed" in text
    assert "trg_validate_address_company on addresses is disabled" in text
    assert ("h1", {"class": "bad"}) in reader.elements
