// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.26;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Seats} from "./Seats.sol";
import {Outlook, Rule, Tally, Verdicts} from "./Verdicts.sol";

/**
 * @title Counting by industry category
 * @dev Extension of {Governor} for one vote a seat, for, against or abstain, counted by the category of the seat.
 *
 * What a proposal needs depends on the kind of its calls; the rule of that kind is frozen into it when it opens. A
 * proposal is decided, before its deadline, as soon as the votes that are missing can't change its outcome.
 *
 * NOTE: list this contract before {GovernorTimelockControl}, which must see a decided proposal that is queued as
 * queued.
 */
abstract contract GovernorCategories is Governor {
    using Verdicts for Tally;

    /// @dev From the most common to the most far-reaching; a proposal is of the strictest kind among its calls.
    enum Kind {
        Routine,
        Membership,
        Constitutional
    }

    /// @dev `votes` by support (0 against, 1 for, 2 abstain), then by category.
    struct Ballots {
        Kind kind;
        Rule rule;
        uint32[6][3] votes;
        mapping(address voter => bool) hasVoted;
    }

    uint8 private constant AGAINST = 0;
    uint8 private constant FOR = 1;
    uint8 private constant ABSTAIN = 2;

    /// @dev Where the votes and their categories come from.
    Seats public immutable seats;

    mapping(Kind => Rule) private _rules;
    mapping(uint256 proposalId => Ballots) private _ballots;

    /// @dev Proposals of this kind (0 routine, 1 membership, 2 constitutional) that open from now on need this.
    event RuleChanged(uint8 indexed kind, Rule rule);

    /// @dev The proposal is of this kind, and needs this, whatever becomes of the rules.
    event ProposalRuleFrozen(uint256 indexed proposalId, uint8 kind, Rule rule);

    /// @dev No such kind of proposal.
    error InvalidKind(uint8 actual, uint8 highest);

    /// @dev A fraction of zero, above one or without a denominator, or more categories than there are.
    error InvalidRule(uint8 kind, Rule rule);

    /// @dev The account had no active seat when the proposal opened, so its ballot would weigh nothing.
    error NoSeatAtSnapshot(address account, uint256 snapshot);

    /**
     * @param seats_ where the votes and their categories come from
     * @param rules what proposals need, by kind: routine, membership, constitutional
     */
    constructor(Seats seats_, Rule[3] memory rules) {
        seats = seats_;
        for (uint8 kind = 0; kind < rules.length; ++kind) {
            _setRule(kind, rules[kind]);
        }
    }

    /**
     * @dev Proposals of `kind` that open from now on need `newRule`. Only by proposal.
     *
     * Emits a {RuleChanged} event.
     */
    function setRule(uint8 kind, Rule memory newRule) external onlyGovernance {
        _setRule(kind, newRule);
    }

    /// @dev What a proposal of `kind` (0 routine, 1 membership, 2 constitutional) needs that opens now.
    function rule(uint8 kind) public view returns (Rule memory) {
        return _rules[_asKind(kind)];
    }

    /// @dev The kind of a proposal and what it needs, frozen when it opened.
    function ruleOf(uint256 proposalId) public view returns (uint8 kind, Rule memory frozen) {
        Ballots storage ballots = _ballotsOf(proposalId);
        return (uint8(ballots.kind), ballots.rule);
    }

    /// @dev Of what kind a proposal of these calls would be.
    function kindOf(address[] memory targets, bytes[] memory calldatas) public view virtual returns (uint8);

    /**
     * @dev Seats at the snapshot and votes, by category: that of category `n` is at index `n - 1`. While a proposal is
     * pending, the seats are those of the last tick.
     */
    function tally(
        uint256 proposalId
    )
        public
        view
        returns (
            uint32[6] memory electorate,
            uint32[6] memory against,
            uint32[6] memory inFavour,
            uint32[6] memory abstain
        )
    {
        Tally memory votes = _tally(proposalId);
        return (votes.electorate, votes.against, votes.inFavour, votes.abstain);
    }

    /// @dev What a proposal still needs, whether it can still have it, and whether that is settled.
    function outlook(uint256 proposalId) public view returns (Outlook memory) {
        (, Rule memory frozen) = ruleOf(proposalId);
        return _tally(proposalId).outlook(frozen);
    }

    /// @dev Votes against, for, and abstentions, over all categories.
    function proposalVotes(
        uint256 proposalId
    ) public view returns (uint256 againstVotes, uint256 forVotes, uint256 abstainVotes) {
        Tally memory votes = _tally(proposalId);
        return (
            Verdicts.total(votes.against),
            Verdicts.total(votes.inFavour),
            Verdicts.total(votes.abstain)
        );
    }

    /// @dev See {IGovernor-hasVoted}.
    function hasVoted(uint256 proposalId, address account) public view override returns (bool) {
        return _ballots[proposalId].hasVoted[account];
    }

    /// @dev See {IGovernor-COUNTING_MODE}.
    // solhint-disable-next-line func-name-mixedcase
    function COUNTING_MODE() public pure override returns (string memory) {
        return "support=bravo&quorum=for,abstain";
    }

    /// @dev Votes for and abstentions that a routine proposal needs whose snapshot is `timepoint`, by today's rule.
    function quorum(uint256 timepoint) public view virtual override returns (uint256) {
        return Verdicts.quorum(seats.getPastTotalSupply(timepoint), rule(uint8(Kind.Routine)));
    }

    /// @dev See {IGovernor-state}. What is decided is not open to votes any more.
    function state(uint256 proposalId) public view virtual override returns (ProposalState) {
        ProposalState current = super.state(proposalId);
        if (current != ProposalState.Active) return current;
        Outlook memory now_ = outlook(proposalId);
        if (!now_.decided) return ProposalState.Active;
        if (!now_.possible) return ProposalState.Defeated;
        return proposalEta(proposalId) == 0 ? ProposalState.Succeeded : ProposalState.Queued;
    }

    function _propose(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        string memory description,
        address proposer
    ) internal virtual override returns (uint256 proposalId) {
        proposalId = super._propose(targets, values, calldatas, description, proposer);
        uint8 kind = kindOf(targets, calldatas);
        Rule memory frozen = rule(kind);
        Ballots storage ballots = _ballots[proposalId];
        ballots.kind = Kind(kind);
        ballots.rule = frozen;
        emit ProposalRuleFrozen(proposalId, kind, frozen);
    }

    /// @dev Refuses the ballot of an account without a vote, which OpenZeppelin would count with weight 0.
    function _countVote(
        uint256 proposalId,
        address account,
        uint8 support,
        uint256,
        bytes memory
    ) internal virtual override returns (uint256) {
        Ballots storage ballots = _ballots[proposalId];
        uint256 snapshot = proposalSnapshot(proposalId);
        uint8 category = seats.categoryOf(account, snapshot);
        if (category == 0) revert NoSeatAtSnapshot(account, snapshot);
        if (ballots.hasVoted[account]) revert GovernorAlreadyCastVote(account);
        if (support > ABSTAIN) revert GovernorInvalidVoteType();
        ballots.hasVoted[account] = true;
        ++ballots.votes[support][category - 1];
        return 1;
    }

    function _quorumReached(uint256 proposalId) internal view virtual override returns (bool) {
        return outlook(proposalId).quorumMissing == 0;
    }

    function _voteSucceeded(uint256 proposalId) internal view virtual override returns (bool) {
        return outlook(proposalId).passes;
    }

    function _tally(uint256 proposalId) private view returns (Tally memory) {
        Ballots storage ballots = _ballotsOf(proposalId);
        uint256 moment = Math.min(proposalSnapshot(proposalId), clock() - 1);
        uint32[6][3] memory votes = ballots.votes;
        return Tally(seats.getPastCategorySupplies(moment), votes[AGAINST], votes[FOR], votes[ABSTAIN]);
    }

    function _ballotsOf(uint256 proposalId) private view returns (Ballots storage) {
        if (proposalSnapshot(proposalId) == 0) revert GovernorNonexistentProposal(proposalId);
        return _ballots[proposalId];
    }

    function _setRule(uint8 kind, Rule memory newRule) private {
        if (!Verdicts.isSound(newRule)) revert InvalidRule(kind, newRule);
        _rules[_asKind(kind)] = newRule;
        emit RuleChanged(kind, newRule);
    }

    function _asKind(uint8 kind) private pure returns (Kind) {
        if (kind > uint8(type(Kind).max)) revert InvalidKind(kind, uint8(type(Kind).max));
        return Kind(kind);
    }
}
