"""``python -m consortium.stack.setup``: everything between an empty database and a console that serves.

One process for all of it, because each start of Django costs more than most of the steps. Every step is
harmless the second time. This runs with the passphrases of the signing and the relay key, like a ceremony.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m consortium.stack.setup", description=__doc__)
    parser.add_argument("--without-demonstration", action="store_true", help="an empty alliance")
    arguments = parser.parse_args()
    os.umask(0o077)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "consortium.settings")
    django.setup()
    signing, relay = os.environ["SIGNING_PASSPHRASE_FILE"], os.environ["RELAY_PASSPHRASE_FILE"]
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    _command("migrate", "--noinput", "--verbosity", "0")
    _command("create_authorities", "--passphrase-file", signing)
    _sm_authorities(signing)
    _command("create_gateway_certificate", "--host", "localhost", "--host", "127.0.0.1")
    _command("create_list_keys", "--passphrase-file", signing)
    guardians = [] if arguments.without_demonstration else _guardians()
    _command("deploy_contracts", "--passphrase-file", relay, *guardians)
    _command("deploy_anchors", "--passphrase-file", relay)  # a ledger of an earlier release has none
    if not arguments.without_demonstration:
        _demonstration()
    return 0


def _sm_authorities(signing: str) -> None:
    """国密 where this machine's OpenSSL has it; elsewhere its profiles are off, and say so."""
    from certs.sm2 import library

    if why := library.available():
        print(f"create_sm_authorities: left out, {why}", flush=True)
    else:
        _command("create_sm_authorities", "--passphrase-file", signing)


def _guardians() -> list[str]:
    """Those of the demonstration, unless GUARDIANS names others."""
    handed_in = Path(settings.DATA_DIR) / "demo-handover" / "guardians.json"
    if settings.GUARDIANS or not handed_in.exists():
        return []
    addresses = json.loads(handed_in.read_text(encoding="utf-8"))
    return [word for address in addresses for word in ("--guardian", address)]


def _demonstration() -> None:
    from consortium.stack.demo import load
    from consortium.stack.plan import Context

    context = Context.from_environment()
    began = time.monotonic()
    load.load(context)
    _say("demonstration", began)


def _command(name: str, *arguments: str) -> None:
    began = time.monotonic()
    call_command(name, *arguments)
    _say(name, began)


def _say(name: str, began: float) -> None:
    print(f"{name}: {time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    sys.exit(main())
