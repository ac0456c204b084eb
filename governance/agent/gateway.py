"""The agent's side of the node gateway: a connection over mutual TLS, for lists, reports, certificates."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import urllib3

from governance.agent import VERSION
from governance.agent.config import Config
from governance.agent.errors import ReportRefused, Unreachable
from governance.agent.identity import Identity

_TIMEOUT = urllib3.Timeout(connect=5, read=15)  # seconds
_AGENT = f"consortium-agent/{VERSION}"
_LONGEST_WAIT = 86400.0  # seconds, whatever the server asks for


class Gateway:
    """A connection that proves the node by its certificate, and follows no redirect."""

    def __init__(self, config: Config, identity: Identity) -> None:
        self.address = config.gateway
        context = ssl.create_default_context(cafile=str(config.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(str(identity.certificate_file), str(identity.key_file))
        self._pool = urllib3.PoolManager(
            maxsize=1, ssl_context=context, retries=False, timeout=_TIMEOUT, headers={"User-Agent": _AGENT}
        )

    def close(self) -> None:
        self._pool.clear()

    def get(self, url: str) -> urllib3.BaseHTTPResponse:
        """An answer whose body is still to be read. Raises urllib3's errors, as TUF's fetcher wants them."""
        return self._pool.request("GET", url, preload_content=False, redirect=False)

    def post(self, path: str, body: bytes, content_type: str) -> urllib3.BaseHTTPResponse:
        """Whatever the gateway answers. Raises Unreachable."""
        headers = {"Content-Type": content_type, "User-Agent": _AGENT}
        try:
            return self._pool.request("POST", self.address + path, body=body, headers=headers, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(f"{self.address}: {error}") from error

    def report(self, body: dict[str, Any]) -> None:
        """Say what is in force. Raises Unreachable, ReportRefused."""
        text = json.dumps({**body, "agent_version": VERSION}).encode()
        answer = self.post("/v1/acks", text, "application/json")
        if answer.status in (429, 502, 503, 504):  # not this report is refused, but any for a while
            raise Unreachable(f"{self.address}: HTTP {answer.status}", retry_after=retry_after(answer))
        if answer.status != 200:
            raise ReportRefused(*refusal(answer))


def refusal(answer: urllib3.BaseHTTPResponse) -> tuple[str, str]:
    """Code and detail of an error of the gateway's."""
    try:
        body = json.loads(answer.data)
        return str(body["code"]), str(body["detail"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"HTTP {answer.status}", ""


def retry_after(answer: urllib3.BaseHTTPResponse) -> float:
    """Seconds that the server wants to be left alone for; 0 when it does not say (RFC 9110, 10.2.3)."""
    value = answer.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), _LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(value).astimezone(UTC)
    except ValueError:
        return 0
    return min(max((until - datetime.now(UTC)).total_seconds(), 0), _LONGEST_WAIT)
