"""Around a proposal: what is said of it, its attachments, its bundle."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consortium.core.errors import ConsoleError
from consortium.web import errors
from consortium.web.portal import scope
from consortium.web.portal.views.base import Action, Page, one
from governance.bundles import bundle_of
from governance.proposals import attachments, selectors, services
from governance.proposals.models import COMMENT_LENGTH, Proposal


class CommentForm(forms.Form):
    text = forms.CharField(
        label=gettext_lazy("comment"), max_length=COMMENT_LENGTH, widget=forms.Textarea({"rows": 5})
    )


class Comment(Action):
    """Say something to all members."""

    section = "proposals"
    form_class = CommentForm
    title = gettext_lazy("Say something to all members")
    button = gettext_lazy("Say it")
    subject: Proposal

    def find(self, **kwargs: Any) -> Proposal:
        return one(scope.proposals(self.account), pk=kwargs["pk"])

    def act(self, values: dict[str, Any]) -> str:
        services.comment(self.subject, text=values["text"], actor=self.account)
        return _("Your words are there for all members.")

    def after(self) -> str:
        return reverse("portal:proposal", args=[self.subject.pk])


class _File(Page):
    """A download; what refuses it is a page."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        proposal = one(scope.proposals(self.account), pk=kwargs["pk"])
        try:
            return self.file(proposal)
        except ConsoleError as error:
            return errors.refused(request, error)

    def file(self, proposal: Proposal) -> HttpResponse:
        raise NotImplementedError


class Bundle(_File):
    """The proposal's whole story in one file, for ``governance.verify``."""

    def file(self, proposal: Proposal) -> HttpResponse:
        return bundle_response(proposal)


class Attachments(_File):
    """``?sha256=`` one of the files; without it their hashes, as ``sha256sum --check`` takes them."""

    def file(self, proposal: Proposal) -> HttpResponse:
        files = selectors.attachments_of(proposal)
        wanted = self.request.GET.get("sha256")
        if wanted is None:
            lines = "".join(f"{one.sha256}  {one.name}\n" for one in files)
            return HttpResponse(lines, content_type="text/plain; charset=utf-8")
        found = files.filter(sha256=wanted).first()
        if found is None:
            raise Http404
        return HttpResponse(attachments.read(found), headers=attachments.headers(found))


def bundle_response(proposal: Proposal) -> HttpResponse:
    """Raises NotOnLedger, LedgerUnreachable."""
    name = f"proposal-{proposal.number}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(bundle_of(proposal), content_type="application/json", headers=headers)
