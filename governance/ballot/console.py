"""Handing a signed ballot to the console, and checking the text that it shows."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import httpx

from governance.ballot import keystore
from governance.ballot.texts import BallotError, language
from governance.ballot.typed_data import Ballot
from governance.verify import description as reading

_TIMEOUT = 20.0  # seconds


class Console:
    """The console's API, with one member's token."""

    def __init__(self, url: str, token_file: Path) -> None:
        self.url = url.rstrip("/")
        token = keystore.read_line(token_file, "token_missing")
        self._headers = {
            "Authorization": f"Token {token}",
            "Accept": "application/json",
            "Accept-Language": "zh-hans" if language() == "zh" else "en",
        }

    def text_of(self, proposal_id: int) -> str | None:
        """The proposal's text, or None where this console has none to show."""
        answer = self._ask("GET", f"/api/v1/proposals/{proposal_id}/")
        if answer.status_code != httpx.codes.OK:
            return None
        text = _json(answer).get("text")
        return text if isinstance(text, str) else None

    def hand_in(self, ballot: Ballot, signature: str) -> None:
        """Give the console the ballot to relay. Raises BallotError with the console's own reason."""
        path = f"/api/v1/proposals/{ballot.proposal_id}/ballots/"
        answer = self._ask("POST", path, body(ballot, signature))
        if not answer.is_success:
            said = _json(answer)
            raise BallotError(
                "console_refused",
                code=said.get("code", answer.status_code),
                detail=said.get("detail", answer.reason_phrase),
            )

    def _ask(self, method: str, path: str, content: dict[str, Any] | None = None) -> httpx.Response:
        # No redirects are followed: the token is for this address alone.
        try:
            return httpx.request(
                method, self.url + path, json=content, headers=self._headers, timeout=_TIMEOUT
            )
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeEncodeError) as error:
            raise BallotError("console_unreachable", url=self.url) from error


def body(ballot: Ballot, signature: str) -> dict[str, Any]:
    """The signed ballot as JSON: what is sent, and what ``--out`` writes. Id and number are text: JSON's
    numbers end at 2^53 for many readers."""
    return {
        "proposal": str(ballot.proposal_id),
        "chain_id": ballot.chain_id,
        "governor": ballot.governor,
        "voter": ballot.voter,
        "support": ballot.support,
        "nonce": str(ballot.nonce),
        "signature": signature,
    }


def is_text_of(text: str, description: str) -> bool:
    """Whether the description on the ledger carries this text's SHA-256, in its place, and no other."""
    said = reading.read(description)
    return said is not None and said.text_sha256 == hashlib.sha256(text.encode()).hexdigest()


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
