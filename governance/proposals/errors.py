"""What proposals and ballots are refused with. Codes are stable; see ``consortium.core.errors``."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from consortium.core.errors import ConsoleError


class BallotRefused(ConsoleError):
    """Base of all refusals of a ballot: nothing was relayed, an event says why."""

    code = "ballot_refused"
    status = 409
    message = _("The ballot was refused.")


class WrongLedger(BallotRefused):
    """Signed for another chain or another governor contract."""

    code = "wrong_ledger"
    status = 400
    message = _(
        "The ballot is for chain %(chain_id)s, contract %(governor)s; "
        "this alliance votes on chain %(expected_chain_id)s, contract %(expected_governor)s."
    )


class WrongSigner(BallotRefused):
    """The signature is not the voter's over this very ballot."""

    code = "wrong_signer"
    status = 400
    message = _("The signature was not made with the key of %(voter)s over this ballot.")


class UnknownVoter(BallotRefused):
    """No seat with a vote when the proposal opened."""

    code = "unknown_voter"
    status = 403
    message = _("%(voter)s had no vote when this proposal opened.")


class AnotherMembersBallot(BallotRefused):
    """The account that hands it in belongs to another institution, or to none."""

    code = "another_members_ballot"
    status = 403
    message = _("You can hand in ballots of your own institution only.")


class VotingNotOpen(BallotRefused):
    code = "voting_not_open"
    message = _("Voting on this proposal is not open yet.")


class VotingClosed(BallotRefused):
    """Late: by the ledger's clock the deadline has passed, or the proposal was cancelled."""

    code = "voting_closed"
    message = _("Voting on this proposal has ended: the ballot came too late.")


class AlreadyVoted(BallotRefused):
    code = "already_voted"
    message = _("%(voter)s has voted on this proposal already.")


class StaleNonce(BallotRefused):
    """The ledger counts a voter's ballots; each carries the next number."""

    code = "stale_nonce"
    message = _("The ballot carries number %(nonce)s, the ledger expects %(expected)s: sign it anew.")


class RefusedByLedger(BallotRefused):
    """This very ballot was relayed before, and the ledger refused it."""

    code = "refused_by_ledger"
    message = _("The ledger refused this ballot: %(reason)s.")


class WrongSubject(ConsoleError):
    """The institution or node is not in the state that this kind of proposal starts from."""

    code = "wrong_subject"
    status = 409
    message = _("“%(kind)s” can't be proposed for %(subject)s: %(reason)s")


class NoGuardians(ConsoleError):
    """The alliance has no guardians' contract whose guardians could change."""

    code = "no_guardians"
    status = 409
    message = _("This alliance has no guardians: name a guardians' contract first.")


class NoAnchors(ConsoleError):
    """The alliance has no contract for the heads of the lists' logs, so nobody publishes to it."""

    code = "no_anchors"
    status = 409
    message = _("This alliance has no contract for the lists' logs yet: deploy it first (deploy_anchors).")


class NothingChanges(ConsoleError):
    """``address`` holds the office already."""

    code = "nothing_changes"
    status = 409
    message = _("%(address)s is in office already.")


class ProposalOpen(ConsoleError):
    """Members vote on the same thing already."""

    code = "proposal_open"
    status = 409
    message = _("Proposal %(number)s on the same subject is still open.")


class NotADraft(ConsoleError):
    code = "not_a_draft"
    status = 409
    message = _("Proposal %(number)s is “%(state)s”, no longer a draft.")


class NotExecutable(ConsoleError):
    code = "not_executable"
    status = 409
    message = _("Proposal %(number)s is “%(state)s”; only one that has passed can be executed.")


class NotProposed(BallotRefused):
    """Inside a bank it takes two, and nobody has proposed how it votes."""

    code = "not_proposed"
    message = _(
        "Inside an institution a ballot takes two: another officer has to propose how yours votes first."
    )


class OwnProposal(BallotRefused):
    """Who proposed how the bank votes, or stands in for that officer, can't also sign."""

    code = "own_proposal"
    status = 403
    message = _("You proposed this vote, or stand in for who did: another officer has to hand in the ballot.")


class OtherChoice(BallotRefused):
    code = "other_choice"
    message = _("The ballot says “%(signed)s”; what your institution's officer proposed is “%(proposed)s”.")


class SecondOfficerNeeded(BallotRefused):
    """The bank has nobody else who could do the other half."""

    code = "second_officer_needed"
    message = _(
        "A ballot takes two, and %(institution)s has one officer for votes. Ask the secretariat for a second "
        "account, or name a substitute."
    )


class NoVotingDuty(BallotRefused):
    code = "no_voting_duty"
    status = 403
    message = _("Your account takes no part in your institution's votes.")


class SubstituteTimeOver(BallotRefused):
    code = "substitute_time_over"
    status = 403
    message = _("You stood in for %(absent)s until %(ended)s: that time is over.")


class SubstituteNotYet(BallotRefused):
    code = "substitute_not_yet"
    status = 403
    message = _("You stand in for %(absent)s from %(starts)s on, not before.")


class SignedAlready(BallotRefused):
    """The ballot was handed in: what was proposed is no longer to be changed."""

    code = "signed_already"
    message = _("Your institution's ballot was handed in already.")


class NotWithdrawable(ConsoleError):
    """Members vote on it already, or it is over."""

    code = "not_withdrawable"
    status = 409
    message = _("Proposal %(number)s is “%(state)s”: it can't be withdrawn any more.")


class NotAmendable(ConsoleError):
    """It has passed, is on its way, or another proposal amends it already."""

    code = "not_amendable"
    status = 409
    message = _("Proposal %(number)s is “%(state)s”: no other proposal can take its place.")


class AmendedAlready(ConsoleError):
    code = "amended_already"
    status = 409
    message = _("Proposal %(number)s is amended by proposal %(successor)s already.")


class AttachmentTooLarge(ConsoleError):
    code = "attachment_too_large"
    status = 413
    message = _("“%(name)s” has %(size)s bytes; an attachment has %(limit)s at most.")


class TooManyAttachments(ConsoleError):
    code = "too_many_attachments"
    status = 409
    message = _("A proposal has %(limit)s attachments at most.")


class TooManyComments(ConsoleError):
    code = "too_many_comments"
    status = 409
    message = _("Your institution has said %(limit)s things of this proposal, which is the most.")


class AttachedAlready(ConsoleError):
    code = "attached_already"
    status = 409
    message = _("A file with the same content is attached already: %(name)s.")


class AttachmentDamaged(ConsoleError):
    """The bytes are gone, or not those whose hash the proposal carries. They are not handed out."""

    code = "attachment_damaged"
    status = 500
    message = _("“%(name)s” is not what was attached: its hash is not the one in the proposal.")


class OpenedElsewhere(ConsoleError):
    """Only who opened it on the ledger may take it back there; nor is there a draft to amend."""

    code = "opened_elsewhere"
    status = 409
    message = _("Proposal #%(number)s was opened on the ledger without the console: it can't do that here.")
