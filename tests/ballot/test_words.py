"""What changes the voting itself, told by the command: the gravest votes in words, not in bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from web3 import HTTPProvider, Web3

from consortium.core import clock
from consortium.stack.embedded import EmbeddedLedger
from governance.ballot import words
from governance.ballot.texts import CATALOGUES
from governance.chain import calls
from governance.chain.calls import Call
from governance.chain.models import Ledger, RegistryEntry
from governance.proposals import actions, charter, wording
from governance.proposals.models import Kind, Permission, Proposal, ProposalAction
from tests.ballot.conftest import Desk
from tests.contracts.alliance import (
    GUARDIANS,
    MALLORY,
    NOBODY,
    SECRETARIAT,
    WANGCHAO,
    Alliance,
    deploy,
    governor_settings,
    person,
)
from tests.contracts.alliance import Proposal as Drafted
from tests.factories import InstitutionFactory, NodeFactory
from tests.proposals.stage import rpc

DAY, HOUR = 86_400, 3600
DEPUTY = str(person("The deputy secretary").address)
NEWCOMERS = [str(person(name).address) for name in ("Guardian Lu", "Guardian Xu", "Guardian Qi")]
CHINESE = "zh_CN.UTF-8"


def ledger_of(alliance: Alliance, ticks: int = 1) -> Ledger:
    """The console's row, from which its calls are made; not saved."""
    return Ledger(
        slug="words",
        chain_id=alliance.ledger.eth.chain_id,
        seats=alliance.seats.address,
        governor=alliance.governor.address,
        registry=alliance.registry.address,
        timelock=alliance.timelock.address,
        break_glass=alliance.break_glass.address,
        ticks_per_second=ticks,
    )


def opened(alliance: Alliance, drafted: Sequence[Call]) -> str:
    """The id of a proposal with these very calls."""
    text = f"Proposal 20: the voting itself\n{alliance.binding(SECRETARIAT)}"
    content = [call.target for call in drafted], [call.data for call in drafted]
    proposal = Drafted(*content, text, calls.proposal_id(drafted, text))
    alliance.send(alliance.proposing(proposal), SECRETARIAT)
    return str(proposal.id)


def effects(desk: Desk, proposal: str, lang: str = "en_GB.UTF-8") -> list[str]:
    result = desk.run("show", *desk.ledger, "--proposal", proposal, lang=lang)
    assert result.returncode == 0, result.stderr
    return [line.removeprefix("  - ") for line in result.stdout.splitlines() if line.startswith("  - ")]


def readable(lines: Sequence[str]) -> bool:
    """Nothing in them is a hash or a call's bytes."""
    return not re.search(r"0x[0-9a-fA-F]{41,}|\bdata\b|UNKNOWN|未知", "\n".join(lines))


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [kind for kind in Kind.values if kind != Kind.OTHER])
def test_all_that_the_console_drafts_is_told_in_both_languages(kind: str) -> None:
    """The functions are those that the console itself makes of a proposal of this kind."""
    ledger = Ledger(
        slug="paper", chain_id=1, relay_address=DEPUTY, seats="0x" + "11" * 20, governor="0x" + "22" * 20,
        registry="0x" + "33" * 20, timelock="0x" + "44" * 20, break_glass="0x" + "55" * 20,
        anchors="0x" + "66" * 20, genesis_hash="0x" + "0" * 64, start_block=0,
    )  # fmt: skip
    ledger.save()
    node = NodeFactory(institution=InstitutionFactory(voting=True))
    bank = node.institution
    RegistryEntry.objects.create(
        ledger=ledger, network=node.network_id, consensus_id=node.consensus_id, member_id=bank.uscc, role=1,
        freeze_number=1, block=1, block_time=clock.now(), tx_hash="0x" + "0" * 64,
    )  # fmt: skip
    proposal = Proposal(ledger=ledger, kind=kind, number=1, text="x")
    action = ProposalAction(
        proposal=proposal, position=1, kind=kind, institution=bank, node=node, network=node.network,
        node_role=1, address=DEPUTY, break_glass=DEPUTY, permission=Permission.NONE, guardians=NEWCOMERS,
        threshold=2, durations=dict.fromkeys(charter.DURATIONS, 60), rule_of=0,
        rule={"quorum": [1, 3], "approval": [1, 2], "categories": 0},
    )  # fmt: skip

    actions.compile_into(proposal, [action], [])

    drafted = [calls.decode_call(call)[:2] for call in actions.calls_of(proposal)]
    assert drafted
    untold = [(contract, name) for contract, name in drafted if name not in words.SENTENCES[contract]]
    assert untold == []


