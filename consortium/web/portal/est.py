"""The command lines with which a node enrols and renews by EST (RFC 7030), ready to be pasted.

No secret stands on a command line, where every account of the machine could read it: curl and strongSwan's
pki read it from files, and the shell's own printf writes those.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings

from certs.models import Certificate, Enrolment, Profile
from consortium.web.portal import openssl

_ROOT = "root.pem"  # the TLS root, as "Check it yourself" has it saved


def server() -> str:
    """The node gateway, as nodes reach it."""
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    return f"https://{f'[{host}]' if ':' in host else host}:{settings.GATEWAY_PORT}"


def address(operation: str) -> str:
    """Where an EST operation is asked for."""
    return f"{server()}/.well-known/est/{operation}"


def save_secret() -> str:
    """Puts the secret into a file: read waits for it to be pasted, and does not show it."""
    return "umask 077\nread -rs secret && printf '%s' \"$secret\" > est-secret; unset secret"


def make_request(enrolment: Enrolment) -> str:
    """Key and CSR on the node's own machine."""
    return openssl.lines(enrolment.profile, enrolment.node)


def with_curl(enrolment: Enrolment) -> str:
    """202 until the request is approved: the same lines again then bring the certificate."""
    stem = openssl.stem(enrolment.profile, enrolment.node)
    user = f'printf \'user = "%s:%s"\\n\' {enrolment.node_id} "$(cat est-secret)" > est-curl'
    return f"{user}\n{_ask(stem, '-K est-curl', 'simpleenroll')}"


def with_strongswan(enrolment: Enrolment) -> str:
    """pki asks again by itself until the request is approved."""
    stem = openssl.stem(enrolment.profile, enrolment.node)
    user = f"printf -- '--userpass %s:%s\\n' {enrolment.node_id} \"$(cat est-secret)\" > est-options"
    return "\n".join(
        [
            user,
            f"openssl req -in {stem}.csr -outform DER -out {stem}.der",
            f"pki --est --options est-options --url {server()} --cacert {_ROOT} "
            f"\\\n  --in {stem}.der --interval 60 --outform pem > {stem}.pem",
        ]
    )


def renewal(certificate: Certificate, *, keeps_key: bool) -> str:
    """With the certificate that is in force: no secret, and no second approval."""
    old = openssl.stem(certificate.profile, certificate.node)
    new = old if keeps_key else f"{old}-new"
    proof = f"--cert {openssl.file_name(certificate, '-chain')} --key {old}.key"
    made = openssl.renewal(certificate, keeps_key=keeps_key)
    return f"{made}\n{_ask(new, proof, 'simplereenroll')}"


def speaks(profile: str) -> bool:
    """Can a node of this profile use EST with these tools? Not with a key that they don't know."""
    return profile not in {Profile.FISCO_BCOS_3_SM, Profile.FISCO_BCOS_3_SM_ENC}


def proves_itself(profile: str) -> bool:
    """Can a certificate of this profile be shown in a TLS handshake? TLS has no signatures with secp256k1.

    Such a node enrols again with a new secret and the key that it keeps.
    """
    return speaks(profile) and profile != Profile.FISCO_BCOS_2


def _ask(stem: str, proof: str, operation: str) -> str:
    """The request on one line, the answer unpacked from PKCS#7."""
    return "\n".join(
        [
            f"openssl req -in {stem}.csr -outform DER | openssl base64 -A > {stem}.b64",
            f"answer=$(curl --silent --show-error --cacert {_ROOT} {proof} "
            f"\\\n  --header 'Content-Type: application/pkcs10' --data-binary @{stem}.b64 "
            f"\\\n  --output {stem}.p7 --write-out '%{{http_code}}' {address(operation)})",
            f'if [ "$answer" = 200 ]; then openssl base64 -d -A -in {stem}.p7 '
            f"\\\n  | openssl pkcs7 -inform DER -print_certs -out {stem}.pem",
            f'else echo "$answer"; cat {stem}.p7; fi',
        ]
    )
