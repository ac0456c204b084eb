"""The alliance of the list tests; where a plain web server hands its lists out."""

from tests.permissions.conftest import ceremony, places, world

__all__ = ["ceremony", "places", "world"]