def test_all_that_the_console_tells_in_words_the_command_does_too() -> None:
    untold = [
        (contract, name) for contract, name in wording._SENTENCES if name not in words.SENTENCES[contract]
    ]
    assert untold == []
    for name in {name for names in words.SENTENCES.values() for name in names}:
        assert all(name in catalogue for catalogue in CATALOGUES.values()), name


class TestHandOver:
    @pytest.fixture
    def successors(self, alliance: Alliance) -> tuple[str, str]:
        """Another governor over the same contracts, and the guardians' contract that belongs to it."""
        settings = governor_settings(alliance.timelock)
        over = alliance.seats.address, alliance.registry.address
        governor = deploy(alliance.ledger, "ConsortiumGovernor", *over, settings).address
        members = [each.address for each in GUARDIANS]
        glass = deploy(alliance.ledger, "BreakGlass", over[1], governor, members, 2).address
        return governor, glass

    def test_it_is_told_step_by_step(
        self, desk: Desk, alliance: Alliance, successors: tuple[str, str]
    ) -> None:
        governor, glass = successors
        wanted = calls.hand_over(ledger_of(alliance), governor=governor, break_glass=glass)
        proposal = opened(alliance, wanted)

        told = effects(desk, proposal)

        former = f"{alliance.governor.address} (the governor)"
        roles = [CATALOGUES["en"][f"role_{name}"] for name in ("PROPOSER", "CANCELLER", "EXECUTOR")]
        assert told == [
            *(f"{governor} gets the role {role} in the timelock" for role in roles),
            *(f"{former} loses the role {role} in the timelock" for role in roles),
            f"from then on {glass} may freeze nodes, as the guardians' contract",
            f"OUTSIDE the alliance's contracts, at {governor}, which answers as the governor would: "
            f"from then on {glass} may cancel proposals, as the guardians' contract",
        ]
        chinese = effects(desk, proposal, CHINESE)
        assert chinese[0] == f"{governor} 获得时间锁的角色 {CATALOGUES['zh']['role_PROPOSER']}"
        assert chinese[-1] == (
            f"联盟合约之外：地址 {governor}，其应答与治理合约相同：此后由 {glass} 作为守护人合约取消提案"
        )
        assert readable(told + chinese)

    def test_the_same_at_an_address_that_does_not_answer_as_a_governor_is_unknown(
        self, desk: Desk, alliance: Alliance, successors: tuple[str, str]
    ) -> None:
        """Neither one without code nor another contract of ours passes for it."""
        governor, glass = successors
        last = calls.hand_over(ledger_of(alliance), governor=governor, break_glass=glass)[-1]

        told = effects(
            desk, opened(alliance, [replace(last, target=each) for each in (MALLORY.address, glass)])
        )

        assert told == [
            f"UNKNOWN call to {target}, value 0, data {last.data}" for target in (MALLORY.address, glass)
        ]


