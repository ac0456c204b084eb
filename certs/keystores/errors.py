"""Why a key is not to be had. ``certs.keys`` turns these into the console's errors."""

from __future__ import annotations


class KeyStoreError(Exception):
    """Base of all; its text is one line for whoever sits at the machine."""


class NoSecret(KeyStoreError):
    """No passphrase or PIN where one was to be."""


class NoSuchKey(KeyStoreError):
    """Neither a sealed file nor an object of that name in the device; or the device is not there."""


class WrongSecret(KeyStoreError):
    """The passphrase or PIN does not open it, or the file was changed."""


class KeyThere(KeyStoreError):
    """A key of that name exists; none is ever replaced."""


class NotThisKind(KeyStoreError):
    """A kind of key that is not made or held here."""
