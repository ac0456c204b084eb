"""The secretariat's admin site."""

from unfold.sites import UnfoldAdminSite


class ConsoleAdminSite(UnfoldAdminSite):
    """The one admin site of the console."""
