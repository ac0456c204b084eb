"""The one way in for people, interfaces, tasks and commands; issuing is in certs.issuing."""

from certs.services.admission import subject_of
from certs.services.enrolment import (
    EnrolmentState,
    enrolment_of,
    enrolment_state,
    make_enrolment,
    redeem,
    renew_by_proof,
    withdraw_enrolment,
)
from certs.services.reminders import SECRETARIAT, record_due_reminders, send_reminders
from certs.services.renewal import Renewal, renewal_state, renewal_states
from certs.services.requests import (
    approve_request,
    check_content,
    check_subject,
    checked_again,
    locked_request,
    may_be_rejected,
    move,
    reject_request,
    submit_request,
)
from certs.services.revocation import report_compromise, revoke
from certs.services.suspension import release, suspend

__all__ = [
    "SECRETARIAT",
    "EnrolmentState",
    "Renewal",
    "approve_request",
    "check_content",
    "check_subject",
    "checked_again",
    "enrolment_of",
    "enrolment_state",
    "locked_request",
    "make_enrolment",
    "may_be_rejected",
    "move",
    "record_due_reminders",
    "redeem",
    "reject_request",
    "release",
    "renew_by_proof",
    "renewal_state",
    "renewal_states",
    "report_compromise",
    "revoke",
    "send_reminders",
    "subject_of",
    "submit_request",
    "suspend",
    "withdraw_enrolment",
]
