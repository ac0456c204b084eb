"""Why the certificate authority refuses. Codes are stable: interfaces and scripts may depend on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consortium.core.errors import ConsoleError


# --- Reading a request -----------------------------------------------------------------------------------
class RequestTooLarge(ConsoleError):
    code = "request_too_large"
    status = 413
    message = _("The request has %(size)s bytes; at most %(limit)s are taken.")


class MalformedRequest(ConsoleError):
    code = "malformed_request"
    message = _("This is not a readable PKCS#10 certificate request (PEM or DER).")


class PrivateKeySent(ConsoleError):
    code = "private_key_sent"
    message = _(
        "The upload contains a private key, which must never leave your machine. It was not stored, "
        "but treat it as known to others: make a new key and send the request alone."
    )


class NoProofOfPossession(ConsoleError):
    code = "no_proof_of_possession"
    message = _("The request's own signature is wrong: it was not made with the private key it names.")


class UnfitName(ConsoleError):
    """Control, invisible or direction-changing characters: they make a name look like another."""

    code = "unfit_name"
    message = _("The request holds characters in %(field)s that can't be seen or are not text.")


class WeakSignature(ConsoleError):
    code = "weak_signature"
    message = _("The request is signed with %(found)s; SHA-256, SHA-384 or SHA-512 is required.")


# --- The key ---------------------------------------------------------------------------------------------
class UnknownProfile(ConsoleError):
    code = "unknown_profile"
    message = _("There is no certificate profile “%(profile)s”.")


class KeyNotAccepted(ConsoleError):
    code = "key_not_accepted"
    message = _("A key of kind %(found)s is not accepted by this profile; wanted: %(wanted)s.")


class ProfileOff(ConsoleError):
    code = "profile_off"
    status = 409
    message = _("The profile “%(profile)s” can't be had here: %(why)s")


class ProfileNotForThis(ConsoleError):
    """A node's profile for a person, or the other way round, or one that the console keeps for itself."""

    code = "profile_not_for_this"
    message = _("The profile “%(profile)s” is not for this kind of holder.")


class WeakExponent(ConsoleError):
    code = "weak_exponent"
    message = _("The RSA key's public exponent is %(found)s; 65537 is required.")


class WeakKey(ConsoleError):
    """``flaw`` is a word of certs.gate.weak, in English; the sentence says it in the reader's language."""

    code = "weak_key"
    message = _(
        "The private key can be computed from this public key (%(flaw)s). Make a new one with sound "
        "software, and ask what else the old software made."
    )

    @classmethod
    def sentence(cls, params: Mapping[str, Any]) -> str:
        return super().sentence({**params, "flaw": gettext(params["flaw"])})


class KeySeenBefore(ConsoleError):
    code = "key_seen_before"
    status = 409
    message = _(
        "This key was used in a request or certificate before; no key is certified twice, not even after "
        "a rejection. Make a new key."
    )


class CompromisedKey(ConsoleError):
    code = "key_compromised"
    status = 409
    message = _(
        "A certificate of this key was revoked because the key is in other hands. It can't be kept: make a "
        "new key."
    )


# --- The name --------------------------------------------------------------------------------------------
class NameMismatch(ConsoleError):
    code = "name_mismatch"
    message = _("The request names %(field)s “%(found)s”; it must be “%(expected)s” or left out.")


class AsksForAuthority(ConsoleError):
    code = "asks_for_authority"
    message = _("The request asks for a certificate authority's certificate; nodes do not get one.")


# --- Whose node, in which state --------------------------------------------------------------------------
class InstitutionNotActive(ConsoleError):
    code = "institution_not_active"
    status = 409
    message = _("%(institution)s is “%(status)s”: certificates are for active members alone.")


class NodeRetired(ConsoleError):
    code = "node_retired"
    status = 409
    message = _("The node %(node)s has been retired.")


class RequestAlreadyOpen(ConsoleError):
    code = "request_already_open"
    status = 409
    message = _("%(subject)s already has such a request that is not decided or not signed yet.")


