// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.26;

import {Committee} from "./Committee.sol";
import {VoteComputer} from "./VoteComputer.sol";

/// @title The proposals of a committee ledger: who voted how, and what came of it
/// @notice For tests: it answers what FISCO BCOS 3.x publishes of its own contract, and is none of its code.
contract ProposalManager {
    struct Proposal {
        address resourceId;
        address proposer;
        uint8 proposalType;
        uint256 blockNumberInterval; // the last block in which it is in time
        uint8 status;
        address[] agreeVoters;
        address[] againstVoters;
    }

    uint8 private constant NONE = 0;
    uint8 private constant OPEN = 1;
    uint8 private constant REVOKED = 4;
    uint8 private constant OUTDATED = 5;

    address public _owner;
    VoteComputer public _voteComputer;
    uint256 public _proposalCount;
    mapping(uint8 => mapping(address => uint256)) public _proposalIndex;
    mapping(uint256 => Proposal) private proposals;

    modifier owned() {
        require(msg.sender == _owner, "not the committee's manager");
        _;
    }

    constructor(address manager, Committee committee) {
        _owner = manager;
        _voteComputer = new VoteComputer(committee);
    }

    function setVoteComputer(VoteComputer computer) external owned {
        _voteComputer = computer;
    }

    /// @notice Anybody may ask for it, and until somebody does, a proposal past its deadline stays open.
    function refreshProposalStatus(uint256 id) public returns (uint8) {
        Proposal storage found = proposals[id];
        require(found.status != NONE, "no such proposal");
        if (found.status == OPEN && block.number > found.blockNumberInterval) found.status = OUTDATED;
        return found.status;
    }

    function create(address proposer, uint8 kind, address resource, uint256 blocks) external owned returns (uint256) {
        uint256 former = _proposalIndex[kind][resource];
        require(former == 0 || refreshProposalStatus(former) != OPEN, "another of its kind is open");
        uint256 id = ++_proposalCount;
        Proposal storage made = proposals[id];
        (made.resourceId, made.proposer, made.proposalType) = (resource, proposer, kind);
        (made.blockNumberInterval, made.status) = (block.number + blocks, OPEN);
        _proposalIndex[kind][resource] = id;
        return id;
    }

    /// @notice Does not look at the deadline.
    function vote(uint256 id, bool agree, address voter) external owned returns (uint8) {
        Proposal storage found = proposals[id];
        require(found.status == OPEN, "not open");
        require(!has(found.agreeVoters, voter) && !has(found.againstVoters, voter), "voted before");
        if (agree) found.agreeVoters.push(voter);
        else found.againstVoters.push(voter);
        found.status = _voteComputer.determineVoteResult(found.agreeVoters, found.againstVoters);
        return found.status;
    }

    function revoke(uint256 id, address who) external owned {
        require(refreshProposalStatus(id) == OPEN, "not open");
        require(proposals[id].proposer == who, "not the proposer");
        proposals[id].status = REVOKED;
    }

    function getProposalInfo(uint256 id)
        external
        view
        returns (
            address resourceId,
            address proposer,
            uint8 proposalType,
            uint256 blockNumberInterval,
            uint8 status,
            address[] memory agreeVoters,
            address[] memory againstVoters
        )
    {
        Proposal storage found = proposals[id];
        (resourceId, proposer, proposalType) = (found.resourceId, found.proposer, found.proposalType);
        (blockNumberInterval, status) = (found.blockNumberInterval, found.status);
        (agreeVoters, againstVoters) = (found.agreeVoters, found.againstVoters);
    }

    function getProposalInfoList(uint256 from, uint256 to) external view returns (Proposal[] memory list) {
        require(from <= _proposalCount && from <= to, "no such range");
        if (to > _proposalCount) to = _proposalCount;
        if (from < 1) from = 1;
        list = new Proposal[](to + 1 - from);
        for (uint256 i = 0; i < list.length; i++) {
            list[i] = proposals[from + i];
        }
    }

    function getProposalStatus(uint256 id) external view returns (uint8) {
        return proposals[id].status;
    }

    function getIdByTypeAndResourceId(uint8 kind, address resource) external view returns (uint256) {
        return _proposalIndex[kind][resource];
    }

    function has(address[] storage list, address who) private view returns (bool) {
        for (uint256 i = 0; i < list.length; i++) {
            if (list[i] == who) return true;
        }
        return false;
    }
}
