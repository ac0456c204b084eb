"""``python -m consortium.stack.demo.collect``: the nodes' administrators fetch their certificates.

Each of the four nodes gets a directory as it would be on its own machine: key, certificate, the alliance's CA
certificates, the trusted root of the lists, the agent's configuration, and the files its software reads.
They have no ledger nodes: where an agent asks its own for the anchored heads, these ask the demonstration's.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from consortium.stack.demo.people import CANDIDATE, FOUNDING_NODES, NETWORK, DemoNode
from consortium.stack.plan import Context

POLL_SECONDS = 20

FILES = {
    "besu": ("besu/permissions_config.toml",),
    "goquorum": ("goquorum/permissioned-nodes.json", "goquorum/disallowed-nodes.json"),
    "fisco-bcos": ("fisco-bcos/certificates.ini", "fisco-bcos/nodes.json"),
}


def main() -> int:
    os.umask(0o077)
    context = Context.from_environment()
    for node in FOUNDING_NODES:
        collect(context, node)
        shutil.copyfile(_issued(context, node), directory(context, node) / "tls.crt")
    collect(context, CANDIDATE)  # its certificate is the newcomer's to ask for
    return 0


def directory(context: Context, node: DemoNode) -> Path:
    """The node's own machine, so to speak."""
    return context.data_dir / "demo" / "nodes" / node.label


def _issued(context: Context, node: DemoNode) -> Path:
    return context.data_dir / "demo-handover" / f"{node.label}.crt"


def collect(context: Context, node: DemoNode) -> None:
    """Copy what is public, write the configuration; what the agent itself keeps is left alone."""
    home = directory(context, node)
    shutil.copyfile(context.data_dir / "pki" / "chain.pem", home / "ca.pem")
    shutil.copyfile(context.data_dir / "tuf" / "root.json", home / "root.json")
    (home / "agent.toml").write_text(configuration(context, node), encoding="utf-8")


def configuration(context: Context, node: DemoNode) -> str:
    """The node's agent.toml; paths are relative to it."""
    lines = [
        f'gateway = "https://127.0.0.1:{context.gateway_port}"',
        'ca_file = "ca.pem"',
        'certificate_file = "tls.crt"',
        'key_file = "tls.key"',
        'trusted_root = "root.json"',
        f'network = "{NETWORK}"',
        'state_dir = "state"',
        f"poll_seconds = {POLL_SECONDS}",
    ]
    if node.push_offset:
        lines.append(f'listen = "127.0.0.1:{context.gateway_port + node.push_offset}"')
    for target in FILES[node.software]:
        lines += ["", "[[file]]", f'target = "{target}"', f'path = "config/{Path(target).name}"']
    told = json.loads((context.data_dir / "demo" / "alliance.json").read_text(encoding="utf-8"))
    lines += ["", "[ledger]", f"url = {json.dumps(told['ledger'])}", f'contract = "{told["anchors"]}"']
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
