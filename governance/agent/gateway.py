"""The agent's side of the node gateway: verified pulls by TUF, and reports, over mutual TLS."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
from tuf.api import exceptions
from tuf.ngclient import Updater  # type: ignore[attr-defined]
from tuf.ngclient.fetcher import FetcherInterface

from governance.agent import VERSION
from governance.agent.config import Config
from governance.agent.errors import NotPublished, NotTrusted, ReportRefused, Unreachable

_TIMEOUT = urllib3.Timeout(connect=5, read=15)  # seconds
_CHUNK = 64 * 1024  # bytes


@dataclass(frozen=True)
class Pulled:
    """A verified list: the files by target path, and the epoch they belong to."""

    epoch: int
    files: dict[str, bytes]


class Gateway:
    """A connection that proves the node by its certificate, and follows no redirect."""

    def __init__(self, config: Config) -> None:
        self._config = config
        context = ssl.create_default_context(cafile=str(config.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(str(config.certificate_file), str(config.key_file))
        self._pool = urllib3.PoolManager(
            maxsize=1, ssl_context=context, retries=False, timeout=_TIMEOUT, headers={"User-Agent": _AGENT}
        )

    def close(self) -> None:
        self._pool.clear()

    def get(self, url: str) -> urllib3.BaseHTTPResponse:
        """An answer whose body is still to be read."""
        return self._pool.request("GET", url, preload_content=False, redirect=False)

    def pull(self) -> Pulled:
        """The newest list, verified. Raises Unreachable, NotTrusted, NotPublished.

        Metadata and files are kept in the state directory, so unchanged ones are not fetched again, and
        nothing older than they is taken.
        """
        try:
            updater = self._updater()
            updater.refresh()
            infos = {file.target: self._info(updater, file.target) for file in self._config.files}
            files = {name: self._content(updater, info) for name, info in infos.items()}
        except exceptions.DownloadHTTPError as error:
            raise Unreachable(f"{self._config.gateway}: HTTP {error.status_code}") from error
        except exceptions.DownloadError as error:
            raise Unreachable(f"{self._config.gateway}: {error.__cause__ or error}") from error
        except exceptions.RepositoryError as error:
            raise NotTrusted(f"{type(error).__name__}: {error}") from error
        return Pulled(_epoch(infos), files)

    def report(self, body: dict[str, Any]) -> None:
        """Say what is in force. Raises Unreachable, ReportRefused."""
        url = f"{self._config.gateway}/v1/acks"
        try:
            answer = self._pool.request("POST", url, json={**body, "agent_version": VERSION}, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(f"{self._config.gateway}: {error}") from error
        if answer.status != 200:
            raise ReportRefused(*_refusal(answer))

    def _updater(self) -> Updater:
        state, base = self._config.state_dir, f"{self._config.gateway}/tuf"
        (state / "targets").mkdir(parents=True, exist_ok=True)
        (state / "metadata").mkdir(parents=True, exist_ok=True)
        return Updater(
            metadata_dir=str(state / "metadata"),
            metadata_base_url=f"{base}/metadata/",
            target_dir=str(state / "targets"),
            target_base_url=f"{base}/targets/",
            fetcher=_Fetcher(self),
            bootstrap=self._config.trusted_root.read_bytes(),
        )

    def _info(self, updater: Updater, target: str) -> Any:
        info = updater.get_targetinfo(f"{self._config.network}/{target}")
        if info is None:
            raise NotPublished(f"no {self._config.network}/{target} is published")
        return info

    @staticmethod
    def _content(updater: Updater, info: Any) -> bytes:
        path = updater.find_cached_target(info) or updater.download_target(info)
        return Path(path).read_bytes()


class _Fetcher(FetcherInterface):
    """TUF's downloads through the gateway's connection."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def _fetch(self, url: str) -> Iterator[bytes]:
        answer = self._gateway.get(url)
        if answer.status != 200:
            answer.drain_conn()
            raise exceptions.DownloadHTTPError(f"HTTP {answer.status}", answer.status)
        return self._stream(answer)

    @staticmethod
    def _stream(answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        try:
            yield from answer.stream(_CHUNK)
        except urllib3.exceptions.HTTPError as error:
            raise exceptions.DownloadError(str(error)) from error
        finally:
            answer.release_conn()


_AGENT = f"consortium-agent/{VERSION}"


def _epoch(infos: dict[str, Any]) -> int:
    """All files are of one epoch: they were signed together."""
    epochs = {(info.custom or {}).get("epoch") for info in infos.values()}
    epoch = next(iter(epochs))
    if len(epochs) != 1 or not isinstance(epoch, int):
        raise NotTrusted(f"mixed epochs: {sorted(map(str, epochs))}")
    return epoch


def _refusal(answer: urllib3.BaseHTTPResponse) -> tuple[str, str]:
    try:
        body = json.loads(answer.data)
        return str(body["code"]), str(body["detail"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status}", ""
