"""A real nginx with the configuration that is shipped, on a port and in directories of the test's own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from django.conf import settings

from consortium.stack import child
from tests.permissions.world import PROJECT, World, eventually

_AROUND = """
{user}
worker_processes 1;
daemon off;
pid {home}/nginx.pid;
error_log {home}/nginx.log warn;
events {{ worker_connections 256; }}
http {{
    access_log {home}/nginx-access.log;
    client_body_temp_path {home}/nginx-1;
    proxy_temp_path {home}/nginx-2;
    fastcgi_temp_path {home}/nginx-3;
    uwsgi_temp_path {home}/nginx-4;
    scgi_temp_path {home}/nginx-5;
    include {home}/lists.conf;
}}
"""


def socket_of(world: World) -> Path:
    """Where the gateway behind nginx listens."""
    return world.home / "gateway.sock"


def start_nginx(world: World) -> None:
    """Serve ``TUF_DIR`` by nginx; ``world.gateway_url`` is where."""
    port = child.free_port()
    shipped = (PROJECT / "deploy/nginx/lists.conf").read_text()
    for ours, theirs in (
        ("listen 8443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("/srv/console/run/gateway.sock", str(socket_of(world))),
        ("/srv/console/keys", str(settings.KEY_DIR)),
        ("/srv/console/pki", str(settings.PKI_DIR)),
        ("/srv/console/tuf", str(settings.TUF_DIR)),
        ("lists.example", "localhost"),
    ):
        assert ours in shipped
        shipped = shipped.replace(ours, theirs)
    (world.home / "lists.conf").write_text(shipped)
    user = "user root;" if os.geteuid() == 0 else ""  # a test's directories are closed to www-data
    (world.home / "nginx.conf").write_text(_AROUND.format(home=world.home, user=user))
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    popen = child.spawn(
        [program, "-c", str(world.home / "nginx.conf"), "-p", str(world.home)], log=world.home / "nginx.out"
    )
    world.processes.append(popen)
    eventually(lambda: child.listening(port) or popen.poll() is not None, "nginx listens")
    assert popen.poll() is None, (world.home / "nginx.out").read_text()
    world.gateway_url = f"https://localhost:{port}"


def start_gateway_behind(world: World) -> None:
    """The console's gateway, reached through nginx alone."""
    world.start(
        *("-m", "gunicorn", "-c", "python:consortium.gateway_conf"),
        env=world.environment(GATEWAY_SOCKET=str(socket_of(world)), SIGNING_PASSPHRASE_FILE=""),
        log="gateway.log",
    )
    eventually(socket_of(world).exists, "the gateway is there")
