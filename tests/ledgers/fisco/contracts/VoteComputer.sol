// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.26;

import {Committee} from "./Committee.sol";

/// @title How votes become an outcome: with the weights and rates of the moment it is asked, in 32 bits
/// @notice For tests: it answers what FISCO BCOS 3.x publishes of its own contract, and is none of its code.
contract VoteComputer {
    Committee public _committee;

    uint8 private constant OPEN = 1;
    uint8 private constant PASSED = 2;
    uint8 private constant DENIED = 3;

    constructor(Committee committee) {
        _committee = committee;
    }

    function determineVoteResult(address[] memory agree, address[] memory against) external view returns (uint8) {
        uint32 inFavour = _committee.getWeights(agree);
        uint32 voted = inFavour + _committee.getWeights(against);
        // As there: 32-bit products, so that weights too large refuse every vote.
        if (voted * 100 < _committee.getWeights() * _committee._participatesRate()) return OPEN;
        return inFavour * 100 >= _committee._winRate() * voted ? PASSED : DENIED;
    }
}
