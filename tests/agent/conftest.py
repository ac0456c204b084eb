"""The alliance of the list tests: its gateway is what an agent talks to."""

from tests.permissions.conftest import ceremony, places, world

__all__ = ["ceremony", "places", "world"]
