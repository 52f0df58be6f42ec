"""The HTML report: one file, no scripts, everything escaped, everything told."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import LazySettings

from contacts.restructuring.reports.drawings import HEIGHT, flows
from contacts.restructuring.reports.html_format import report_html
from contacts.restructuring.state.unsettled import DefaultCompany
from contacts.settling.left import SETTLED_IN_CONTACTS, SETTLED_IN_ORDERS
from tests.support.database.databases import Database
from tests.support.runs.command import run_into
from tests.support.runs.reports import report

pytestmark = pytest.mark.slow

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


def links(reader: Reader) -> list[str]:
    return [str(found["href"]) for _, found in reader.elements if "href" in found]


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
    assert not names & {"src", "style", "xlink:href", "srcset", "action"}
    assert all(link.startswith("#") for link in links(reader))


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
    assert "131 (87%) in their own companies 19 (13%) in default companies" in text
    assert "570 (95%) with their contact 30 (5%) without a contact" in text
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


# --- what a person sees first ---------------------------------------------------------------------

COUNTS = {"customers": 1_000_000, "orders": 4_000_000, "contacts_placed": 50_000}


def test_bars_are_as_high_as_their_numbers() -> None:
    for flow in flows(report(counts={**COUNTS, "orders_without_contact": 1})):
        for band in flow.bands:
            assert band.height == pytest.approx(HEIGHT * band.rows / flow.rows)
            assert band.left_end - band.left == pytest.approx(band.height)
        first, second = flow.bands
        assert second.label_at - first.label_at >= 30, "labels do not touch"
        assert flow.height >= second.label_at + 14


def test_the_contents_lead_to_sections_that_are_there(page: str) -> None:
    reader = Reader(page)
    ids = {found["id"] for _, found in reader.elements if "id" in found}
    assert {link.removeprefix("#") for link in links(reader)} <= ids
    assert {"flows", "left", "time", "before", "after", "fingerprints", "runbook"} <= ids


def test_next_steps_and_who_ran_it_stand_at_the_top(page: str) -> None:
    text = Reader(page).text
    assert text.index("Next steps") < text.index("Stage now") < text.index("Run by")
    assert text.index("--rollback") < text.index("From customers to contacts")


def test_the_runbook_is_folded_where_all_went_well(page: str) -> None:
    folded = report_html(report(succeeded=True))
    open_ = report_html(report(succeeded=False, exit_code=1, error="It broke."))
    assert "<details><summary>What to do if something fails" in page
    assert "<details><summary>What to do if something fails" in folded
    assert "<details open><summary>What to do if something fails" in open_


def test_what_is_left_leads_to_the_admin_that_the_setting_names(settings: LazySettings) -> None:
    settings.ADMIN_URL = "https://contacts.example"
    left = report(
        still_in_defaults=(DefaultCompany(7, "Aurum", 1234, 5), DefaultCompany(8, "Bijou", 0, 0)),
        counts={"emails_set_aside": 2},
        waiting_rules={"ck_contacts_phone_format": 3, "ck_companies_fax_format": 0},
    )

    found = [link for link in links(Reader(report_html(left))) if not link.startswith("#")]

    placed, aside = SETTLED_IN_CONTACTS
    (loose,) = SETTLED_IN_ORDERS
    expected = [placed.url(7), loose.url(7), aside.url(None)]
    rule = "/admin/contacts/contact/?breaks=ck_contacts_phone_format"
    assert found == [f"https://contacts.example{path}" for path in [*expected, rule]]


def test_without_the_setting_nothing_leads_out_of_the_file() -> None:
    left = report(still_in_defaults=(DefaultCompany(7, "Aurum", 1, 1),))
    assert all(link.startswith("#") for link in links(Reader(report_html(left))))


def test_a_restore_speaks_of_the_stage_that_it_led_to(sample: Database, tmp_path: Path) -> None:
    assert run_into(tmp_path / "first").code == 0
    (backup,) = (path for path in (tmp_path / "first").iterdir() if path.is_dir())
    folder = tmp_path / "second"
    assert run_into(folder, "--restore", str(backup)).code == 0

    text = " ".join(Reader(html_of(folder)).text.split())

    assert "Test the application: the database is legacy now." in text
    assert "Left to settle" not in text
    assert "equal before and after" not in text
    assert "those of the backup" in text
    (told,) = folder.glob("*.txt")
    assert "CHECKS BEFORE THE RESTORE" in told.read_text()
    assert "MIGRATION VALIDATION" not in told.read_text()


def test_a_run_that_was_broken_off_says_how_long_it_locked_out(
    sample: Database, tmp_path: Path
) -> None:
    done = run_into(tmp_path, "--skip-backup", "--max-lockout", "0.05", "--format", "json")

    assert done.code == 1
    locked = done.document["locked_seconds"]
    assert locked >= 0.05
    told = f"Readers and writers were locked out for {locked:.2f} s"
    assert told in " ".join(Reader(html_of(tmp_path)).text.split())
    (text,) = tmp_path.glob("*.txt")
    assert f"readers and writers locked out: {locked:.2f} s" in text.read_text()


def test_on_a_phone_every_cell_says_of_which_column_it_is(page: str) -> None:
    for body in re.findall(r"<table>.*?</table>", page, re.DOTALL):
        columns = re.findall(r'<th scope="col"[^>]*>([^<]*)', body)
        for row in re.findall(r"<tbody>(.*)</tbody>", body, re.DOTALL):
            cells = re.findall(r"<td([^>]*)>", row)
            if columns:
                labels = [re.search(r'data-label="([^"]*)"', cell) for cell in cells]
                assert [label[1] for label in labels if label] == columns[1:] * (
                    len(cells) // len(columns)
                )
