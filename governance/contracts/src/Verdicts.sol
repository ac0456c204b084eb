// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.26;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @dev What a proposal needs in order to pass. Fractions are numerator and denominator.
struct Rule {
    uint8 quorumNum;
    uint8 quorumDen;
    uint8 approvalNum;
    uint8 approvalDen;
    uint8 categories;
}

/// @dev Seats and votes by industry category; category `n` is at index `n - 1`.
struct Tally {
    uint32[6] electorate;
    uint32[6] against;
    uint32[6] inFavour;
    uint32[6] abstain;
}

/// @dev What the votes so far mean under a rule.
struct Outlook {
    /// It would pass if nobody else voted.
    bool passes;
    /// It would pass if all the others voted for it.
    bool possible;
    /// The votes that are missing can't change the outcome any more.
    bool decided;
    /// Votes for or abstentions still needed for the quorum.
    uint32 quorumMissing;
    /// Votes for still needed for the approval; 2^32 - 1 where no number would do.
    uint32 approvalMissing;
    /// Categories that still need a majority.
    uint8 categoriesMissing;
}

/**
 * @dev Whether a tally passes under a rule. It does when
 *
 * - votes for and abstentions together are at least the quorum's share of the electorate, rounded up;
 * - votes for outnumber votes against, and are at least the approval's share of both together;
 * - in enough categories, votes for outnumber votes against. A category without a seat can't be won; where fewer
 *   categories have seats than the rule asks for, all that have must be won.
 */
library Verdicts {
    uint256 private constant CATEGORIES = 6;

    /// @dev Whether the rule can be met at all: fractions above 0 and at most 1, and no more categories than there are.
    function isSound(Rule memory rule) internal pure returns (bool) {
        return
            rule.quorumNum > 0 &&
            rule.quorumNum <= rule.quorumDen &&
            rule.approvalNum > 0 &&
            rule.approvalNum <= rule.approvalDen &&
            rule.categories <= CATEGORIES;
    }

    /// @dev All that can be said of the votes so far.
    function outlook(Tally memory tally, Rule memory rule) internal pure returns (Outlook memory result) {
        result.quorumMissing = quorumMissing(tally, rule);
        result.approvalMissing = _approvalMissing(tally, rule);
        result.categoriesMissing = _categoriesMissing(tally, rule);
        result.passes = _noneMissing(result.quorumMissing, result.approvalMissing, result.categoriesMissing);
        (uint32[6] memory inFavour, uint32[6] memory against) = (tally.inFavour, tally.against);
        tally.inFavour = _withTheOthers(tally, inFavour);
        result.possible = passes(tally, rule);
        tally.inFavour = inFavour;
        tally.against = _withTheOthers(tally, against);
        result.decided = !result.possible || passes(tally, rule);
        tally.against = against;
    }

    /// @dev Whether the votes so far are enough.
    function passes(Tally memory tally, Rule memory rule) internal pure returns (bool) {
        return
            _noneMissing(quorumMissing(tally, rule), _approvalMissing(tally, rule), _categoriesMissing(tally, rule));
    }

    /// @dev Votes for or abstentions still needed for the quorum.
    function quorumMissing(Tally memory tally, Rule memory rule) internal pure returns (uint32) {
        uint256 needed = quorum(total(tally.electorate), rule);
        return _missing(needed, total(tally.inFavour) + total(tally.abstain));
    }

    /// @dev Votes for and abstentions that an electorate needs.
    function quorum(uint256 electorate, Rule memory rule) internal pure returns (uint256) {
        return Math.ceilDiv(electorate * rule.quorumNum, rule.quorumDen);
    }

    /// @dev The sum over all categories.
    function total(uint32[6] memory byCategory) internal pure returns (uint256 sum) {
        for (uint256 i = 0; i < CATEGORIES; ++i) {
            sum += byCategory[i];
        }
    }

    function _approvalMissing(Tally memory tally, Rule memory rule) private pure returns (uint32) {
        uint256 against = total(tally.against);
        // for / (for + against) >= num / den, solved for `for`.
        uint256 rest = rule.approvalDen - rule.approvalNum;
        if (rest == 0 && against > 0) return type(uint32).max;
        uint256 share = rest == 0 ? 0 : Math.ceilDiv(against * rule.approvalNum, rest);
        return _missing(Math.max(share, against + 1), total(tally.inFavour));
    }

    function _categoriesMissing(Tally memory tally, Rule memory rule) private pure returns (uint8) {
        uint256 seated = 0;
        uint256 won = 0;
        for (uint256 i = 0; i < CATEGORIES; ++i) {
            if (tally.electorate[i] > 0) ++seated;
            if (tally.inFavour[i] > tally.against[i]) ++won;
        }
        return uint8(_missing(Math.min(rule.categories, seated), won));
    }

    /// @dev `votes`, and all that have not been cast yet.
    function _withTheOthers(
        Tally memory tally,
        uint32[6] memory votes
    ) private pure returns (uint32[6] memory all) {
        for (uint256 i = 0; i < CATEGORIES; ++i) {
            uint32 cast = tally.against[i] + tally.inFavour[i] + tally.abstain[i];
            all[i] = votes[i] + tally.electorate[i] - cast;
        }
    }

    function _missing(uint256 needed, uint256 there) private pure returns (uint32) {
        return needed > there ? uint32(needed - there) : 0;
    }

    function _noneMissing(uint32 votes, uint32 approval, uint8 categories) private pure returns (bool) {
        return votes == 0 && approval == 0 && categories == 0;
    }
}