class FourEyes(ConsoleError):
    code = "four_eyes"
    status = 403
    message = _("Whoever made a request can't decide on it: a second person must.")


class RateLimited(ConsoleError):
    code = "request_rate_limited"
    status = 429
    message = _("%(who)s has made %(number)s certificate requests in %(hours)s hours; no more are taken now.")


class RenewalNotOpen(ConsoleError):
    """``opens``: from when on, where it will be."""

    code = "renewal_not_open"
    status = 409
    message = _("The certificate %(serial)s can't be renewed now (%(why)s); renewal opens on %(opens)s.")


class RenewalOfAnother(ConsoleError):
    code = "renewal_of_another"
    status = 409
    message = _("The certificate %(serial)s is not one of the same holder and profile.")


class RenewalNeedsApproval(ConsoleError):
    """A node's own certificate proves who it is, not that what is written about it may change."""

    code = "renewal_needs_approval"
    status = 409
    message = _(
        "What the record says of %(subject)s has changed since its certificate was approved: ask for a new "
        "one in the portal."
    )


class HolderInactive(ConsoleError):
    code = "holder_inactive"
    status = 409
    message = _("The account %(holder)s is not an active officer of a member.")


class SigningBegun(ConsoleError):
    code = "signing_begun"
    status = 409
    message = _(
        "The signing worker has spent a serial number on this request and finishes it. "
        "Revoke the certificate when it is there."
    )


class ReasonNotForMembers(ConsoleError):
    code = "reason_not_for_members"
    status = 403
    message = _("Only the secretariat revokes for the reason “%(reason)s”.")


class UnknownReason(ConsoleError):
    code = "unknown_reason"
    message = _("There is no revocation reason “%(reason)s”.")


class NotANode(ConsoleError):
    code = "not_a_node"
    status = 403
    message = _("This is not a ledger node's certificate or request.")


class AlreadyRevoked(ConsoleError):
    code = "already_revoked"
    status = 409
    message = _("The certificate %(serial)s was revoked on %(at)s.")


# --- Presenting a certificate ----------------------------------------------------------------------------
class UnknownCertificate(ConsoleError):
    code = "unknown_certificate"
    status = 403
    message = _("This certificate was not issued here.")


class RevokedCertificate(ConsoleError):
    code = "revoked_certificate"
    status = 403
    message = _("The certificate %(serial)s has been revoked.")


class ExpiredCertificate(ConsoleError):
    code = "expired_certificate"
    status = 403
    message = _("The certificate %(serial)s is valid from %(not_before)s to %(not_after)s, not now.")


# --- The authority itself --------------------------------------------------------------------------------
class NoAuthority(ConsoleError):
    code = "no_authority"
    status = 503
    message = _("There is no issuing authority yet: run create_authorities first.")


class KeysNotAvailable(ConsoleError):
    code = "keys_not_available"
    status = 503
    message = _("This process holds no signing keys.")


class KeyExists(ConsoleError):
    code = "key_exists"
    status = 409
    message = _("There already is a sealed key “%(name)s”; it is never overwritten.")


class WrongPassphrase(ConsoleError):
    code = "wrong_passphrase"
    message = _("The sealed key “%(name)s” does not open: wrong passphrase, or the file was changed.")


class AuthorityNotAccepted(ConsoleError):
    code = "authority_not_accepted"
    status = 409
    message = _("The certificate of the authority %(name)s is not accepted: %(what)s.")


class ProtocolNotAccepted(ConsoleError):
    code = "protocol_not_accepted"
    status = 409
    message = _("The ceremony's protocol is not accepted: %(what)s.")


class RootNotConfirmed(ConsoleError):
    code = "root_not_confirmed"
    status = 409
    message = _(
        "The root %(name)s is new here. Compare its fingerprint with what its ceremony showed, and confirm "
        "it: %(fingerprint)s"
    )


class CeremonyRefused(ConsoleError):
    code = "ceremony_refused"
    status = 409
    message = _("The ceremony stopped: %(what)s.")


