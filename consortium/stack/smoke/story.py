"""The main job from the roster to the node, told in order. Every line is read back from where it is true."""

from __future__ import annotations

import csv
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from consortium.stack.demo.people import FOUNDING_NODES, NETWORK, ROSTER
from consortium.stack.smoke.actors import Api, NodeClient, Voter, openssl
from consortium.stack.smoke.evidence import Evidence, NotTrue
from consortium.stack.smoke.stack import FreshStack, memory
from governance.ballot.typed_data import Support

BALLOTS = 60
# So mixed that the twenty who are silent could turn it: what is decided takes no more ballots.
VOTES = {Support.FOR: 36, Support.AGAINST: 20, Support.ABSTAIN: 4}
LATENCY = 3  # seconds, from the transaction that executes to the last of four acknowledgements
MEMORY = 2048  # MiB
AT_ONCE = 8  # members at their desks at the same time
BANK = "wangchao-banking"
FORMATS = ("json", "besu", "goquorum", "fisco-bcos")


@dataclass
class Story:
    """The run's state, as it grows from step to step."""

    stack: FreshStack
    evidence: Evidence
    work: Path  # the bank's own directory
    ledger: Any = None
    bank: Api | None = None
    voters: list[Voter] = field(default_factory=list)
    node: dict[str, Any] = field(default_factory=dict)
    certificate: dict[str, Any] = field(default_factory=dict)
    proposal: dict[str, Any] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.stack.console_port}"

    def node_client(self) -> NodeClient:
        """The bank's new node at the gateway."""
        gateway = f"https://127.0.0.1:{self.stack.gateway_port}"
        return NodeClient(gateway, self.work, self.work / "root.pem")

    @property
    def members_home(self) -> Path:
        return self.stack.directory / "demo" / "members"


def rows() -> list[dict[str, str]]:
    with ROSTER.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def members_and_seats(story: Story) -> None:
    """80 members in the database, 80 seats in the contract, member by member."""
    from consortium.members.models import Institution
    from governance.chain import contracts
    from governance.chain import ledger as ledgers

    story.ledger = ledgers.current()
    seats = contracts.seats(story.ledger)
    known = {
        row.short_name: row for row in Institution.objects.filter(status="active").select_related("category")
    }
    wanted = rows()
    story.evidence.line(
        f"{len(known)} members imported and active", true={r["short_name"] for r in wanted} == set(known)
    )
    for row in wanted:
        member = known[row["short_name"]]
        category, voter, status = seats.functions.seatOf(contracts.member_id_bytes(row["uscc"])).call()
        if (category, voter, status) != (member.category.number, member.voting_address, 1):
            raise NotTrue(f"the seat of {row['short_name']} is {(category, voter, status)}")
    count = seats.functions.seatCount().call()
    story.evidence.line(
        f"{count} seats read back from the chain, each with its member's voting address", true=count == 80
    )


def agents_converged(story: Story, epoch: int | None = None) -> int:
    """Four agents have acknowledged the newest epoch; gives its number."""
    from governance.permissions.models import Acknowledgement, Delivery, Epoch

    def newest() -> int:
        return Epoch.objects.filter(network=NETWORK, published_at__isnull=False).values_list(
            "number", flat=True
        )[0]

    def applied() -> list[int]:
        return [
            Delivery.objects.filter(node__institution__short_name=n.institution, node__name=n.name)
            .values_list("applied_epoch", flat=True)
            .first()
            or 0
            for n in FOUNDING_NODES
        ]

    def converged() -> bool:
        published = Epoch.objects.filter(network=NETWORK, published_at__isnull=False).exists()
        return published and newest() >= (epoch or 1) and applied() == [newest()] * 4

    story.evidence.wait("four agents at the newest epoch", converged, seconds=30)
    number = newest()
    verified = Acknowledgement.objects.filter(epoch=number, matches=True).values("node").distinct().count()
    story.evidence.line(
        f"four agents converged on epoch {number}, each by what it read back", true=verified == 4
    )
    return number


def voters(story: Story) -> None:
    """Sixty members (and two more) open their own keystores; each has an account of its own."""
    for row in rows()[: BALLOTS + 2]:
        home = story.members_home / row["short_name"]
        story.voters.append(Voter.open(home, story.base))
    story.bank = story.voters[0].api
    keys = {voter.key.address for voter in story.voters[:BALLOTS]}
    story.evidence.line(
        f"{len(keys)} different voting keys opened outside the server", true=len(keys) == BALLOTS
    )


