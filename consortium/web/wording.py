"""Names of events and spans of time as people say them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from consortium.core.errors import ConsoleError

if TYPE_CHECKING:
    from consortium.core.models import Event

ACTIONS: dict[str, str | Promise] = {
    "institution.imported": gettext_lazy("institution imported from the roster"),
    "institution.applied": gettext_lazy("institution applied"),
    "institution.review_started": gettext_lazy("review started"),
    "institution.information_requested": gettext_lazy("more information asked for"),
    "institution.declined": gettext_lazy("application declined"),
    "institution.admitted": gettext_lazy("institution admitted"),
    "institution.activated": gettext_lazy("seat granted, institution active"),
    "institution.suspended": gettext_lazy("institution suspended"),
    "institution.reinstated": gettext_lazy("institution reinstated"),
    "institution.exited": gettext_lazy("institution left the alliance"),
    "institution.changed": gettext_lazy("institution's record changed"),
    "institution.voting_address_set": gettext_lazy("voting address registered"),
    "institution.ledger_corrected": gettext_lazy("status corrected after the ledger reorganised"),
    "institution.refused": gettext_lazy("change of an institution refused"),
    "network.added": gettext_lazy("network added"),
    "outbox.retried": gettext_lazy("work tried again"),
    "node.registered": gettext_lazy("node registered"),
    "node.changed": gettext_lazy("node's addresses changed"),
    "node.retired": gettext_lazy("node retired"),
    "node.refused": gettext_lazy("change of a node refused"),
    "account.created": gettext_lazy("account created"),
    "account.deactivated": gettext_lazy("account deactivated"),
    "account.refused": gettext_lazy("change of an account refused"),
    "account.password_changed": gettext_lazy("password changed"),
    "account.second_factor_added": gettext_lazy("second factor added"),
    "account.second_factor_removed": gettext_lazy("second factor removed"),
    "account.token_renewed": gettext_lazy("API token made"),
    "account.token_withdrawn": gettext_lazy("API token withdrawn"),
    "roster.refused": gettext_lazy("roster refused"),
    "request.submitted": gettext_lazy("certificate requested"),
    "request.refused": gettext_lazy("upload refused by the console"),
    "request.decision_refused": gettext_lazy("decision on a certificate request refused"),
    "request.approved": gettext_lazy("certificate request approved"),
    "request.rejected": gettext_lazy("certificate request rejected"),
    "serial.voided": gettext_lazy("serial number voided"),
    "audit.found": gettext_lazy("certificate audit: finding"),
    "audit.finished": gettext_lazy("certificate audit finished"),
    "certificate.issued": gettext_lazy("certificate issued"),
    "certificate.revoked": gettext_lazy("certificate revoked"),
    "certificate.suspended": gettext_lazy("certificate suspended"),
    "certificate.released": gettext_lazy("certificate released"),
    "certificate.compromise_reported": gettext_lazy("key reported as compromised"),
    "certificate.reminded": gettext_lazy("reminder recorded"),
    "authority.reminded": gettext_lazy("reminder recorded"),
    "certificate.refused": gettext_lazy("revocation refused"),
    "enrolment.made": gettext_lazy("enrolment secret made"),
    "enrolment.redeemed": gettext_lazy("node enrolled with its secret"),
    "enrolment.refused": gettext_lazy("enrolment refused"),
    "enrolment.withdrawn": gettext_lazy("enrolment secret withdrawn"),
    "crl.published": gettext_lazy("revocation list published"),
    "authority.created": gettext_lazy("certificate authority made"),
    "proposal.drafted": gettext_lazy("proposal drafted"),
    "proposal.action_added": gettext_lazy("action added to the draft"),
    "proposal.opened": gettext_lazy("proposal opened for voting"),
    "proposal.on_ledger": gettext_lazy("proposal is on the ledger"),
    "proposal.executed": gettext_lazy("proposal executed"),
    "proposal.discarded": gettext_lazy("draft discarded"),
    "proposal.canceled": gettext_lazy("proposal cancelled"),
    "proposal.reopened": gettext_lazy("proposal opened again"),
    "proposal.refused": gettext_lazy("proposal refused"),
    "proposal.execution_sent": gettext_lazy("execution sent to the ledger"),
    "proposal.execution_refused": gettext_lazy("execution refused by the ledger"),
    "proposal.execution_requested": gettext_lazy("execution asked for again"),
    "proposal.queued": gettext_lazy("proposal queued for execution"),
    "proposal.queueing_sent": gettext_lazy("queueing sent to the ledger"),
    "proposal.queueing_refused": gettext_lazy("queueing refused by the ledger"),
    "proposal.extended": gettext_lazy("vote extended, as its quorum was reached late"),
    "proposal.amended": gettext_lazy("proposal amended by a successor"),
    "proposal.withdrawn": gettext_lazy("proposal withdrawn"),
    "proposal.withdrawal_sent": gettext_lazy("withdrawal sent to the ledger"),
    "proposal.withdrawal_refused": gettext_lazy("withdrawal refused by the ledger"),
    "proposal.opened_by_guardians": gettext_lazy("ratification opened by the guardians' freeze"),
    "proposal.opened_elsewhere": gettext_lazy("opened on the ledger, without the console"),
    "proposal.taken_back": gettext_lazy("taken back by a reorganisation of the ledger"),
    "proposal.attached": gettext_lazy("file attached"),
    "proposal.detached": gettext_lazy("attachment removed"),
    "proposal.commented": gettext_lazy("comment posted"),
    "confirmation.handed_in": gettext_lazy("guardian's confirmation handed in"),
    "committee.wished": gettext_lazy("committee proposal prepared"),
    "committee.wish_offered": gettext_lazy("committee proposal's turn has come"),
    "committee.wish_cancelled": gettext_lazy("committee proposal given up before it was sent"),
    "committee.transaction_handed_in": gettext_lazy("signed committee transaction handed in"),
    "committee.transaction_held": gettext_lazy("signed committee transaction held back until its turn"),
    "committee.transaction_mined": gettext_lazy("committee transaction on the ledger"),
    "committee.transaction_refused": gettext_lazy("committee transaction refused by the ledger"),
    "committee.transaction_lost": gettext_lazy("committee transaction replaced by another"),
    "committee.proposal_opened": gettext_lazy("committee proposal opened on the ledger"),
    "committee.proposal_closed": gettext_lazy("committee proposal closed on the ledger"),
    "committee.proposal_taken_back": gettext_lazy("committee proposal taken back by a reorganisation"),
    "committee.vote_cast": gettext_lazy("committee vote cast on the ledger"),
    "committee.changed": gettext_lazy("committee changed"),
    "governed_ledger.registered": gettext_lazy("ledger registered"),
    "governed_ledger.node_changed": gettext_lazy("node changed on the ledger"),
    "governed_ledger.reorganised": gettext_lazy("ledger reorganised"),
    "ballot.proposed": gettext_lazy("vote proposed inside the institution"),
    "ballot.proposal_withdrawn": gettext_lazy("proposed vote taken back"),
    "substitution.named": gettext_lazy("substitute named"),
    "substitution.ended": gettext_lazy("substitution ended"),
    "account.voting_duty_set": gettext_lazy("part in votes changed"),
    "ballot.received": gettext_lazy("ballot received"),
    "ballot.refused": gettext_lazy("ballot refused"),
    "ballot.counted": gettext_lazy("ballot counted by the ledger"),
    "seat.changed": gettext_lazy("seat changed on the ledger"),
    "registry.changed": gettext_lazy("node's role changed on the ledger"),
    "registry.frozen": gettext_lazy("node frozen by the guardians"),
    "registry.freeze_ratified": gettext_lazy("freeze of a node ratified"),
    "registry.thawed": gettext_lazy("freeze of a node ended by vote"),
    "registry.freeze_lapsed": gettext_lazy("freeze of a node lapsed"),
    "registry.account_changed": gettext_lazy("account's permission changed on the ledger"),
    "rule.changed": gettext_lazy("voting rule set on the ledger"),
    "rule.taken_back": gettext_lazy("voting rule taken back by a reorganisation"),
    "ledger.governor_changed": gettext_lazy("another governor took office"),
    "ledger.reorganised": gettext_lazy("ledger reorganised"),
    "ledger.read_again": gettext_lazy("blocks read again: events had been withheld"),
    "ledger_node.left": gettext_lazy("node of the ledger left"),
    "ledger_node.taken": gettext_lazy("node of the ledger taken again"),
    "relay.tried_again": gettext_lazy("transaction wanted anew, as it came too early"),
    "relay.fee_raised": gettext_lazy("transaction sent again with a higher fee"),
    "ledger.log_not_decoded": gettext_lazy("log on the ledger could not be read"),
    "chain.proposal_created": gettext_lazy("proposal created on the ledger"),
    "chain.proposal_extended": gettext_lazy("vote extended, as its quorum was reached late"),
    "chain.proposal_queued": gettext_lazy("proposal queued on the ledger"),
    "chain.proposal_executed": gettext_lazy("proposal executed on the ledger"),
    "chain.vote_cast": gettext_lazy("vote cast on the ledger"),
    "chain.proposal_canceled": gettext_lazy("proposal cancelled on the ledger"),
    "chain.proposal_taken_back": gettext_lazy("proposal taken back by a reorganisation"),
    "chain.vote_taken_back": gettext_lazy("vote taken back by a reorganisation"),
    "ledger.deployed": gettext_lazy("contracts deployed"),
    "relay.nonce_taken": gettext_lazy("transaction number taken by another"),
    "gateway_certificate.issued": gettext_lazy("gateway certificate issued"),
    "console_certificate.issued": gettext_lazy("certificate of the console's own issued"),
    "authority.requested": gettext_lazy("certificate authority asked for"),
    "authority.revoked": gettext_lazy("certificate authority revoked by its root"),
    "authority.cross_signed": gettext_lazy("certificate authority cross-signed"),
    "ceremony.imported": gettext_lazy("ceremony's protocol taken in"),
    "relay.mined": gettext_lazy("transaction on the ledger"),
    "relay.refused": gettext_lazy("transaction refused by the ledger"),
    "epoch.compiled": gettext_lazy("permission list compiled"),
    "epoch.published": gettext_lazy("permission list published"),
    "list_root.installed": gettext_lazy("root of the permission lists came into force"),
    "list_root.expiring": gettext_lazy("root of the permission lists ends soon"),
    "epoch.malformed": gettext_lazy("permission list not written: a node would misread it"),
    "epoch.held": gettext_lazy("permission list held: two people have to look at it"),
    "epoch.overridden": gettext_lazy("permission list to be published in spite of its findings"),
    "removal.ordered": gettext_lazy("removal of a node ordered"),
    "removal.withdrawn": gettext_lazy("removal of a node withdrawn"),
    "removal.hastened": gettext_lazy("removal of a node ended without waiting for all nodes"),
    "removal.completed": gettext_lazy("removal of a node completed"),
    "guards.changed": gettext_lazy("guards of a network's lists changed"),
    "node.push_requested": gettext_lazy("node to be told again"),
    "node.told": gettext_lazy("node told of a new list"),
    "node.push_given_up": gettext_lazy("node does not answer: told no more"),
    "epoch.nodes_told": gettext_lazy("many nodes told of a new list"),
    "rollout.policy_changed": gettext_lazy("how a network's lists go out changed"),
    "rollout.stage_begun": gettext_lazy("next stage of a list begun"),
    "rollout.stage_reached": gettext_lazy("stage of a list reached its nodes"),
    "rollout.completed": gettext_lazy("list went out to everybody"),
    "rollout.superseded": gettext_lazy("a newer list goes out instead"),
    "rollout.halted": gettext_lazy("rollout of a list halted"),
    "rollout.resumed": gettext_lazy("rollout of a list resumed"),
    "rollout.opened": gettext_lazy("everybody let in to a list"),
    "rollout.ended": gettext_lazy("rollout of a list ended by a rollback"),
    "rollout.rolled_back": gettext_lazy("rolled back to an earlier list"),
    "rollout.released": gettext_lazy("network released after a rollback"),
    "node.acknowledged": gettext_lazy("node applied a list"),
    "node.pull_refused": gettext_lazy("node's pull refused"),
    "node.ack_refused": gettext_lazy("node's acknowledgement refused"),
    "node.list_declined": gettext_lazy("node would not take its list"),
    "node.alarm_raised": gettext_lazy("alarm about a node"),
    "node.alarm_cleared": gettext_lazy("alarm about a node is over"),
}

# Parts of the console that act by themselves (core.events.AutomaticActor).
ACTORS: dict[str, str | Promise] = {
    "indexer": gettext_lazy("indexer"),
    "signing worker": gettext_lazy("signing worker"),
    "relay": gettext_lazy("relay"),
    "ledger watch": gettext_lazy("ledger watch"),
    "committee queue": gettext_lazy("committee queue"),
    "decisions of members": gettext_lazy("decisions of members"),
    "push worker": gettext_lazy("push worker"),
    "command line": gettext_lazy("command line"),
    "schedule": gettext_lazy("schedule"),
}


_NODE = "node "  # permissions.services.pulling.NodeActor; no account's name has a space in it


def actor(label: str) -> str:
    """Who acted: an account's name as it is, a part of the console or a node in the reader's language."""
    if label.startswith(_NODE):
        return _("node %(name)s") % {"name": label.removeprefix(_NODE)}
    return str(ACTORS.get(label, label))


_CAUSES = {  # of lists that no event made due (permissions.topics)
    "regular check": gettext_lazy("regular check"),
    "after an urgent list": gettext_lazy("after an urgent list"),
}


def cause(text: str) -> str:
    """Why a list was compiled: the event in words, then what it was about ("topics._cause" wrote it)."""
    if text in _CAUSES:
        return str(_CAUSES[text])
    name, _space, about = text.partition(" ")
    return f"{action(name)} {about}".strip()


def reason(event: Event) -> str:
    """Why: what a person gave, an epoch's event in words, or the sentence of the code of a refusal."""
    if event.action == "epoch.compiled":
        return cause(event.reason)
    return event.reason or (refusal(event.data) if event.action.endswith(".refused") else "")


