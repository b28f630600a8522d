"""Signing prints with an organisation's certificate: a PAdES signature, added after the print and changing none of it.

The signature has no face on the page. It carries the time of this machine's clock: signing is an act, not a record.
"""

from __future__ import annotations

import datetime
import io
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lingtouyan.problems import UsageError, printable

FIELD = "Signature"
PASSWORD = "LINGTOUYAN_SIGN_PASSWORD"  # noqa: S105 - the name of the variable that holds it
ADVICE = "签章和核验签章要另装软件：.venv/bin/pip install --require-hashes -r requirements/sign.txt"
_MAX_FILE = 2**20


@dataclass(frozen=True)
class Seal:
    """A key with its certificate, ready to sign.

    Attributes:
        holder: whom the certificate names.
        signer: what the signing library signs with.
    """

    holder: str
    signer: Any


def load_seal(files: list[Path], ask: Callable[[], str]) -> Seal:
    """Read a certificate and its key.

    Args:
        files: one PKCS #12 file, or one or more PEM files that together hold the key, its certificate and the chain.
        ask: gives the password; only called when one is needed.

    Raises:
        UsageError: a file cannot be read, the password is wrong, key and certificate do not belong together, the
            certificate is not valid now, or the signing library is not installed.
    """
    try:
        from asn1crypto import keys, x509
        from cryptography.hazmat.primitives import serialization
        from pyhanko.sign.signers import SimpleSigner
        from pyhanko_certvalidator.registry import SimpleCertificateStore
    except ImportError:
        raise UsageError(ADVICE) from None

    contents = [_read(file) for file in files]
    names = "、".join(printable(f.name) for f in files)
    try:
        key, certificates = _opened(contents, ask)
    except TypeError:
        raise UsageError(f"{names} 的私钥没有密码保护，或者不是可用的私钥。") from None
    except ValueError:
        raise UsageError(
            f"{names} 读不出证书和私钥：密码不对，或者不是 PKCS #12（.p12、.pfx）或 PEM 文件。"
        ) from None
    public = [_public(c.public_key()) for c in certificates]
    if key is None or _public(key.public_key()) not in public:
        raise UsageError(f"{names} 里没有相配的私钥和证书。")
    own = certificates.pop(public.index(_public(key.public_key())))
    now = datetime.datetime.now(datetime.UTC)
    if not own.not_valid_before_utc <= now <= own.not_valid_after_utc:
        raise UsageError(
            f"证书的有效期是 {own.not_valid_before_utc:%Y-%m-%d} 至 {own.not_valid_after_utc:%Y-%m-%d}，现在不能用来签章。"
        )

    def standard(certificate: Any) -> Any:
        return x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))

    store = SimpleCertificateStore()
    store.register_multiple(map(standard, certificates))
    plain = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    signer = SimpleSigner(
        signing_cert=standard(own), signing_key=keys.PrivateKeyInfo.load(plain), cert_registry=store
    )
    return Seal(holder_of(standard(own)), signer)


def holder_of(certificate: Any) -> str:
    """Return whom a certificate names: its common name, with the organisation where that is another."""
    subject = certificate.subject.native
    words = [subject.get("common_name"), subject.get("organization_name")]
    return "，".join(dict.fromkeys(str(w) for w in words if w)) or certificate.subject.human_friendly


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(_MAX_FILE + 1)
    except OSError as fault:
        raise UsageError(f"读不出证书文件 {printable(str(file))}：{fault.strerror}。") from None
    if len(content) > _MAX_FILE:
        raise UsageError(f"{printable(str(file))} 太大，不是证书文件。")
    return content


def _public(key: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization

    made: bytes = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return made


def _opened(contents: list[bytes], ask: Callable[[], str]) -> tuple[Any, list[Any]]:
    """Return the key and all certificates.

    Raises:
        ValueError: they cannot be read, or not with this password.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.serialization import pkcs12

    if len(contents) == 1 and b"-----BEGIN" not in contents[0]:
        key, own, others = pkcs12.load_key_and_certificates(contents[0], ask().encode())
        return key, [*([own] if own else []), *others]
    whole = b"\n".join(contents)
    certificates = x509.load_pem_x509_certificates(whole)
    start = whole.find(b"PRIVATE KEY-----")
    if start < 0:
        return None, certificates
    begin = whole.rfind(b"-----BEGIN", 0, start)
    end = whole.find(b"-----", whole.find(b"-----END", begin) + 8) + 5
    block = whole[begin:end]
    secret = b"ENCRYPTED" in block
    return serialization.load_pem_private_key(block, ask().encode() if secret else None), certificates


def sign(content: bytes, seal: Seal) -> bytes:
    """Return the print with the signature after it; what was printed stays as it is, byte for byte."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.fields import InvisSigSettings, MDPPerm, SigFieldSpec, SigSeedSubFilter
    from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner

    class Writer(IncrementalPdfFileWriter):  # type: ignore[misc]
        # PDF/A-3 is PDF 1.7, and its metadata, rewritten by the library, would no longer be what it asks for.
        def _update_meta(self) -> None:
            pass

        def ensure_output_version(self, version: object) -> None:
            pass

    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    writer = Writer(io.BytesIO(content))
    # Out of bounds: what lies on the page would have to be tagged, and what is hidden is no PDF/A.
    place = SigFieldSpec(FIELD, invis_sig_settings=InvisSigSettings(box_out_of_bounds=True))
    signature = PdfSignatureMetadata(
        FIELD,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        certify=True,
        # Others may sign after this one, and nothing else.
        docmdp_permissions=MDPPerm.FILL_FORMS,
    )
    out = PdfSigner(signature, seal.signer, new_field_spec=place).sign_pdf(writer)
    return bytes(out.getvalue())