def certificate(story: Story) -> None:
    """Key and CSR by openssl, request by API, second person approves, worker signs, openssl verifies."""
    from certs import services
    from certs.models import CertificateRequest
    from consortium.members.models import User

    api, work = _bank(story), story.work
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(work / "tls.key"))
    openssl(
        "req", "-new", "-key", str(work / "tls.key"), "-subj", "/CN=smoke-node", "-out", str(work / "tls.csr")
    )
    openssl("ecparam", "-name", "secp256k1", "-genkey", "-noout", "-out", str(work / "node.key"))
    story.node = api.post("/nodes/", _node(work))
    request = api.post(
        "/requests/",
        {
            "node": story.node["id"],
            "profile": "fisco-bcos-3",
            "csr": (work / "tls.csr").read_text(encoding="ascii"),
        },
    )
    story.evidence.line(
        f"key and CSR made by openssl, request {request['id'][:8]} handed in",
        true=request["status"] == "submitted",
    )
    services.approve_request(
        CertificateRequest.objects.get(pk=request["id"]),
        actor=User.objects.get(username="secretariat"),
        reason="Checked by telephone",
    )
    path = f"/requests/{request['id']}/"
    story.evidence.wait("the certificate", lambda: api.get(path)["status"] == "issued", seconds=20)
    story.certificate = api.get(f"/certificates/{api.get(path)['certificate']}/")
    chain = api.get(f"/certificates/{story.certificate['id']}/chain/")["pem"]
    (work / "tls.crt").write_text(chain, encoding="ascii")
    story.evidence.line(f"certificate {story.certificate['serial']} issued by the signing worker")
    _verify(story)


def _verify(story: Story) -> None:
    work, published = story.work, story.stack.directory / "pki" / "root.crt"
    root, leaf = work / "root.pem", str(work / "tls.crt")
    openssl("x509", "-in", str(published), "-inform", "DER", "-out", str(root))
    printed = openssl("verify", "-CAfile", str(root), "-untrusted", leaf, "-show_chain", leaf)
    story.evidence.line("openssl verify accepts leaf and chain:", true=": OK" in printed)
    story.evidence.note(printed)


def _node(work: Path) -> dict[str, Any]:
    der = work / "node.pub"
    openssl("ec", "-in", str(work / "node.key"), "-pubout", "-outform", "DER", "-out", str(der))
    return {
        "network": NETWORK,
        "name": "smoke-node",
        "software": "fisco-bcos",
        "software_version": "3.16.4",
        "consensus_id": der.read_bytes()[-64:].hex(),
        "host": "127.0.0.1",
        "port": 30399,
        "push_url": "",
    }


def vote(story: Story) -> None:
    """A node is admitted by sixty ballots; what must not count is refused while and after."""
    from consortium.members.models import Institution, Node, User
    from governance.chain.models import OnChainProposal, RegistryEntry
    from governance.proposals import services
    from governance.proposals.models import Kind

    secretariat = User.objects.get(username="secretariat")
    draft = services.draft(
        kind=Kind.ADMIT_NODE,
        title_zh="接纳冒烟测试节点",
        title_en="Admit the smoke run's node",
        text="The smoke run's node asks to join.\n",
        institution=Institution.objects.get(short_name=BANK),
        node=Node.objects.get(pk=story.node["id"]),
        node_role=RegistryEntry.NodeRole.OBSERVER,
        actor=secretariat,
    )
    services.open(draft, actor=secretariat)
    api, path = _bank(story), f"/proposals/{draft.chain_proposal_id}/"
    story.evidence.wait("voting open", lambda: api.get(path)["state"] == "voting", seconds=20)
    story.proposal = api.get(path)
    story.evidence.line(f"proposal {draft.number} drafted, opened and seen on the ledger")
    _ballots(story)
    onchain = OnChainProposal.objects.get(proposal_id=draft.chain_proposal_id)
    story.evidence.line(
        f"electorate {onchain.electorate} (by category {onchain.electorate_by_category}), a third is "
        f"{onchain.quorum}: the quorum of a {onchain.get_kind_display()} proposal",
        true=(onchain.electorate, sum(onchain.electorate_by_category), onchain.quorum) == (80, 80, 27),
    )


