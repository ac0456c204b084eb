"""Refusals that only the API knows."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from consortium.core.errors import ConsoleError


class AnotherProposal(ConsoleError):
    """A ballot for one proposal was handed in under another's address."""

    code = "another_proposal"
    status = 400
    message = _("The ballot was signed for another proposal than number %(number)s.")


class IncompleteBallot(ConsoleError):
    """A pasted ballot lacks fields, or holds what can't be read. ``fields`` names them."""

    code = "incomplete_ballot"
    status = 400
    message = _("The ballot's fields can't be taken: %(fields)s.")
