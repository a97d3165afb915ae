"""Keys for DKIM, and the two verifiers that judge what we sign: dkimpy, and Perl's Mail::DKIM."""

from __future__ import annotations

import base64
import shutil
import subprocess
from functools import cache
from types import SimpleNamespace

import dkim
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

# Says of each signature of the message on stdin: algorithm, selector, result. The public keys come by DNS.
_PERL = """
use strict; use Mail::DKIM::Verifier; use Mail::DKIM::DNS; use Net::DNS;
my ($host, $port) = @ARGV;
Mail::DKIM::DNS::resolver(Net::DNS::Resolver->new(nameservers => [$host], port => $port, retry => 1));
my $verifier = Mail::DKIM::Verifier->new();
binmode STDIN; local $/; $verifier->PRINT(<STDIN>); $verifier->CLOSE;
print join(' ', $_->algorithm // '', $_->selector // '', $_->result // ''), "\\n" for $verifier->signatures;
"""


def _pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@cache
def rsa_pem(bits: int = 2048) -> str:
    """Return an RSA key in PEM, the same throughout a run."""
    return _pem(rsa.generate_private_key(65537, bits))


def ed25519_pem(seed: bytes = bytes(range(32))) -> str:
    """Return an Ed25519 key in PEM, the same for ever."""
    return _pem(ed25519.Ed25519PrivateKey.from_private_bytes(seed))


def by_dkimpy(data: bytes, records: dict[str, str], *, index: int = 0) -> bool:
    """Let dkimpy verify the signature number `index` of a mail; `records` are the TXT records by name."""
    if not hasattr(dkim, "nacl"):
        dkim.nacl = _NACL
    return bool(
        dkim.DKIM(data).verify(idx=index, dnsfunc=lambda name, timeout=5: records[name.decode().rstrip(".")].encode())
    )


def by_perl(data: bytes, nameserver: str) -> list[tuple[str, str, str]]:
    """Let Mail::DKIM judge every signature of a mail: algorithm, selector, result (`pass`, `fail`, `invalid`)."""
    perl = shutil.which("perl") or "perl"
    loads = (
        shutil.which(perl) and subprocess.run([perl, "-MMail::DKIM::Verifier", "-e", "1"], check=False).returncode == 0
    )
    assert loads, "the second verifier of DKIM signatures is not installed: apt install libmail-dkim-perl"
    host, _, port = nameserver.rpartition(":")
    done = subprocess.run([perl, "-e", _PERL, host, port], input=data, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return [tuple(line.split(" ")) for line in done.stdout.decode().splitlines()]  # type: ignore[misc]


class _VerifyKey:
    """What dkimpy wants of PyNaCl, its package for Ed25519, done by the one that we have."""

    def __init__(self, text: bytes, encoder: object) -> None:
        self._key = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(text))

    def verify(self, digest: bytes, signature: bytes) -> None:
        self._key.verify(signature, digest)


_NACL = SimpleNamespace(
    signing=SimpleNamespace(VerifyKey=_VerifyKey),
    encoding=SimpleNamespace(Base64Encoder=None),
    exceptions=SimpleNamespace(BadSignatureError=InvalidSignature, ValueError=ValueError),
)