def _ballots(story: Story) -> None:
    about = f"/proposals/{story.proposal['chain_proposal_id']}/"
    path = f"{about}ballots/"
    first, late, forger = story.voters[0], story.voters[BALLOTS], story.voters[BALLOTS + 1]
    forged = first.ballot(story.proposal, Support.AGAINST, key=forger.key)
    status, code = first.api.refused(path, forged)
    story.evidence.line(
        f"forged ballot refused: {status} {code}", true=(status, code) == (400, "wrong_signer")
    )
    status, code = first.api.refused(path, first.ballot(story.proposal, Support.FOR))
    story.evidence.line(
        f"ballot that no second officer proposed refused: {status} {code}",
        true=(status, code) == (409, "not_proposed"),
    )
    began = time.monotonic()
    wishes = [support for support, count in VOTES.items() for _ in range(count)]
    voters = story.voters[:BALLOTS]
    with ThreadPoolExecutor(AT_ONCE) as desks:
        list(desks.map(lambda voter, wish: voter.propose(about, wish), voters, wishes))
        done = desks.map(
            lambda voter, wish: voter.api.post(path, voter.ballot(story.proposal, wish)), voters, wishes
        )
        taken = {ballot["voter"] for ballot in done}
    story.evidence.line(
        f"{len(taken)} ballots signed by as many keys handed in, {time.monotonic() - began:.1f} s",
        true=len(taken) == BALLOTS,
    )
    _tally(story)
    doubled = first.ballot(story.proposal, Support.FOR)
    status, code = first.api.refused(path, doubled)
    story.evidence.line(
        f"doubled ballot refused: {status} {code}", true=(status, code) == (409, "already_voted")
    )
    _wait_for_the_end(story)
    status, code = late.api.refused(path, late.ballot(story.proposal, Support.FOR))
    story.evidence.line(
        f"late ballot refused: {status} {code}", true=(status, code) == (409, "voting_closed")
    )


def _tally(story: Story) -> None:
    from governance.chain import contracts

    proposal = int(story.proposal["chain_proposal_id"])
    votes = contracts.governor(story.ledger).functions.proposalVotes(proposal)
    story.evidence.wait("60 votes on the chain", lambda: sum(votes.call()) >= BALLOTS, seconds=30)
    against, favour, abstain = votes.call()
    story.evidence.line(
        f"tally read from the contract: {favour} for, {against} against, {abstain} abstaining",
        true=[against, favour, abstain] == [VOTES[support] for support in Support],
    )


def _wait_for_the_end(story: Story) -> None:
    from consortium.core import clock
    from governance.chain.models import OnChainProposal

    end = OnChainProposal.objects.get(proposal_id=story.proposal["chain_proposal_id"]).vote_end
    story.evidence.wait("the end of voting", lambda: clock.now() > end + timedelta(seconds=1), seconds=60)


def executed(story: Story) -> None:
    """Queued, executed when the timelock lets it; the effect arrives through the indexer."""
    from governance.chain import contracts
    from governance.chain.models import OnChainProposal, RegistryEntry

    consensus = story.node["consensus_id"]
    row = OnChainProposal.objects.filter(proposal_id=story.proposal["chain_proposal_id"])
    story.evidence.wait("the queue", lambda: row.filter(queued_at__isnull=False).exists(), seconds=30)
    delay = contracts.timelock(story.ledger).functions.getMinDelay().call()
    story.evidence.line(f"passed and queued; the timelock holds it for {delay} s", true=delay > 0)
    story.evidence.wait(
        "execution", lambda: RegistryEntry.objects.filter(consensus_id=consensus).exists(), seconds=30
    )
    role, _ = (
        contracts.registry(story.ledger)
        .functions.roleOf(contracts.network_bytes(NETWORK), bytes.fromhex(consensus))
        .call()
    )
    story.evidence.line("executed on chain: the registry has the node as an observer", true=role == 1)


