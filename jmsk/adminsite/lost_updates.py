"""Two people, or two tabs, with one form: the second is told what the first has changed.

A form carries what it showed when it was opened. What is otherwise by the time it is sent was
changed meanwhile.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

SEEN = "seen"
LONGEST = 80


class SeenField(forms.CharField):
    """What a form showed when it was opened. Nobody changes it."""

    widget = forms.HiddenInput

    def __init__(self) -> None:
        super().__init__(required=False, strip=False)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


@dataclass(frozen=True)
class Seen:
    """The values of a form's fields as JSON would hold them, and when they were shown."""

    values: dict[str, Any]
    at: datetime

    @classmethod
    def now(cls, form: forms.BaseForm) -> "Seen":
        values = {
            name: form.get_initial_for_field(field, name)
            for name, field in form.fields.items()
            if name != SEEN
        }
        return cls(json.loads(json.dumps(values, cls=_Encoder)), timezone.now())

    @classmethod
    def read(cls, text: str) -> "Seen | None":
        """Return what :meth:`text` wrote, or None where it was not sent or is no such thing."""
        try:
            sent = json.loads(text)
            at = parse_datetime(sent["at"])
            return cls(dict(sent["values"]), at) if at is not None else None
        except (ValueError, TypeError, KeyError):
            return None

    @property
    def text(self) -> str:
        return json.dumps({"values": self.values, "at": self.at.isoformat()})


class _Encoder(DjangoJSONEncoder):
    """Times keep their microseconds, and what JSON does not know is told by its text."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if isinstance(o, datetime) else str(o)


def changed_meanwhile(form: forms.BaseForm, seen: Seen) -> dict[str, Any]:
    """Return, by field, what the form had shown, where the row has something else by now."""
    now = Seen.now(form).values
    return {
        name: value for name, value in seen.values.items() if name in now and now[name] != value
    }


def is_touched(form: forms.BaseForm, name: str, shown: Any) -> bool:
    """Return whether the person changed the field, of which the form had shown ``shown``."""
    bound: Any = form[name]
    initial = form.get_initial_for_field(form.fields[name], name)
    if isinstance(initial, datetime) or isinstance(bound.field, forms.MultiValueField):
        shown = parse_datetime(shown) if shown else None
    return bool(bound.field.has_changed(shown, bound.data))


def conflict(form: forms.BaseForm, name: str, who: str) -> SafeString:
    """Return what to say of a field that two have changed."""
    return format_html(
        "Changed meanwhile by {}, to “{}”. Save again to keep yours, or "
        '<a href="">open this page anew</a> to take that.',
        who,
        _shown(form, name),
    )


def _shown(form: forms.BaseForm, name: str) -> str:
    value = form.get_initial_for_field(form.fields[name], name)
    choices = dict(getattr(form.fields[name], "choices", ()))
    return Truncator("nothing" if value in (None, "") else choices.get(value, value)).chars(LONGEST)


def who_changed(row: Any, since: datetime) -> str:
    """Return who has written to a row last, by the admin's history, and when."""
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(row),
        object_id=str(row.pk),
        action_time__gte=since,
    )
    last = entries.select_related("user").order_by("-action_time").first()
    if last is None:
        return "another program"
    return f"{last.user.get_username()} at {last.action_time:%H:%M} UTC"
