"""The files of an epoch, by their path in the network's folder."""

from __future__ import annotations

from collections.abc import Mapping

JSON_PATH = "permissions.json"
BESU_PATH = "besu/permissions_config.toml"
GOQUORUM_PATH = "goquorum/permissioned-nodes.json"
GOQUORUM_DISALLOWED_PATH = "goquorum/disallowed-nodes.json"
GETH_PATH = "geth/static-nodes.json"
FISCO_CERTIFICATES_PATH = "fisco-bcos/certificates.ini"
FISCO_NODES_PATH = "fisco-bcos/nodes.json"
FISCO_2_CERTIFICATES_PATH = "fisco-bcos/2.x/certificates.ini"
FISCO_2_NODES_PATH = "fisco-bcos/2.x/nodes.json"
FISCO_SM_CERTIFICATES_PATH = "fisco-bcos/sm/certificates.ini"
FISCO_SM_NODES_PATH = "fisco-bcos/sm/nodes.json"

# The first file of a format is the one that its short address on the gateway answers.
FILES: Mapping[str, tuple[str, ...]] = {
    "json": (JSON_PATH,),
    "besu": (BESU_PATH,),
    "goquorum": (GOQUORUM_PATH, GOQUORUM_DISALLOWED_PATH),
    "geth": (GETH_PATH,),
    "fisco-bcos": (
        FISCO_CERTIFICATES_PATH,
        FISCO_NODES_PATH,
        FISCO_2_CERTIFICATES_PATH,
        FISCO_2_NODES_PATH,
        FISCO_SM_CERTIFICATES_PATH,
        FISCO_SM_NODES_PATH,
    ),
}
FORMAT_OF: Mapping[str, str] = {path: name for name, paths in FILES.items() for path in paths}