def listed(story: Story) -> int:
    """Epoch N has the node in each of four formats, as the gateway serves them to it."""
    epoch = agents_converged(story, _epoch_with(story, True))
    _latency(story, epoch)
    node = story.node_client()
    modulus = (
        openssl("x509", "-in", str(story.work / "tls.crt"), "-noout", "-modulus")
        .split("=")[1]
        .strip()
        .lower()
    )
    marks = dict(
        zip(FORMATS, (story.node["id"], *[f"enode://{story.node['consensus_id']}"] * 2, modulus), strict=True)
    )
    for name, mark in marks.items():
        answer = node.pull(NETWORK, name)
        story.evidence.line(
            f"epoch {epoch} as {name}: {answer.status_code}, lists the node", true=mark in answer.text
        )
    return epoch


def _epoch_with(story: Story, wanted: bool) -> int:
    """The number of the newest published epoch, once it does (or does not) list the node."""
    from governance.permissions.models import Epoch

    found: list[int] = []

    def there() -> bool:
        newest = Epoch.objects.filter(network=NETWORK, published_at__isnull=False).order_by("-number").first()
        if newest is None or newest.members.filter(node=story.node["id"]).exists() != wanted:
            return False
        found.append(newest.number)
        return True

    story.evidence.wait(f"an epoch {'with' if wanted else 'without'} the node", there, seconds=20)
    return found[-1]


def _latency(story: Story, epoch: int) -> None:
    from governance.chain.models import RelayTransaction
    from governance.permissions.models import Acknowledgement
    from governance.proposals.models import Proposal

    proposal = Proposal.objects.get(chain_proposal_id=story.proposal["chain_proposal_id"])
    if proposal.execute_tx is None:
        raise NotTrue("no transaction executed the proposal")
    sent = RelayTransaction.objects.get(pk=proposal.execute_tx.pk).signed_at
    last = Acknowledgement.objects.filter(epoch=epoch, matches=True).order_by("-received_at").first()
    if sent is None or last is None:
        raise NotTrue("no acknowledgement")
    seconds = (last.received_at - sent).total_seconds()
    story.evidence.measure(
        "from execution to the last of four acknowledgements", seconds, "s", wanted=LATENCY
    )


def revoked(story: Story, epoch: int) -> None:
    """The bank revokes: epoch N+1 without the node, the serial in the CRL, the pull refused."""
    api, serial = _bank(story), story.certificate["serial"]
    began = time.monotonic()
    api.post(
        f"/certificates/{story.certificate['id']}/revocation/",
        {"reason": "keyCompromise", "comment": "The backup tape was lost"},
    )
    after = agents_converged(story, _epoch_with(story, False))
    story.evidence.line(
        f"certificate revoked: epoch {after} without the node, "
        f"agents there after {time.monotonic() - began:.1f} s",
        true=after == epoch + 1,
    )
    story.evidence.wait("the serial in the CRL", lambda: _in_crl(story, serial), seconds=20)
    story.evidence.line(f"serial {serial} is in the CRL at the address that the certificate carries")
    node = story.node_client()
    answer = node.pull(NETWORK, "json")
    story.evidence.line(
        f"its pull is refused: {answer.status_code} {answer.text[:80]}", true=answer.status_code == 403
    )


def _in_crl(story: Story, serial: str) -> bool:
    import httpx

    text = openssl("x509", "-in", str(story.work / "tls.crt"), "-noout", "-ext", "crlDistributionPoints")
    address = next(word.removeprefix("URI:") for word in text.split() if word.startswith("URI:"))
    path = story.work / "ca.crl"
    path.write_bytes(httpx.get(address, timeout=10, trust_env=False).content)
    printed = openssl("crl", "-in", str(path), "-inform", "DER", "-noout", "-text")
    return serial.upper() in printed.replace(":", "").upper()


def footprint(story: Story) -> None:
    """Memory of everything that the stack started, shared pages counted once."""
    story.evidence.measure("memory of the whole stack", memory(story.stack.pid), "MiB", wanted=MEMORY)


def _bank(story: Story) -> Api:
    if story.bank is None:
        raise NotTrue("the bank has no account")
    return story.bank


def connect_django(stack: FreshStack) -> None:
    """Let this process read the stack's database and act for the secretariat, as a command would."""
    import django

    os.environ.update(stack.environment)
    for name in ("DATABASE_URL", "REDIS_URL", "LEDGER_URL"):
        os.environ.pop(name, None)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "consortium.settings")
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    django.setup()
