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


@dataclass(frozen=True)
class Seal:
    """A key with its certificate, ready to sign: whom the certificate names, and what the signing library signs with."""

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
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
        from pyhanko.keys import internal
        from pyhanko.sign.signers import SimpleSigner
        from pyhanko_certvalidator.registry import SimpleCertificateStore
    except ImportError:
        raise UsageError(ADVICE) from None

    names = "、".join(printable(f.name) for f in files)
    try:
        whole = b"\n".join(file.read_bytes() for file in files)
        if b"-----BEGIN" not in whole:
            key, own, others = pkcs12.load_key_and_certificates(whole, ask().encode())
            certificates = [*([own] if own else []), *others]
        else:
            certificates = x509.load_pem_x509_certificates(whole)
            secret = ask().encode() if b"ENCRYPTED" in whole else None
            key = load_pem_private_key(whole, secret) if b"PRIVATE KEY-----" in whole else None
    except OSError as fault:
        raise UsageError(f"读不出证书文件 {printable(str(fault.filename))}：{fault.strerror}。") from None
    except (TypeError, ValueError):
        hint = "密码不对，或者不是 PKCS #12（.p12、.pfx）或 PEM 文件"
        raise UsageError(f"{names} 读不出证书和私钥：{hint}。") from None
    own = next((c for c in certificates if key and c.public_key() == key.public_key()), None)
    if key is None or own is None:
        raise UsageError(f"{names} 里没有相配的私钥和证书。")
    first, last = own.not_valid_before_utc, own.not_valid_after_utc
    if not first <= datetime.datetime.now(datetime.UTC) <= last:
        raise UsageError(f"证书的有效期是 {first:%Y-%m-%d} 至 {last:%Y-%m-%d}，现在不能用来签章。")
    standard = internal.translate_pyca_cryptography_cert_to_asn1
    store = SimpleCertificateStore()
    store.register_multiple(standard(c) for c in certificates if c != own)
    made = internal.translate_pyca_cryptography_key_to_asn1(key)
    signer = SimpleSigner(signing_cert=standard(own), signing_key=made, cert_registry=store)
    return Seal(holder_of(standard(own)), signer)


def holder_of(certificate: Any) -> str:
    """Return whom a certificate names: its common name, with the organisation where that is another."""
    subject = certificate.subject.native
    words = [subject.get("common_name"), subject.get("organization_name")]
    return "，".join(dict.fromkeys(str(w) for w in words if w)) or certificate.subject.human_friendly


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
    signature = PdfSignatureMetadata(
        FIELD,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        certify=True,
        # Others may sign after this one, and nothing else.
        docmdp_permissions=MDPPerm.FILL_FORMS,
    )
    # Out of bounds: what lies on the page would have to be tagged, and what is hidden is no PDF/A.
    place = SigFieldSpec(FIELD, invis_sig_settings=InvisSigSettings(box_out_of_bounds=True))
    signer = PdfSigner(signature, seal.signer, new_field_spec=place)
    return bytes(signer.sign_pdf(Writer(io.BytesIO(content))).getvalue())
