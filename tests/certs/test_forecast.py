"""What runs out is foretold: everything, the soonest first, with an alarm for what somebody must see to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from django.core.management import CommandError, call_command

from certs import console_certificates, forecast, selectors, services
from certs.forecast import Expiry, Kind
from certs.models import Certificate
from certs.status import crl
from consortium.core import clock
from consortium.members.models import Node, User
from tests.certs.conftest import Pki
from tests.certs.openssl import Workstation

NOON = datetime(2027, 1, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_the_soonest_comes_first() -> None:
    later, sooner = Expiry(Kind.ROOT, "root", NOON + DAY), Expiry(Kind.NODE, "settlement-1", NOON)
    assert forecast.soonest([later, sooner]) == [sooner, later]
    assert forecast.soonest([]) == []


@pytest.mark.parametrize(
    ("ends", "due", "alarms"),
    [
        (NOON + 31 * DAY, None, False),
        (NOON + 30 * DAY, None, True),
        (NOON - DAY, None, True),
        (NOON + 12 * timedelta(hours=1), NOON, False),  # should be renewed just now
        (NOON + 6 * timedelta(hours=1), NOON - 6 * timedelta(hours=1), True),  # and was not, for long
        (NOON + DAY, NOON + DAY / 2, False),
    ],
)
def test_what_renews_itself_alarms_only_when_it_did_not(
    ends: datetime, due: datetime | None, alarms: bool
) -> None:
    assert Expiry(Kind.LIST, "nodes", ends, due).alarms(NOON, 30 * DAY) is alarms


@pytest.mark.django_db
class TestOfAnAlliance:
    @pytest.fixture(autouse=True)
    def _alliance(self, pki: Pki, heming: Node, zhou_lan: User, certify: Callable[..., Certificate]) -> None:
        self.pki, self.node, self.officer, self.certify = pki, heming, zhou_lan, certify
        console_certificates.ensure_gateway(["localhost"])
        key = ed25519.Ed25519PrivateKey.generate().public_key()
        console_certificates.ensure_list_signer("lists-targets", key)

    def names(self, kind: Kind) -> list[str]:
        return [expiry.name for expiry in forecast.everything() if expiry.kind == kind]

    def test_it_has_all_kinds(self, workstation: Workstation, wang_min: User) -> None:
        self.certify(self.node, self.officer)
        for profile in ("officer", "client"):
            request = services.submit_request(
                holder=self.officer, profile=profile, csr=workstation.request("p256"), actor=self.officer
            )
            services.approve_request(request, actor=wang_min)
            from certs import issuing

            assert issuing.issue(request.pk) is not None
        assert self.names(Kind.ROOT) == ["root"]
        assert set(self.names(Kind.ISSUING)) == {"nodes", "access", "lists"}
        assert self.names(Kind.NODE) == ["heming-bank · settlement-1"]
        assert self.names(Kind.OFFICER) == self.names(Kind.PROGRAM) == ["heming-bank · zhou.lan"]
        assert {"root", "nodes", "access", "lists"} <= set(self.names(Kind.LIST))
        own = self.names(Kind.CONSOLE)
        assert own[0].startswith("gateway") or own[1].startswith("gateway")
        assert len(own) == 2
        everything = forecast.everything()
        assert [row.ends for row in everything] == sorted(row.ends for row in everything)

    def test_a_successor_takes_its_place(self) -> None:
        first = self.certify(self.node, self.officer)
        with clock.frozen(first.not_after - 20 * DAY):
            assert self.names(Kind.NODE) == ["heming-bank · settlement-1"]
            second = self.certify(self.node, self.officer)
            found = [row for row in forecast.everything() if row.kind == Kind.NODE]
            assert [row.ends for row in found] == [second.not_after]

    def test_an_expired_gateway_is_not_forgotten(self) -> None:
        row = Certificate.objects.get(profile="gateway")
        with clock.frozen(row.not_after + DAY):
            alarms = forecast.alarming(clock.now(), 30 * DAY)
            assert row.not_after in [alarm.ends for alarm in alarms if alarm.kind == Kind.CONSOLE]

    def test_the_command_is_quiet_while_all_is_well(self) -> None:
        output = StringIO()
        call_command("expiry_forecast", "--days=30", stdout=output)
        assert "!" not in output.getvalue()
        assert "(renews itself)" in output.getvalue()

    def test_the_command_fails_when_somebody_must_act(self) -> None:
        """The root's list is signed in a ceremony, once a year."""
        newest = selectors.newest_crl(self.pki.root)
        assert newest is not None
        with clock.frozen(newest.next_update - 20 * DAY):
            for authority in (self.pki.nodes, self.pki.access, self.pki.lists):
                crl.publish(authority.pk)
            output = StringIO()
            with pytest.raises(CommandError, match="to see to within 30 days") as failure:
                call_command("expiry_forecast", stdout=output)
            assert failure.value.returncode == 1
            alarming = [line for line in output.getvalue().splitlines() if line.startswith("!")]
            assert any(line.split()[-2:] == ["list", "root"] for line in alarming)
