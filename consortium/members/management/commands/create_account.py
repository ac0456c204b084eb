"""Make an account from the command line: the first one of the secretariat comes from here."""

from __future__ import annotations

from argparse import ArgumentParser
from getpass import getpass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from consortium.core import events
from consortium.core.errors import ConsoleError
from consortium.members import services
from consortium.members.models import Institution
from consortium.members.states import Role


class Command(BaseCommand):
    help = "Make an account. The password is asked for, or read from a file; never an argument."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", choices=Role.values, required=True)
        parser.add_argument("--institution", help="short name; for members only")
        parser.add_argument("--email", default="")
        parser.add_argument("--first-name", default="")
        parser.add_argument("--last-name", default="")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--password-file", type=Path)
        how.add_argument("--no-password", action="store_true", help="nobody can sign in until one is set")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        try:
            user = services.create_account(
                username=username,
                password=self._password(options["password_file"], options["no_password"]),
                role=options["role"],
                institution=self._institution(options["institution"]),
                email=options["email"],
                first_name=options["first_name"],
                last_name=options["last_name"],
                actor=events.COMMAND,
            )
        except ConsoleError as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"{user.get_username()}: {user.get_role_display()}")

    def _institution(self, short_name: str | None) -> Institution | None:
        if short_name is None:
            return None
        try:
            return Institution.objects.get(short_name=short_name)
        except Institution.DoesNotExist:
            raise CommandError(f"no institution {short_name}") from None

    def _password(self, file: Path | None, without: bool) -> str | None:
        if without:
            return None
        if file is None:
            return self._asked()
        try:
            return file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file}: {getattr(error, 'strerror', 'not UTF-8')}") from None

    def _asked(self) -> str:
        password = getpass()
        if password != getpass("Password (again): "):
            raise CommandError("The passwords differ.")
        return password
