"""The stock client of python-tuf: ``tuf.ngclient`` alone, with no code of ours."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tuf.ngclient import Updater


class Stock:
    """A client set up with a root, with a memory of its own."""

    def __init__(self, home: Path, url: str, root: bytes) -> None:
        self.home, self.url, self.root = home, url, root
        (home / "targets").mkdir(parents=True, exist_ok=True)

    def updater(self) -> Updater:
        return Updater(
            metadata_dir=str(self.home / "metadata"),
            metadata_base_url=f"{self.url}/metadata/",
            target_dir=str(self.home / "targets"),
            target_base_url=f"{self.url}/targets/",
            bootstrap=self.root,
        )

    def fetch(self, path: str) -> bytes:
        """A target, verified. Raises what the client refuses."""
        updater = self.updater()
        updater.refresh()
        info = updater.get_targetinfo(path)
        assert info is not None, f"{path} is not published"
        place = updater.find_cached_target(info) or updater.download_target(info)
        return Path(place).read_bytes()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@contextmanager
def plain_http(directory: Path, handler: type[_Quiet] = _Quiet) -> Iterator[str]:
    """Serve a folder over plain HTTP, as any web server would; its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(directory)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


Handler = _Quiet
