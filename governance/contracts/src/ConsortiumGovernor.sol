// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.26;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorSettings} from "@openzeppelin/contracts/governance/extensions/GovernorSettings.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {
    GovernorVotesQuorumFraction
} from "@openzeppelin/contracts/governance/extensions/GovernorVotesQuorumFraction.sol";
import {Seats} from "./Seats.sol";

/**
 * @title The governor of the alliance
 * @dev One seat, one vote; for, against, abstain. A proposal passes when votes for outnumber votes against, and votes
 * for and abstentions together reach the quorum: a percentage, rounded down, of the seats that could vote at its
 * snapshot. Anyone may execute a proposal that has succeeded.
 *
 * Weights and quorum are those of the proposal's snapshot, which is the clock at proposing plus the voting delay.
 * With a delay of 0 the snapshot is the moment of proposing itself, and the proposal is Pending until the clock has
 * moved on: a ballot in the block of the proposal, or in another one with the same timestamp, is refused with
 * {GovernorUnexpectedProposalState}; one tick later it is accepted. The last moment to vote is the deadline itself;
 * a proposal can be executed from one tick after it.
 *
 * Delay and period are in the unit of {Seats-clock}.
 */
contract ConsortiumGovernor is GovernorSettings, GovernorCountingSimple, GovernorVotesQuorumFraction {
    /// @dev Where the votes come from.
    Seats public immutable seats;

    /// @dev The secretariat's account, which proposes on behalf of the members and has no vote. Zero for none.
    address public convener;

    /// @dev Another account, or none, proposes for the secretariat from now on.
    event ConvenerSet(address oldConvener, address newConvener);

    /// @dev Neither the voting address of an active seat nor the convener.
    error NotAllowedToPropose(address account);

    /// @dev The account had no active seat when the proposal opened, so its ballot would weigh nothing.
    error NoSeatAtSnapshot(address account, uint256 snapshot);

    /// @dev With one vote a seat, a threshold above zero would shut out the convener, and one above 1 everybody.
    error ProposalThresholdRefused(uint256 threshold);

    /**
     * @param seats_ where the votes come from
     * @param votingDelay_ from proposing to the snapshot, in the unit of the clock; may be 0
     * @param votingPeriod_ from the snapshot to the deadline, in the unit of the clock; not 0
     * @param quorumPercent for and abstain together, in percent of the seats at the snapshot; at most 100
     * @param convener_ the secretariat's account, or zero
     */
    constructor(
        Seats seats_,
        uint48 votingDelay_,
        uint32 votingPeriod_,
        uint256 quorumPercent,
        address convener_
    )
        Governor("Consortium Governor")
        GovernorSettings(votingDelay_, votingPeriod_, 0)
        GovernorVotes(seats_)
        GovernorVotesQuorumFraction(quorumPercent)
    {
        seats = seats_;
        _setConvener(convener_);
    }

    /**
     * @dev See {Governor-propose}. For the voting address of an active seat, and for the convener.
     *
     * A proposal's id is the hash of its content without its proposer: end the description with `#proposer=0x…`, so
     * that nobody else can open the same one first.
     */
    function propose(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        string memory description
    ) public override returns (uint256) {
        if (!mayPropose(msg.sender)) revert NotAllowedToPropose(msg.sender);
        return super.propose(targets, values, calldatas, description);
    }

    /// @dev Whether `account` may open a proposal now.
    function mayPropose(address account) public view returns (bool) {
        return account == convener || seats.isActive(seats.memberOf(account));
    }

    /**
     * @dev Lets another account, or with zero none, propose for the secretariat. Only by proposal.
     *
     * Emits a {ConvenerSet} event.
     */
    function setConvener(address newConvener) external onlyGovernance {
        _setConvener(newConvener);
    }

    /// @dev Always 0.
    function proposalThreshold() public view override(Governor, GovernorSettings) returns (uint256) {
        return super.proposalThreshold();
    }

    /// @dev Also refuses the ballot of an account without a vote, which OpenZeppelin would count with weight 0.
    function _countVote(
        uint256 proposalId,
        address account,
        uint8 support,
        uint256 totalWeight,
        bytes memory params
    ) internal override(Governor, GovernorCountingSimple) returns (uint256) {
        if (totalWeight == 0) revert NoSeatAtSnapshot(account, proposalSnapshot(proposalId));
        return super._countVote(proposalId, account, support, totalWeight, params);
    }

    function _setProposalThreshold(uint256 threshold) internal override {
        if (threshold != 0) revert ProposalThresholdRefused(threshold);
        super._setProposalThreshold(threshold);
    }

    function _setConvener(address newConvener) private {
        emit ConvenerSet(convener, newConvener);
        convener = newConvener;
    }
}
