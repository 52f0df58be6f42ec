"""The drawings of the HTML report, as numbers: where each band and bar goes."""

from dataclasses import dataclass

from contacts.restructuring.reports.report import Report

HEIGHT = 132.0
"""How many units of the drawing are shared among the bands of one flow."""
LABEL = 34.0
"""The least distance between two labels. Bands are as high as their numbers, however low."""
GAP = 14.0
TOP = 12.0
BAR = 1000.0
"""The width of the time bar, in units of the drawing."""
SUBSTEPS = ("Applying ", "Reversing ")
"""How the names of steps begin that are parts of another step."""
COLOURS = 8


@dataclass(frozen=True)
class Band:
    """A stream from the box on the left to one on the right, as high as it has rows.

    ``tone`` names its colour, ``share`` is its part of all rows, ``label_at`` where its label is.
    """

    label: str
    rows: int
    tone: str
    share: float
    left: float
    left_end: float
    right: float
    right_end: float
    label_at: float

    @property
    def height(self) -> float:
        return self.right_end - self.right

    @property
    def middle(self) -> float:
        return (self.right + self.right_end) / 2


@dataclass(frozen=True)
class Flow:
    """One legacy table and what becomes of its rows."""

    source: str
    rows: int
    bands: tuple[Band, ...]
    top: float
    end: float
    height: float

    @property
    def size(self) -> float:
        return self.end - self.top

    @property
    def middle(self) -> float:
        return (self.top + self.end) / 2


@dataclass(frozen=True)
class Slice:
    """A step in the time bar; ``x`` and ``width`` in its units, ``seconds`` as it was."""

    step: str
    seconds: float
    x: float
    width: float
    tone: int
    locked: bool


@dataclass(frozen=True)
class Window:
    """How long the call worked and how long it held its locks, in seconds, and its bar's place."""

    total: float
    locked: float
    start: float
    width: float


def flows(report: Report) -> tuple[Flow, ...]:
    """Return what became of customers and orders; nothing where they were not counted."""
    counts = report.counts
    contacts = counts.get("customers", counts.get("contacts"))
    orders = counts.get("orders")
    if contacts is None or orders is None or "contacts_placed" not in counts:
        return ()
    placed, loose = counts["contacts_placed"], counts.get("orders_without_contact", 0)
    migrating = report.mode in ("migration", "rehearsal")
    source = "customers" if migrating else "contacts"
    return (
        _flow(
            source,
            contacts,
            ("in their own companies", contacts - placed, "own"),
            ("in default companies", placed, "placed"),
        ),
        _flow(
            "orders",
            orders,
            ("with their contact", orders - loose, "own"),
            ("without a contact", loose, "placed"),
        ),
    )


def _flow(source: str, rows: int, *parts: tuple[str, int, str]) -> Flow:
    bands, left, right, free = [], TOP, TOP, TOP + LABEL / 2
    for label, number, tone in parts:
        share = number / rows if rows else 0.0
        height = HEIGHT * share
        label_at = max(right + height / 2, free)
        bands.append(
            Band(label, number, tone, share, left, left + height, right, right + height, label_at)
        )
        left += height
        right += height + GAP
        free = label_at + LABEL
    end = max(right - GAP, bands[-1].label_at + LABEL / 2)
    return Flow(source, rows, tuple(bands), TOP, TOP + HEIGHT, end + TOP)


def time_bar(report: Report) -> tuple[Slice, ...]:
    """Return the steps of the call, side by side, as wide as they took long."""
    steps = {name: took for name, took in report.seconds.items() if not name.startswith(SUBSTEPS)}
    total = sum(steps.values())
    if not total:
        return ()
    slices, x, locked = [], 0.0, False
    for number, (name, took) in enumerate(steps.items()):
        width = BAR * took / total
        # From the step that takes the locks on, they are held.
        locked = locked or name == "locks"
        slices.append(Slice(name, took, x, width, number % COLOURS, locked))
        x += width
    return tuple(slices)


def window(report: Report) -> Window | None:
    """Return how much of the time the tables were locked; None where they never were."""
    if not report.locked_seconds:
        return None
    total = max(sum(piece.seconds for piece in time_bar(report)), report.locked_seconds)
    width = BAR * report.locked_seconds / total
    # The locks are held to the end: COMMIT lets go of them.
    return Window(total, report.locked_seconds, BAR - width, width)