class TestTerms:
    WISH = {
        "voting_delay": 0,
        "voting_period": 3 * DAY + HOUR,
        "late_quorum_extension": DAY + 90 * 60,
        "timelock": 2 * DAY + 1,
    }
    TOLD = (
        "from then on, time from opening a proposal to the vote on it: 0 seconds",
        "from then on, time to vote: 3 days 1 hour",
        "from then on, time that a vote stays open at least once its quorum is reached: "
        "1 day 1 hour 30 minutes",
        "from then on, time that the timelock holds what has passed before it is carried out: "
        "2 days 1 second",
    )

    def test_they_are_told_in_days_and_hours(self, desk: Desk, alliance: Alliance) -> None:
        proposal = opened(alliance, calls.set_terms(ledger_of(alliance), **self.WISH))

        assert effects(desk, proposal) == list(self.TOLD)
        assert effects(desk, proposal, CHINESE) == [
            "此后，从提案提交到开始投票的时间：0 秒",
            "此后，投票时间：3 天 1 小时",
            "此后，达到法定票数后投票至少继续：1 天 1 小时 30 分钟",
            "此后，通过的事项在时间锁中等待执行的时间：2 天 1 秒",
        ]

    def test_on_a_ledger_that_counts_milliseconds_they_are_as_long(self, desk: Desk, tmp_path: Path) -> None:
        ledger = EmbeddedLedger(tmp_path / "milliseconds")
        ledger.start()
        try:
            web3 = Web3(HTTPProvider(ledger.url))
            rpc(web3, "anvil_autoImpersonateAccount", True)
            rpc(web3, "evm_setNextBlockTimestamp", int(clock.now().timestamp() * 1000))
            rpc(web3, "evm_mine")
            other = Alliance.established(web3, ticks=1000)
            wanted = calls.set_terms(ledger_of(other, ticks=1000), **self.WISH)
            short = calls.set_terms(ledger_of(other, ticks=1), voting_period=2500)

            told = effects(replace(desk, alliance=other, url=ledger.url), opened(other, [*wanted, *short]))
        finally:
            ledger.stop()

        assert told == [*self.TOLD, "from then on, time to vote: 2.5 seconds"]


@pytest.mark.parametrize(
    ("drafted", "told"),
    [
        (
            lambda made: calls.set_guardians(made, guardians=NEWCOMERS, threshold=2),
            f"from then on the guardians are {', '.join(NEWCOMERS)}; 2 of them together freeze a node or "
            "cancel a proposal",
        ),
        (
            lambda made: calls.set_convener(made, convener=DEPUTY),
            f"from then on {DEPUTY} proposes for the secretariat",
        ),
        (
            lambda made: calls.set_convener(made, convener=NOBODY),
            "from then on nobody proposes for the secretariat",
        ),
        (
            lambda made: calls.name_guardian(made, break_glass=NOBODY)[0],
            "from then on nobody may freeze nodes: there is no guardians' contract",
        ),
        (
            lambda made: calls.name_guardian(made, break_glass=NOBODY)[1],
            "from then on nobody may cancel proposals but who proposed them",
        ),
        (
            lambda made: calls.name_guardian(made, break_glass=DEPUTY)[1],
            f"from then on {DEPUTY} may cancel proposals, as the guardians' contract",
        ),
    ],
    ids=["guardians", "convener", "no convener", "no freezes", "no cancelling", "guardian"],
)
def test_guardians_and_convener_are_told(
    desk: Desk, alliance: Alliance, drafted: Callable[[Ledger], Call], told: str
) -> None:
    proposal = opened(alliance, [drafted(ledger_of(alliance))])

    assert effects(desk, proposal) == [told]
    (chinese,) = effects(desk, proposal, CHINESE)
    assert readable([chinese])
    assert chinese.startswith("此后")


def test_what_a_member_may_propose_past_the_console_is_told(desk: Desk, alliance: Alliance) -> None:
    """All power to somebody, by the ways that the console offers nobody."""
    timelock, governor = alliance.timelock, alliance.governor
    suspending = alliance.seats.encode_abi("suspend", [WANGCHAO.id])
    relayed = governor.functions.relay(alliance.seats.address, 0, suspending)
    twice = governor.functions.relay(governor.address, 0, governor.encode_abi("relay", list(relayed.args)))
    proposal = alliance.propose(
        timelock.functions.grantRole(bytes(32), MALLORY.address),
        timelock.functions.grantRole(b"\xab" * 32, MALLORY.address),
        governor.functions.updateTimelock(MALLORY.address),
        relayed,
        twice,
    )

    told = effects(desk, str(proposal.id))

    assert told[:4] == [
        f"{MALLORY.address} gets the role {CATALOGUES['en']['role_DEFAULT_ADMIN']} in the timelock",
        f"{MALLORY.address} gets the role 0x{'ab' * 32} in the timelock",
        f"from then on another timelock carries out what this governor decides: {MALLORY.address}",
        f"the governor itself sends this call: member {WANGCHAO.uscc} loses its vote until it is reinstated",
    ]
    assert told[4].startswith("the governor itself sends this call: ConsortiumGovernor ")
