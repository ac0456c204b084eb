// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.26;

/// @title The governors of a committee ledger, their weights, and the two rates
/// @notice For tests: it answers what FISCO BCOS 3.x publishes of its own contract, and is none of its code.
contract Committee {
    address public _owner;
    uint8 public _participatesRate;
    uint8 public _winRate;

    address[] private members;
    mapping(address => uint32) private weightOf;

    error OnlyOwner(address caller);

    constructor(address[] memory first, uint32[] memory weights, uint8 participatesRate, uint8 winRate) {
        _owner = msg.sender;
        for (uint256 i = 0; i < first.length; i++) {
            put(first[i], weights[i]);
        }
        (_participatesRate, _winRate) = (participatesRate, winRate);
    }

    modifier owned() {
        if (msg.sender != _owner) revert OnlyOwner(msg.sender);
        _;
    }

    function setRate(uint8 participatesRate, uint8 winRate) external owned {
        (_participatesRate, _winRate) = (participatesRate, winRate);
    }

    function setWeight(address governor, uint32 weight) external owned {
        put(governor, weight);
    }

    function isGovernor(address who) external view returns (bool) {
        return weightOf[who] != 0;
    }

    function getWeight(address who) external view returns (uint32) {
        return weightOf[who];
    }

    function getWeights(address[] memory voters) public view returns (uint32 sum) {
        for (uint256 i = 0; i < voters.length; i++) {
            sum += weightOf[voters[i]];
        }
    }

    function getWeights() external view returns (uint32) {
        return getWeights(members);
    }

    function getCommitteeInfo()
        external
        view
        returns (uint8 participatesRate, uint8 winRate, address[] memory governors, uint32[] memory weights)
    {
        weights = new uint32[](members.length);
        for (uint256 i = 0; i < members.length; i++) {
            weights[i] = weightOf[members[i]];
        }
        return (_participatesRate, _winRate, members, weights);
    }

    function put(address governor, uint32 weight) private {
        bool known = weightOf[governor] != 0;
        weightOf[governor] = weight;
        if (weight != 0 && !known) members.push(governor);
        if (weight == 0 && known) drop(governor);
    }

    function drop(address governor) private {
        for (uint256 i = 0; i < members.length; i++) {
            if (members[i] == governor) {
                members[i] = members[members.length - 1];
                members.pop();
                return;
            }
        }
    }
}