def refusal(data: Mapping[str, Any]) -> str:
    """The sentence of the error whose code a refusal's event keeps; the code where words are missing."""
    code = str(data.get("code") or data.get("error_code") or "")
    error = _errors().get(code)
    if error is None:
        return code
    params = data.get("params")
    try:
        return error.sentence(params if isinstance(params, dict) else {})
    except KeyError:  # an event that kept the code and not what the sentence is filled with
        return code


@cache
def _errors() -> dict[str, type[ConsoleError]]:
    """Every refusal of the console by its code; all apps are loaded when the first page is shown."""
    found: dict[str, type[ConsoleError]] = {}
    left = [ConsoleError]
    while left:
        error = left.pop()
        found.setdefault(error.code, error)
        left.extend(error.__subclasses__())
    return found


def action(name: str) -> str:
    """An event's action in the reader's language; its own name where nobody worded it."""
    return str(ACTIONS.get(name, name))


def span(seconds: int) -> str:
    """ "45 seconds", "3 minutes", "2 hours 5 minutes": how long something took."""
    if seconds < 120:
        return ngettext("%(n)d second", "%(n)d seconds", seconds) % {"n": seconds}
    return time_left(seconds)


def time_left(seconds: int) -> str:
    """ "2 days 3 hours", "5 minutes", "less than a minute", "ended"."""
    if seconds <= 0:
        return _("ended")
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes = rest // 60
    parts = [
        (days, ngettext("%(n)d day", "%(n)d days", days)),
        (hours, ngettext("%(n)d hour", "%(n)d hours", hours)),
        (minutes, ngettext("%(n)d minute", "%(n)d minutes", minutes)),
    ]
    words = [form % {"n": n} for n, form in parts if n]
    return " ".join(words[:2]) or _("less than a minute")
