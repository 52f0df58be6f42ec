"""The page that settles a contact's set-aside e-mail."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from contacts.models import Contact
from contacts.settling.settlement import (
    DROP,
    REPLACE,
    RESTORE,
    Answer,
    holders,
    possible_decisions,
    settle,
)
from jmsk.adminsite.base import DatabaseRulesAdmin
from jmsk.adminsite.place import kept_place, list_url
from jmsk.adminsite.refusals import RefusedError, in_plain_words

CHOICES = [
    (RESTORE, "Restore it as the contact's e-mail"),
    (REPLACE, "Give the contact another e-mail"),
    (DROP, "Drop it; the contact keeps the e-mail it has now, or none"),
]


TYPED = "You have typed another e-mail: choose to give it to the contact, or empty this field."


class SettleForm(forms.Form):
    """A decision about a set-aside e-mail, and the one that the person saw."""

    decision = forms.ChoiceField(choices=CHOICES, widget=forms.RadioSelect)
    email = forms.CharField(required=False, max_length=254, label="Another e-mail")
    # The legacy column was NOT NULL: an empty text is what stands there instead, and twice, too.
    shown = forms.CharField(widget=forms.HiddenInput, strip=False, required=False)

    def __init__(self, *args: Any, possible: Collection[str], **kwargs: Any) -> None:
        """Offer what is ``possible``, and what was sent: why that cannot be is said."""
        super().__init__(*args, **kwargs)
        offered = {*possible, self.data.get("decision")}
        field: Any = self.fields["decision"]
        field.choices = [choice for choice in CHOICES if choice[0] in offered]

    def clean(self) -> dict[str, Any]:
        """Refuse to drop what was typed."""
        cleaned = super().clean() or {}
        if cleaned.get("email") and cleaned.get("decision") in (RESTORE, DROP):
            self.add_error("email", TYPED)
        return cleaned

    def answer(self) -> Answer:
        return Answer(self.cleaned_data["decision"], self.cleaned_data["email"] or None)


class SettleMixin(DatabaseRulesAdmin):
    """Adds the page behind "Settle e-mail"."""

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.settle_view)
        return [
            path("<int:object_id>/settle-email/", page, name="contacts_contact_settle"),
            *super().get_urls(),
        ]

    def settle_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show the e-mail, who has the same, and the three ways to settle it."""
        if not self.may(request, "settle"):
            raise PermissionDenied
        contact = self.get_object(request, str(object_id))
        if contact is None:
            raise Http404(f"There is no contact {object_id}.")
        back = self._way_back(request, object_id)
        if contact.email_set_aside is None:
            typed = request.POST.get("email", "")
            lost = f" What you typed was not used: {typed}" if typed else ""
            messages.info(request, f"No e-mail of this contact is set aside.{lost}")
            return back
        form = SettleForm(
            request.POST or None,
            initial={"shown": contact.email_set_aside},
            possible=possible_decisions(contact),
        )
        if request.method == "POST" and form.is_valid() and self._settled(request, contact, form):
            messages.success(request, f"The e-mail of {contact} is settled.")
            return back
        return self._settle_page(request, contact, form)

    def _way_back(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Lead back to the list where the person came from there, else to the contact."""
        if kept_place(request):
            return redirect(list_url(request, self.opts))
        return redirect("admin:contacts_contact_change", object_id)

    def _settled(self, request: HttpRequest, contact: Any, form: SettleForm) -> bool:
        user: Any = request.user
        shown = form.cleaned_data["shown"]
        try:
            with in_plain_words():
                settle(contact.pk, form.answer(), shown=shown, user_id=user.pk)
        except ValidationError as error:
            form.add_error(None, error)
        except RefusedError as refusal:
            form.add_error(None, str(refusal))
        return form.is_valid()

    def _settle_page(
        self, request: HttpRequest, contact: Contact, form: SettleForm
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Settle e-mail",
            "subtitle": str(contact),
            "contact": contact,
            "changelist": list_url(request, self.opts),
            "form": form,
            "holders": holders(contact, contact.email_set_aside)[:10],
        }
        return TemplateResponse(request, "contacts/admin/settle.html", context)
