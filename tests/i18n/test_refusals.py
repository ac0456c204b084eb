"""A refusal is a whole sentence of the reader's language, where it happens and in the event log."""

from __future__ import annotations

from django.utils import translation

from certs.errors import WeakKey
from certs.gate.weak import FLAWS
from consortium.members.errors import RosterUnreadable
from consortium.web import wording


def test_what_is_wrong_with_a_key_is_said_in_the_readers_language() -> None:
    refusal = WeakKey(flaw=FLAWS["fermat"])
    logged = {"code": WeakKey.code, "params": refusal.params}
    for language, words in (("zh-hans", "（两素数过于接近）"), ("en", "(close primes)")):
        with translation.override(language):
            assert words in str(refusal)
            assert wording.refusal(logged) == str(refusal)
    assert refusal.params == {"flaw": "close primes"}  # what programs read is the same in every language


def test_an_event_that_lacks_the_flaw_shows_its_code() -> None:
    assert wording.refusal({"code": WeakKey.code}) == WeakKey.code


def test_a_refusal_with_a_reason_of_its_own_reads_the_same_in_the_log() -> None:
    refusal = RosterUnreadable("roster.csv", "empty")
    assert wording.refusal({"code": refusal.code, "params": refusal.params}) == str(refusal)
