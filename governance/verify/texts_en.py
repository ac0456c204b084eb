"""English. A refusal's key is its code: it stays what it is."""

from __future__ import annotations

from typing import Final

ENGLISH: Final[dict[str, str]] = {
    # The command
    "about": "Checks a decision from vote to effect, step by step: each line says what is proven, and by "
    "what.",
    "help_bundle": "the file that the console exported",
    "help_ledger": "a ledger's JSON-RPC that you trust",
    "help_blocks": "an exported range of its blocks; needs no network",
    "help_head": "with --blocks: the last block's hash, as you know it",
    "help_as_given": "with --blocks: believe the block hashes of a ledger that makes them in a way that "
    "is not known here (FISCO BCOS)",
    "help_root": "root.json of the lists, as your nodes were set up with it",
    "help_export": "with --ledger: write the blocks for a check offline",
    "help_width": "blocks asked for at once (FISCO BCOS: 10)",
    "help_language": "zh or en; otherwise as LC_ALL, LC_MESSAGES and LANG say",
    "proven": "proven  {what}\n        by {by}",
    "not_proven": "NOT PROVEN ({code})  {reason}",
    "cannot_check": "cannot check ({code}): {reason}",
    "all_holds": "All of it holds, if you trust: {trusted}",
    "exported": "blocks {first} to {last} are in {path}; check offline with --blocks {path} --seats "
    "{seats}, if that is your alliance's seats contract",
    "trusted_ledger": "what the ledger at {url} answers",
    "trusted_blocks": "block {number}, hash {hash}, that it is the ledger's",
    "trusted_head": "block {number}, hash {hash}, as you said",
    "trusted_as_given": "the whole exported file, up to block {number}, hash {hash}: its block hashes "
    "were believed and not computed",
    "reported": "reported ({code})  {what}\n        by {by}",
    "holds_uncovered": "Counted without a ballot in this bundle: {count} of the votes (vote_without_ballot). "
    "For these the governor's word stands alone.\n",
    "trusted_governor": "and that {governor} on chain {chain_id} is your alliance's governor (--governor "
    "would check it)",
    "named_governor": "and that {governor} on chain {chain_id} is your alliance's governor, as you said",
    "named_seats": "and that {seats} is its seats contract, as you said",
    "named_timelock": "and that {timelock} is its timelock, as you said",
    "named_since": "and that no seat was given before block {since}, as you said",
    "trusted_since": "and that no seat was given before block {first}, where the file begins (--since "
    "would check it)",
    "help_governor": "your alliance's governor; without it, the last lines name the one that the bundle "
    "is of",
    "help_seats": "its seats contract; with --blocks this must come from you",
    "help_timelock": "its timelock; otherwise as the governor says, or offline the founding",
    "help_since": "no seat was given before this block: all seat events from it on must be there",
    "no_address": "{text} is no address",
    # What is proven
    "found_text": "text ↔ description of proposal {number}",
    "found_id": "description and calls ↔ id on chain",
    "found_logs": "{count} logs ↔ ledger, none changed, left out or put in",
    "found_proposal": "proposal ↔ ledger, block {block}",
    "by_created": "ProposalCreated in {tx_hash}",
    "found_seats": "{count} seats with a vote at the snapshot",
    "by_seats": "{count} seat events",
    "found_votes": "{count} votes ↔ seats' voting addresses: {signed} signed ballots, {own} sent by the "
    "member itself",
    "by_votes": "EIP-712 signatures, and the senders of transactions",
    "found_tally": "tally ↔ rule: {votes}: {verdict}",
    "by_tally": "{kind}: {rule}",
    "votes": "{favour} for, {against} against, {abstain} abstain",
    "passes": "passes",
    "fails": "does not pass",
    "kind_routine": "routine",
    "kind_membership": "membership",
    "kind_constitutional": "constitutional",
    "rule": "quorum {quorum}, more than half and at least {approval} in favour",
    "rule_categories": "quorum {quorum}, more than half and at least {approval} in favour, a majority in "
    "{categories} categories",
    "found_cancelled": "the proposal was cancelled",
    "found_not_executed": "the proposal was not executed",
    "found_executed": "execution ↔ the {count} calls voted on, block {block}",
    "found_call": "call to {target} carried out",
    "by_call": "CallExecuted of the timelock",
    "found_effect": "{call} ↔ {event} of {target}",
    "by_effect": "log {index} of block {block}",
    "found_list": "list of {network}, epoch {epoch}, block {block} ↔ signed metadata",
    "found_list_caused": "list of {network}, epoch {epoch}, block {block} from this transaction ↔ signed "
    "metadata",
    "by_root_given": "{count} root, trusted as you gave it",
    "by_root_found": "{count} root, trusted as it came",
    "found_acknowledgements": "{count} acknowledgements ↔ hashes in the signed metadata",
    "by_acknowledgements": "that the nodes sent them, the console says: nodes don't sign what they report",
    "vote_without_ballot": "counted by the governor, the ballot is not in this bundle: {count} of the votes "
    "({voters})",
    "by_governor": "VoteCast of the governor alone: somebody else sent these votes",
    "found_executed_past": "execution at the timelock itself, past the governor ↔ the {count} calls "
    "voted on, block {block}",
    "by_calls": "CallExecuted of the timelock for this very operation, in {tx_hash}",
    # What can't be checked
    "file_unreadable": "{path}: {reason}",
    "nothing_to_export": "there is nothing to export",
    "ledger_away": "the ledger at {url} does not answer ({reason})",
    "ledger_refuses": "the ledger refuses {method}: {answer}",
    "header_unprovable": "block {number}: its hash is not made of its header in a way that is known here "
    "(Ethereum, IBFT, IBFT 2.0, QBFT), so an export would prove nothing; check against --ledger",
    "root_unprovable": "block {number}: its {root} is not made of what the ledger tells of the block in "
    "a way that is known here, so an export would prove nothing; check against --ledger",
    "transaction_unprovable": "block {number}: transaction {tx_hash} (type {kind}) can't be rebuilt from "
    "what the ledger tells of it, and the ledger does not give it raw; check against --ledger",
    "seats_untold": "a file can't say which seats count: name your alliance's seats contract with --seats",
    "no_governor": "{governor} does not answer as a governor does",
    "head_of_believed": "the hashes of {count} blocks can't be computed from their headers, so --head "
    "would prove nothing of the file; without it you trust the whole file",
    # The files
    "no_json": "the file is no JSON in UTF-8: {reason}",
    "other_format": "the file is no {kind}",
    "unwritable": "the file can't be written as it stands: {reason}",
    "seal_broken": "the file's own hash does not fit, or it is not written in the canonical form",
    "other_parts": "the file's parts are not those of a bundle: {parts}",
    "bundle_unreadable": "the file can't be read as a bundle: {reason}",
    # What was asked
    "other_text": "the text is not the one whose hash the description holds",
    "other_number": "the description is of another proposal number",
    "other_attachments": "the attachments are not those that the description names",
    "other_chain": "the description is bound to chain {bound}, the bundle is of chain {stated}",
    "other_governor": "the description is bound to governor {bound}, the bundle is of {stated}",
    "other_id": "description and calls don't give the proposal's id",
    "other_form": "the description is not written as proposals are: a line is missing, out of its place "
    "or there twice",
    "text_hashes": "the description names the hash of {count} texts instead of one",
    "governor_not_yours": "the bundle is of governor {stated}, not of {named}",
    # What the ledger has
    "ledger_of_another_chain": "the bundle is of chain {stated}, what it is held against of {found}",
    "event_count": "{count} {name} events instead of one",
    "other_proposals_events": "block {block} has {name} of another proposal, {found}",
    "other_seats": "the governor counts by seats contract {counted}, not by {seats}",
    "vote_left_out": "the ledger has a vote of {voter} that the bundle leaves out",
    "vote_put_in": "the bundle has a vote of {voter} that the ledger has not",
    "log_left_out": "the ledger has log {index} of block {block}, which the bundle leaves out",
    "log_put_in": "the bundle has log {index} of block {block}, which the ledger has not",
    "log_changed": "log {index} of block {block} is another on the ledger",
    "logs_reordered": "the logs are not in the ledger's order, or one is there twice",
    "other_block_hash": "block {number} has another hash on the ledger",
    "log_broken": "log {index} of block {block} is no {name}: {reason}",
    "call_broken": "a call to {name} can't be read: {reason}",
    "calls_broken": "the proposal's calls can't be written as a ledger takes them: {reason}",
    "other_content": "the ledger has the proposal with another content",
    "other_id_on_ledger": "the ledger has the proposal under another id",
    "width_unanswered": "asked for {width} blocks at once, the ledger does not tell what it tells of block "
    "{number} alone: it answers for fewer blocks without saying so. Ask for fewer: --width 10 (FISCO BCOS)",
    "begins_late": "what is looked at begins with block {first}, after block {since}: earlier seats may "
    "be left out",
    "other_electorate": "the governor counts {counted} seats with a vote, the seat events give {found}, "
    "or other categories: some are left out",
    # How it was decided
    "vote_impossible": "votes of who voted twice or had no vote: {voters}",
    "vote_out_of_time": "a vote lies outside the time for voting",
    "ballot_unsigned": "the ballot of {voter} carries no signature: {reason}",
    "ballot_not_counted": "the ballot of {voter} is not the vote that the ledger counted",
    "ballot_forged": "the ballot of {voter} was signed by somebody else",
    "ballot_twice": "a ballot is there twice",
    "carried_out_unpassed": "carried out although it did not pass: {votes}; {rule}",
    # What followed
    "lists_without_execution": "lists follow from a proposal that was not executed",
    "executed_early": "executed before its effective time",
    "other_calls": "the timelock carried out other calls than were voted on",
    "effect_missing": "the call {call} left no {event} on the ledger",
    "epoch_before_execution": "epoch {epoch} of {network} was made before the execution",
    "epoch_of_another_network": "epoch {epoch} is of {network}, which the decision does not touch",
    "epoch_twice": "two lists of {network} are there, where one follows",
    "other_role_listed": "the list of {network} has a node otherwise than was voted",
    "list_unnamed": "the signed metadata name no {file} of network {network}",
    "list_forged": "{file} of {network} is not the file whose hash was signed",
    "list_contradicts": "{file} of {network} says otherwise than the signed metadata",
    "other_epoch": "{file} of {network} is epoch {found}, not {stated}",
    "root_missing": "the lists come without their root metadata",
    "root_untrusted": "the lists' root metadata are not the trusted ones",
    "root_gap": "the lists' root metadata don't follow on each other",
    "root_without_role": "the lists' root names no {role}",
    "metadata_broken": "the lists' metadata can't be read: {reason}",
    "other_metadata": "the lists' metadata are no {role}",
    "metadata_unsigned": "the lists' {role} metadata are not signed as their root demands",
    "metadata_badly_signed": "a signature of the lists' {role} metadata is not good",
    "acknowledged_unknown": "an acknowledgement is of a list that the bundle has not",
    "acknowledged_no_hash": "an acknowledgement carries no hash",
    "acknowledged_stranger": "an acknowledgement is of a node that is not listed: {node}…",
    "acknowledged_other": "node {node}… has other files in force than were signed",
    "acknowledged_twice": "an acknowledgement is there twice",
    "executed_and_cancelled": "the proposal was cancelled, and carried out",
    "executed_apart": "governor and timelock don't tell of one and the same execution",
    "executed_before_votes": "carried out before it was queued, or queued before the last vote that "
    "counts",
    # Transactions and blocks
    "transaction_unknown": "the ledger has no transaction {tx_hash}",
    "block_unknown": "the ledger has no block {number}",
    "range_empty": "the exported range is empty",
    "range_unreadable": "the exported blocks can't be read: {reason}",
    "other_head": "the exported range ends in block {found}, not in {wanted}",
    "out_of_range": "block {number} is not in the exported range",
    "receipts_missing": "block {number} was exported without its receipts",
    "transaction_not_exported": "transaction {tx_hash} is not in the exported range",
    "block_padded": "block {number} holds what is no part of a block",
    "header_forged": "block {number}: its header does not give its hash, in none of the ways known here "
    "(Ethereum, IBFT, IBFT 2.0, QBFT)",
    "block_out_of_order": "block {number} does not follow on the block before it",
    "receipts_uneven": "block {number}: receipts and transactions are not equally many",
    "receipt_padded": "block {number}: a receipt holds what is no part of one",
    "receipts_forged": "block {number}: the receipts are not those that its header commits to",
    "transactions_forged": "block {number}: the transactions are not those that its header commits to",
}  # fmt: skip
