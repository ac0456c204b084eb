"""What is published for the network, verified by TUF: nothing unsigned, older or mixed gets past here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
from tuf.api import exceptions
from tuf.api.metadata import TargetFile  # type: ignore[attr-defined]
from tuf.ngclient import Updater  # type: ignore[attr-defined]
from tuf.ngclient.fetcher import FetcherInterface

from governance.agent.config import Config
from governance.agent.errors import NotPublished, NotTrusted, Unreachable
from governance.agent.gateway import Gateway, retry_after, short

_CHUNK = 64 * 1024  # bytes
_FORMER = "previous/"
HIGHEST_EPOCH = 2**31  # an epoch is below


@dataclass(frozen=True)
class Listing:
    """An epoch's targets as they are signed, by path in the network's folder."""

    epoch: int
    targets: Mapping[str, TargetFile]

    def sha256(self, path: str) -> str:
        return self.targets[path].hashes.get("sha256", "")


class Repository:
    """The network's folder, with the metadata as they are at the gateway now.

    Metadata and files are kept in the state directory, so unchanged ones are not fetched again, and nothing
    older than they is taken. Every method raises Unreachable and NotTrusted.
    """

    def __init__(self, config: Config, gateway: Gateway) -> None:
        self._network, self._gateway = config.network, gateway
        with self._understood():
            self._updater = _updater(config, gateway, self)
            self._updater.refresh()

    def newest(self, paths: tuple[str, ...]) -> Listing:
        """Raises NotPublished where a path is not there."""
        infos = {path: self._info(path) for path in paths}
        missing = sorted(path for path, info in infos.items() if info is None)
        if missing:
            raise NotPublished(f"no {self._network}/{missing[0]} is published")
        return _listing({path: info for path, info in infos.items() if info is not None})

    def former(self, paths: tuple[str, ...]) -> Listing | None:
        """The epoch before, which is there while the newest is rolled out; None where it is not."""
        infos = {path: info for path in paths if (info := self._info(_FORMER + path)) is not None}
        return _listing(infos) if len(infos) == len(paths) else None

    def files(self, listing: Listing) -> dict[str, bytes]:
        return {path: self._content(info) for path, info in listing.targets.items()}

    def content(self, path: str) -> bytes | None:
        """Any target of the network's; None where it is not published."""
        info = self._info(path)
        return None if info is None else self._content(info)

    def document(self, path: str) -> dict[str, Any] | None:
        """A JSON object among the targets; None where it is not published."""
        content = self.content(path)
        if content is None:
            return None
        try:
            found = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise NotTrusted(f"{self._network}/{path} is no JSON") from error
        if not isinstance(found, dict) or found.get("network") != self._network:
            raise NotTrusted(f"{self._network}/{path} is not this network's")
        return found

    def wait_asked_for(self, seconds: float) -> None:
        self._retry_after = seconds

    _retry_after: float = 0

    def _info(self, path: str) -> TargetFile | None:
        with self._understood():
            return self._updater.get_targetinfo(f"{self._network}/{path}")

    def _content(self, info: TargetFile) -> bytes:
        with self._understood():
            path = self._updater.find_cached_target(info) or self._updater.download_target(info)
            content = Path(path).read_bytes()
            info.verify_length_and_hashes(content)  # whoever wrote to it meanwhile
            return content

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """TUF's errors as ours."""
        address = self._gateway.address
        try:
            yield
        except exceptions.DownloadHTTPError as error:
            text = f"{address}: HTTP {error.status_code}"
            raise Unreachable(text, retry_after=self._retry_after) from error
        except exceptions.DownloadError as error:
            raise Unreachable(f"{address}: {error.__cause__ or error}") from error
        except exceptions.RepositoryError as error:
            raise NotTrusted(f"{type(error).__name__}: {error}") from error


def _updater(config: Config, gateway: Gateway, repository: Repository) -> Updater:
    state, base = config.state_dir, f"{config.gateway}/tuf"
    (state / "targets").mkdir(parents=True, exist_ok=True)
    (state / "metadata").mkdir(parents=True, exist_ok=True)
    return Updater(
        metadata_dir=str(state / "metadata"),
        metadata_base_url=f"{base}/metadata/",
        target_dir=str(state / "targets"),
        target_base_url=f"{base}/targets/",
        fetcher=_Fetcher(gateway, repository),
        bootstrap=config.trusted_root.read_bytes(),
    )


class _Fetcher(FetcherInterface):
    """TUF's downloads through the gateway's connection."""

    def __init__(self, gateway: Gateway, repository: Repository) -> None:
        self._gateway, self._repository = gateway, repository

    def _fetch(self, url: str) -> Iterator[bytes]:
        answer = self._gateway.get(url)
        if answer.status != 200:
            self._repository.wait_asked_for(retry_after(answer.headers))
            short(answer)  # the connection is kept: newer roots are asked for, and not there, in every round
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


def _listing(targets: Mapping[str, TargetFile]) -> Listing:
    """All files are of one epoch: they were signed together."""
    said = [info.custom for info in targets.values()]
    epochs = [one.get("epoch") if isinstance(one, dict) else None for one in said]
    epoch = epochs[0]
    if not isinstance(epoch, int) or isinstance(epoch, bool) or not 0 < epoch < HIGHEST_EPOCH:
        raise NotTrusted(f"{epoch!r:.80} is no epoch")
    if any(one != epoch for one in epochs):
        raise NotTrusted(f"mixed epochs: {sorted({repr(one)[:80] for one in epochs})}")
    return Listing(epoch, targets)