class ContentMismatch(ConsoleError):
    """What would be signed is not what was meant. Nothing was released; a person must look."""

    code = "content_mismatch"
    status = 500
    message = _("Issuing stopped: %(what)s is not as intended.")


# --- Issuing ---------------------------------------------------------------------------------------------
class LintFinding(ConsoleError):
    """The linter found something in what would be signed. Nothing was signed; the profile needs a look."""

    code = "lint_finding"
    status = 500
    message = _("Issuing stopped: the linter found %(finding)s.")


class IssuingFailed(ConsoleError):
    """Something nobody expected. The request is closed, so that it stops neither others nor its node."""

    code = "issuing_failed"
    status = 500
    message = _("Issuing stopped for a reason of the console's own (%(kind)s). Ask again with a new key.")


# --- 国密 ------------------------------------------------------------------------------------------------
class SM2NotAvailable(ConsoleError):
    code = "sm2_not_available"
    status = 409
    message = _("SM2 can't be used on this machine: %(why)s")


class SM2Failure(ConsoleError):
    """OpenSSL refused. ``why`` is what its error queue said."""

    code = "sm2_failure"
    status = 500
    message = _("OpenSSL could not %(what)s: %(why)s")


# --- Life: suspending, releasing, what follows a revocation ------------------------------------------------
class SuspendedCertificate(RevokedCertificate):
    """RFC 5280 counts a hold among the revocations: whoever refuses those refuses this."""

    code = "suspended_certificate"
    message = _("The certificate %(serial)s is suspended.")


class HeldBySecretariat(ConsoleError):
    code = "held_by_secretariat"
    status = 403
    message = _("The secretariat suspended this certificate: the secretariat alone releases it.")


class NotRevoked(ConsoleError):
    code = "not_revoked"
    status = 409
    message = _("The certificate %(serial)s is not revoked: revoke it for the reason keyCompromise.")


class ReasonStands(ConsoleError):
    code = "reason_stands"
    status = 409
    message = _("The certificate %(serial)s is revoked for “%(reason)s”, and that stays.")


# --- EST: one-time secrets and what comes with them -------------------------------------------------------
class CredentialsRequired(ConsoleError):
    code = "credentials_required"
    status = 401
    message = _("Give the node's id and its one-time secret as user name and password (HTTP Basic).")


class WrongSecret(ConsoleError):
    code = "wrong_secret"
    status = 401
    message = _("This one-time secret was not given out for this node.")


class SecretExpired(ConsoleError):
    code = "secret_expired"
    status = 401
    message = _("The one-time secret expired on %(at)s without having been used. Make a new one.")


class SecretWithdrawn(ConsoleError):
    code = "secret_withdrawn"
    status = 401
    message = _("The one-time secret was withdrawn.")


class SecretSpent(ConsoleError):
    """It fetches the certificate of the key that it was first used with, and nothing else."""

    code = "secret_spent"
    status = 409
    message = _(
        "The one-time secret was used for a request with another key, and is good for that one alone."
    )


class TooManyAttempts(ConsoleError):
    code = "too_many_attempts"
    status = 429
    message = _("Too many attempts were refused. Try again in %(seconds)s seconds.")


class RequestRejected(ConsoleError):
    code = "request_rejected"
    status = 403
    message = _("The request was rejected: %(reason)s")


class WrongContentType(ConsoleError):
    code = "wrong_content_type"
    status = 415
    message = _("The body must be of type %(wanted)s.")


class LengthRequired(ConsoleError):
    code = "length_required"
    status = 411
    message = _("Say the body's length (Content-Length); it is not taken in chunks.")


class NotBase64(ConsoleError):
    code = "not_base64"
    message = _("The body must be the request's DER in base64, and nothing else.")


class UnknownOperation(ConsoleError):
    code = "unknown_operation"
    status = 404
    message = _("EST here has cacerts, csrattrs, simpleenroll and simplereenroll.")
