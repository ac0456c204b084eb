"""The secretariat's side of the demonstration: roster, accounts, seats, four founding nodes, things to do.

Everything goes through the services that people use. It reads what members handed in, and no key.
"""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path
from typing import Any

from certs import selectors as certificates
from certs import services as certs
from certs.models import CertificateRequest, Profile
from consortium.core import clock, outbox
from consortium.core.events import COMMAND
from consortium.members import roster
from consortium.members import services as members
from consortium.members.models import Category, Institution, Network, Node, User
from consortium.members.states import Role, Status
from consortium.stack.demo.people import (
    CANDIDATE,
    FOUNDING_NODES,
    LOGINS,
    NETWORK,
    PROPOSERS_TOKEN,
    ROSTER,
    SIGNERS_TOKEN,
    DemoNode,
    Login,
)
from consortium.stack.plan import Context
from consortium.web.accounts import renew_token
from governance.chain import founding
from governance.chain import ledger as ledgers
from governance.chain.models import RegistryEntry
from governance.proposals import services as proposals
from governance.proposals.models import Kind

SIGNING_LIMIT = 60  # seconds for the founding nodes' certificates


def load(context: Context) -> None:
    """Load whatever of the demonstration is not there yet; a run that was cut off is finished by the next."""
    _tell_members(context)
    if _finished(context):
        return
    handover = context.data_dir / "demo-handover"
    _roster()
    passwords = _accounts(context)
    _voters(context)
    _voting_addresses(json.loads((handover / "members.json").read_text(encoding="utf-8")))
    nodes = _nodes(json.loads((handover / "nodes.json").read_text(encoding="utf-8")))
    _found(nodes)
    _certificates(handover, nodes)
    _work_for_the_secretariat(nodes)
    _hand_back(handover, nodes)
    _greeting(context, passwords)


def _finished(context: Context) -> bool:
    return (context.data_dir / "demo" / "logins.txt").exists()


def _roster() -> None:
    """Eighty members by the founding act; importing again changes nothing."""
    preview = roster.check(roster.read(ROSTER.read_bytes(), ROSTER.name))
    roster.import_rows(preview, actor=COMMAND, skip_bad=False, founding=True)
    Network.objects.get_or_create(
        slug=NETWORK, defaults={"name_zh": "清算网络", "name_en": "Settlement network"}
    )


def _accounts(context: Context) -> dict[str, str]:
    """The accounts people sign in with; passwords are made here and shown once, in logins.txt."""
    kept = context.data_dir / "run" / "demo-passwords.json"  # until logins.txt is written
    if not kept.exists():
        kept.write_text(json.dumps({login.username: secrets.token_urlsafe(12) for login in LOGINS}))
    passwords: dict[str, str] = json.loads(kept.read_text(encoding="utf-8"))
    for login in LOGINS:
        if not User.objects.filter(username=login.username).exists():
            _account(login, passwords[login.username])
    return passwords


def _account(login: Login, password: str | None) -> None:
    institution = Institution.objects.get(short_name=login.institution) if login.institution else None
    members.create_account(
        username=login.username,
        password=password,
        role=Role(login.role),
        institution=institution,
        email=f"{login.username}@console.example",
        first_name=login.first_name,
        last_name=login.last_name,
        actor=COMMAND,
    )


def _voters(context: Context) -> None:
    """Two officers for every member, each with an API token: one proposes its votes, one hands them in."""
    for institution in Institution.objects.filter(founding_member__isnull=False, status=Status.ADMITTED):
        home = context.data_dir / "demo" / "members" / institution.short_name
        for officer, file in zip(_two_of(institution), (PROPOSERS_TOKEN, SIGNERS_TOKEN), strict=True):
            if not (home / file).exists():
                (home / file).write_text(renew_token(officer) + "\n", encoding="ascii")


def _two_of(institution: Institution) -> list[User]:
    """The first made is who proposes."""
    names = [login.username for login in LOGINS if login.institution == institution.short_name]
    names = names or [f"{duty}-{institution.short_name}" for duty in ("officer", "signer")]
    for name in names:
        if not User.objects.filter(username=name).exists():
            _account(Login(name, Role.MEMBER, institution.short_name, "", institution.contact_name), None)
    return [User.objects.get(username=name) for name in names]


def _voting_addresses(handed_in: list[dict[str, str]]) -> None:
    for entry in handed_in:
        institution = Institution.objects.get(short_name=entry["short_name"])
        if institution.voting_address is None:
            members.set_voting_address(
                institution, address=entry["address"], proof=entry["proof"], actor=COMMAND
            )


def _nodes(handed_in: list[dict[str, Any]]) -> dict[str, Node]:
    """The four founding nodes and the candidate, by label."""
    given = {f"{entry['institution']}-{entry['name']}": entry for entry in handed_in}
    wanted = (*FOUNDING_NODES, CANDIDATE)
    return {node.label: _node(node, given[node.label], port) for port, node in enumerate(wanted, 30301)}


