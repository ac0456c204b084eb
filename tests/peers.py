"""Programs of other makers that some tests speak with: nginx, HSM, EST and OCSP clients.

Where one is missing, the tests that need it are left out, and the run says so in a line of its own, as with
the browser. ``make peers`` installs all of them (Debian, as root); continuous integration does so first.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

SOFTHSM = next(
    (
        path
        for path in map(Path, ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so"))
        if path.exists()
    ),
    None,
)
_PRESENT = {
    "softhsm": bool(SOFTHSM and shutil.which("softhsm2-util")),
    "strongswan": bool(shutil.which("pki")),
    "ocsptool": bool(shutil.which("ocsptool")),
    "curl": bool(shutil.which("curl")),
    "openssl": bool(shutil.which("openssl")),
    "tuf-js": (
        Path(__file__).parent / "permissions/tuf/js/node_modules/tuf-js"
    ).is_dir(),  # `make test` installs it
    "nginx": bool(shutil.which("nginx") or Path("/usr/sbin/nginx").exists()),  # not in everybody's PATH
}
_left_out: set[str] = set()


def pytest_configure(config: pytest.Config) -> None:
    """``@pytest.mark.peer("softhsm")`` on what needs that program."""
    config.addinivalue_line("markers", "peer(name): speaks with a program of another maker")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if _missing(item)]
    items[:] = [item for item in items if item not in left_out]
    if left_out:
        config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _left_out:
        names = ", ".join(sorted(_left_out))
        terminalreporter.write_line(f"tests with {names} left out: not here (make peers installs them)")


def _missing(item: pytest.Item) -> set[str]:
    wanted = {name for mark in item.iter_markers("peer") for name in mark.args}
    missing = {name for name in wanted if not _PRESENT[name]}
    _left_out.update(missing)
    return missing
