// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.26;

import {Committee} from "./Committee.sol";
import {ProposalManager} from "./ProposalManager.sol";
import {VoteComputer} from "./VoteComputer.sol";

interface ContractAuth {
    function deployType() external view returns (uint256);
    function getAdmin(address target) external view returns (address);
}

/// @title The committee's door: governors propose and vote here, and what passes is carried out at once
/// @notice For tests: it answers what FISCO BCOS 3.x publishes of its own contract, and is none of its code.
/// @dev What a proposal would do is nowhere to be read, as there.
contract CommitteeManager {
    /// What passing does: one call, and what it is about.
    struct Plan {
        uint8 kind;
        address target;
        bytes data;
        address removes;
    }

    address private constant SYSTEM_CONFIG = address(0x1000);
    address private constant CONSENSUS = address(0x1003);
    address private constant CONTRACT_AUTH = address(0x1005);

    Committee public _committee;
    ProposalManager public _proposalMgr;
    mapping(uint256 => Plan) private plans;

    event execResult(int256);

    modifier governors() {
        require(isGovernor(msg.sender), "not a governor");
        _;
    }

    constructor(address[] memory first, uint32[] memory weights, uint8 participatesRate, uint8 winRate) {
        _committee = new Committee(first, weights, participatesRate, winRate);
        _proposalMgr = new ProposalManager(address(this), _committee);
    }

    function createUpdateGovernorProposal(address account, uint32 weight, uint256 blocks)
        external governors returns (uint256)
    {
        bytes memory data = abi.encodeCall(Committee.setWeight, (account, weight));
        return open(Plan(11, address(_committee), data, weight == 0 ? account : address(0)), account, blocks);
    }

    function createSetRateProposal(uint8 participatesRate, uint8 winRate, uint256 blocks)
        external governors returns (uint256)
    {
        require(participatesRate <= 100 && winRate <= 100, "a rate is a percentage");
        bytes memory data = abi.encodeCall(Committee.setRate, (participatesRate, winRate));
        return open(Plan(12, address(_committee), data, address(0)), address(this), blocks);
    }

    function createUpgradeVoteComputerProposal(address computer, uint256 blocks)
        external governors returns (uint256)
    {
        require(computer != address(0), "no computer");
        bytes memory data = abi.encodeCall(ProposalManager.setVoteComputer, (VoteComputer(computer)));
        return open(Plan(13, address(_proposalMgr), data, address(0)), address(_proposalMgr), blocks);
    }

    function createSetDeployAuthTypeProposal(uint8 deployAuthType, uint256 blocks)
        external governors returns (uint256)
    {
        require(ContractAuth(CONTRACT_AUTH).deployType() != deployAuthType, "it is so already");
        bytes memory data = abi.encodeWithSignature("setDeployAuthType(uint8)", deployAuthType);
        return open(Plan(21, CONTRACT_AUTH, data, address(0)), CONTRACT_AUTH, blocks);
    }

    function createModifyDeployAuthProposal(address account, bool openFlag, uint256 blocks)
        external governors returns (uint256)
    {
        string memory name = openFlag ? "openDeployAuth(address)" : "closeDeployAuth(address)";
        return open(Plan(22, CONTRACT_AUTH, abi.encodeWithSignature(name, account), address(0)), account, blocks);
    }

    function createResetAdminProposal(address newAdmin, address contractAddr, uint256 blocks)
        external governors returns (uint256)
    {
        require(contractAddr != address(0), "no contract");
        require(ContractAuth(CONTRACT_AUTH).getAdmin(contractAddr) != newAdmin, "it is so already");
        bytes memory data = abi.encodeWithSignature("resetAdmin(address,address)", contractAddr, newAdmin);
        return open(Plan(31, CONTRACT_AUTH, data, address(0)), contractAddr, blocks);
    }

    function createSetSysConfigProposal(string memory key, string memory value, uint256 blocks)
        external governors returns (uint256)
    {
        require(bytes(key).length > 1, "no key");
        bytes memory data = abi.encodeWithSignature("setValueByKey(string,string)", key, value);
        return open(Plan(41, SYSTEM_CONFIG, data, address(0)), SYSTEM_CONFIG, blocks);
    }

    function createSetConsensusWeightProposal(string memory node, uint32 weight, bool addFlag, uint256 blocks)
        external governors returns (uint256)
    {
        require(bytes(node).length > 1, "no node");
        bytes memory data = abi.encodeWithSignature("setWeight(string,uint256)", node, uint256(weight));
        if (addFlag) {
            data = weight == 0
                ? abi.encodeWithSignature("addObserver(string)", node)
                : abi.encodeWithSignature("addSealer(string,uint256)", node, uint256(weight));
        }
        return open(Plan(51, CONSENSUS, data, address(0)), CONSENSUS, blocks);
    }

    function createRmNodeProposal(string memory node, uint256 blocks) external governors returns (uint256) {
        require(bytes(node).length > 1, "no node");
        return open(Plan(52, CONSENSUS, abi.encodeWithSignature("remove(string)", node), address(0)), CONSENSUS, blocks);
    }

    function voteProposal(uint256 proposalId, bool agree) public governors {
        if (_proposalMgr.vote(proposalId, agree, msg.sender) != 2) return;
        Plan memory plan = plans[proposalId];
        require(plan.removes == address(0) || plan.removes != msg.sender, "nobody removes itself");
        (bool done, bytes memory answer) = plan.target.call(plan.data);
        require(done, "the call failed");
        emit execResult(answer.length == 32 ? abi.decode(answer, (int256)) : int256(0));
    }

    function revokeProposal(uint256 proposalId) external governors {
        _proposalMgr.revoke(proposalId, msg.sender);
    }

    function isGovernor(address account) public view returns (bool) {
        return _committee.isGovernor(account);
    }

    function getProposalType(uint256 proposalId) external view returns (uint8) {
        return plans[proposalId].kind;
    }

    function open(Plan memory plan, address resource, uint256 blocks) private returns (uint256 id) {
        id = _proposalMgr.create(msg.sender, plan.kind, resource, blocks);
        plans[id] = plan;
        voteProposal(id, true);
    }
}