def _node(node: DemoNode, given: dict[str, Any], port: int) -> Node:
    institution = Institution.objects.get(short_name=node.institution)
    known = Node.objects.filter(institution=institution, network=NETWORK, name=node.name).first()
    return known or members.register_node(
        institution,
        network=Network.objects.get(slug=NETWORK),
        name=node.name,
        software=node.software,
        software_version=node.version,
        consensus_id=given["consensus_id"],
        host="127.0.0.1",
        port=port,
        push_url=given["push_url"],
        actor=COMMAND,
    )


def _certificates(handover: Path, nodes: dict[str, Node]) -> None:
    """Requested by one of the secretariat, approved by another, signed as the signing worker does."""
    first, second = (User.objects.get(username=name) for name in ("secretariat", "secretariat-2"))
    for founding_node in FOUNDING_NODES:
        node = nodes[founding_node.label]
        if not node.requests.exists():
            csr = (handover / f"{founding_node.label}.csr").read_bytes()
            certs.submit_request(node=node, profile=Profile.FISCO_BCOS_3, csr=csr, actor=first)
        for request in node.requests.filter(status="submitted"):
            certs.approve_request(request, actor=second, reason="Founding node")
    _sign(nodes)


def _sign(nodes: dict[str, Node]) -> None:
    """What the signing worker would do; where one runs already, it may be the one that does it."""
    waiting = CertificateRequest.objects.filter(node__in=nodes.values(), status="approved")
    limit = time.monotonic() + SIGNING_LIMIT
    while waiting.exists() and time.monotonic() < limit:
        outbox.drain("signing")
        time.sleep(0.1)


def _found(nodes: dict[str, Node]) -> None:
    roles = {
        nodes[node.label]: RegistryEntry.NodeRole.SEALER if node.sealer else RegistryEntry.NodeRole.OBSERVER
        for node in FOUNDING_NODES
    }
    founding.found_alliance(ledgers.current(), nodes=roles)


def _work_for_the_secretariat(nodes: dict[str, Node]) -> None:
    """Something to decide from the first minute: an application, a request, a draft to put to the vote."""
    secretariat = User.objects.get(username="secretariat")
    candidate = nodes[CANDIDATE.label]
    if not Institution.objects.filter(short_name="yunqi-technology").exists():
        _applicant(secretariat)
    if not candidate.proposals.exists():
        proposals.draft(
            kind=Kind.ADMIT_NODE,
            title_zh="接纳望潮银行的第二个节点",
            title_en="Admit Wangchao Bank's second node",
            text="Wangchao Bank asks to join the settlement network with a second node, as an observer.\n"
            "望潮银行申请以观察节点身份将其第二个节点接入清算网络。",
            institution=candidate.institution,
            node=candidate,
            node_role=RegistryEntry.NodeRole.OBSERVER,
            actor=secretariat,
        )


def _applicant(secretariat: User) -> None:
    institution = members.apply(
        short_name="yunqi-technology",
        legal_name_zh="云栖金融科技有限责任公司",
        legal_name_en="Yunqi Financial Technology Company Limited",
        category=Category.objects.get(code="technology"),
        uscc="91330106MA2YQ7K3X2",
        lei=None,
        joined_on=None,
        contact_name="He Jing",
        contact_email="he.jing@yunqi-technology.example",
        contact_phone="+86 571 55501234",
        actor=secretariat,
    )
    members.start_review(institution, actor=secretariat, reason="Complete application received")


def _hand_back(handover: Path, nodes: dict[str, Node]) -> None:
    """Certificates for the nodes' administrators to fetch: public, like everything in this directory."""
    for founding_node in FOUNDING_NODES:
        node = nodes[founding_node.label]
        certificate = certificates.valid_certificate_of(node, clock.now())
        if certificate is None:
            raise RuntimeError(f"{founding_node.label} has no certificate: see the outbox")
        (handover / f"{founding_node.label}.crt").write_text(certificates.chain_pem(certificate))


def _tell_members(context: Context) -> None:
    """What every member's own tools need to know: where the console and the ledger are, this time."""
    ledger = ledgers.current()
    told = {
        "console": f"http://127.0.0.1:{context.console_port}",
        "ledger": ledgers.addresses()[0],
        "governor": ledger.governor,
        "anchors": ledger.anchors,
    }
    path = context.data_dir / "demo" / "alliance.json"
    path.write_text(json.dumps(told, indent=1), encoding="utf-8")


def _greeting(context: Context, passwords: dict[str, str]) -> None:
    """What `make run` prints; also the mark that the demonstration is complete."""
    address = f"http://localhost:{context.console_port}"
    rows = [f"  {login.role:<12} {login.username:<14} {passwords[login.username]}" for login in LOGINS]
    where = [f"  Console   {address}/", f"  Admin     {address}/admin/"]
    head = f"  {'role':<12} {'user name':<14} password"
    why = "  (two of the secretariat: nobody approves what they asked for; mail lands in mail/ here)"
    text = "\n".join(["", *where, "", head, *rows, why, ""])
    path = context.data_dir / "demo" / "logins.txt"
    path.write_text(text + "\n", encoding="utf-8")
    (context.data_dir / "run" / "demo-passwords.json").unlink()
