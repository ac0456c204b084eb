"""What the node gateway and the list services refuse."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from consortium.core.errors import ConsoleError


class NoListKeys(ConsoleError):
    """The signing keys of the lists were not made yet: ``manage.py create_list_keys``."""

    code = "no_list_keys"
    status = 503
    message = _("The keys that sign the permission lists have not been made yet.")


class RepositoryLost(ConsoleError):
    """The repository's metadata is gone: one made afresh would look like a rollback to every node."""

    code = "repository_lost"
    status = 503
    message = _("The published list metadata is missing: restore %(directory)s from the backup.")


class DatabaseOlder(RepositoryLost):
    """Nodes could read lists that the database knows nothing of: it was restored from before them."""

    code = "database_older"
    message = _(
        "What is published of “%(network)s” in %(directory)s is newer than the database: restore a newer one."
    )


class RootRefused(ConsoleError):
    """A next root of the lists that can't be begun, or can't come into force. ``reason`` says why."""

    code = "root_refused"
    status = 409
    message = _("This root of the permission lists can't be used: %(reason)s")


class KeptTooShort(ConsoleError):
    code = "kept_too_short"
    status = 409
    message = _("Published files are kept for at least %(days)s days.")


class NodeRetired(ConsoleError):
    code = "node_retired"
    status = 403
    message = _("This node was taken out of service.")


class ForeignNetwork(ConsoleError):
    """A node asked for the lists of a network that it is no part of."""

    code = "foreign_network"
    status = 403
    message = _("This certificate does not belong to a node of the network “%(network)s”.")


class NothingPublished(ConsoleError):
    code = "nothing_published"
    status = 404
    message = _("No list of this network has been published yet.")


class InvalidReport(ConsoleError):
    """An acknowledgement that can't be read. ``reason`` says where."""

    code = "invalid_report"
    status = 400
    message = _("The report can't be read: %(reason)s")


class UnknownEpoch(ConsoleError):
    code = "unknown_epoch"
    status = 409
    message = _("The network “%(network)s” has no epoch %(epoch)s.")


class OlderEpoch(ConsoleError):
    """``applied`` is the newer epoch that this node has already reported."""

    code = "older_epoch"
    status = 409
    message = _("Epoch %(epoch)s is older than %(applied)s, which this node has already reported.")


class ReplayedReport(ConsoleError):
    """The node has said something later already: somebody, or its own old copy, says it once more."""

    code = "replayed_report"
    status = 409
    message = _("This report was sent at %(sent)s; a later one was taken already.")


class ForeignCertificate(ConsoleError):
    """A report about one node, under the certificate of another."""

    code = "foreign_certificate"
    status = 403
    message = _("The certificate %(serial)s is not this node's.")


class HashMismatch(ConsoleError):
    """What the node read back is not what was signed: another program writes the same file."""

    code = "hash_mismatch"
    status = 409
    message = _("What the node has in force is not what was signed: %(paths)s.")


class NothingToPush(ConsoleError):
    """The node has its list, is retired, or takes no pushes: it polls by itself."""

    code = "nothing_to_push"
    status = 409
    message = _("There is nothing to tell %(node)s: it is up to date, retired, or has no push address.")


class NotHeld(ConsoleError):
    """The guards found nothing dangerous in this epoch, or two people have let it out already."""

    code = "not_held"
    status = 409
    message = _("Epoch %(epoch)s is not held: nobody needs to let it out.")


class Superseded(ConsoleError):
    """A newer epoch has taken the place of the one that somebody wants published."""

    code = "epoch_superseded"
    status = 409
    message = _("Epoch %(epoch)s was superseded by %(newest)s, which is the one to look at.")


class SamePerson(ConsoleError):
    """An override takes two people, and this one has spoken."""

    code = "same_person"
    status = 409
    message = _("You have said so already: a second person has to.")


class NotIndependent(ConsoleError):
    """Made by the other one, or after the list was compiled: it may be the same person's second account."""

    code = "not_independent"
    status = 409
    message = _("“%(account)s” can't be the second person: the account is too new, or one made the other.")


class ListMalformed(ConsoleError):
    """A file of the next epoch would not be read by its node as it is meant: nothing was written.

    ``rule`` is the stable name of what is wrong in ``path``; ``found`` is where.
    """

    code = "list_malformed"
    status = 409
    message = _(
        "The list of “%(network)s” can't be written: %(path)s would be misread (%(rule)s: %(found)s)."
    )


class NothingToRollBack(ConsoleError):
    """Only a list that nodes could fetch, and an earlier one than now, can be published again."""

    code = "nothing_to_roll_back"
    status = 409
    message = _("Epoch %(epoch)s of the network “%(network)s” is no earlier published list.")


class NotPinned(ConsoleError):
    code = "not_pinned"
    status = 409
    message = _("The network “%(network)s” was not rolled back: its lists are compiled as ever.")


class OutOfOrder(ConsoleError):
    """Revoking a node that still seals or is still listed would harm the others: ``step`` comes first."""

    code = "out_of_order"
    status = 409
    message = _("%(node)s can't be revoked yet, first: %(step)s. A key in other hands is revoked at once.")


class RemovalUnderWay(ConsoleError):
    code = "removal_under_way"
    status = 409
    message = _("The removal of %(node)s is under way already.")


class RemovalOver(ConsoleError):
    code = "removal_over"
    status = 409
    message = _("The removal of %(node)s is over: it was completed or withdrawn.")
