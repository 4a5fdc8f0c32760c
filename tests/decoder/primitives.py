"""The standard constructions that the formats are made of, by PyPI's cryptography."""

import sys

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
except ImportError:
    sys.exit(f"{sys.executable} has no package cryptography: run scripts/test, which makes build/venv with it, "
             "or `python3 -m venv build/venv && build/venv/bin/pip install cryptography`")


class Damaged(Exception):
    """Bytes are not what was written. `content`: what could be read before."""

    def __init__(self, where, what, content=b""):
        super().__init__(f"{where}: {what}")
        self.where = where
        self.content = content


class NotHere(Exception):
    """A key is missing."""


def hkdf(key, salt, info):
    """HKDF-SHA-256 to 32 bytes (RFC 5869)."""
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt or None, info=info).derive(key)


def gcm_open(key, nonce, ciphertext_and_tag, aad):
    """AES-256-GCM; nothing where the tag does not match."""
    try:
        return AESGCM(key).decrypt(nonce, ciphertext_and_tag, aad)
    except InvalidTag:
        return None


def aes_block(key, block):
    """AES-256 of one block."""
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return encryptor.update(block) + encryptor.finalize()
