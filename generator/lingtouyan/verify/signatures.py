"""Signatures of a print: whose they are, whether they still hold, and what came after them.

They are read in the process that reads a stranger's file, and nothing is fetched: a certificate is judged by those that
the user trusts, at the time that the signature itself states.
"""

from __future__ import annotations

import datetime
import io
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lingtouyan.pdf.signing import ADVICE, holder_of
from lingtouyan.problems import UsageError, quoted

if TYPE_CHECKING:
    from pathlib import Path

    from lingtouyan.verify.verify import Verdict

_MOST = 20


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature.

    Attributes:
        fault: why nothing else is known of it, in the user's language.
        signer: whom its certificate names.
        time: when it says it was made, as text; empty when it does not.
        intact: what it covers is as it was signed.
        last: it covers the whole file.
        additions: after it came only what may come: further signatures.
        trusted: its certificate was issued by one that the user trusts, and was valid then.
    """

    fault: str = ""
    signer: str = ""
    time: str = ""
    intact: bool = False
    last: bool = False
    additions: bool = False
    trusted: bool = False


def read_trusted(files: Iterable[Path]) -> list[bytes]:
    """Read certificates of issuers, PEM or DER.

    Raises:
        UsageError: a file is no certificate, or the signing library is not installed.
    """
    made: list[bytes] = []
    for file in files:
        try:
            from cryptography import x509
            from cryptography.hazmat.primitives.serialization import Encoding

            data = file.read_bytes()
            found = (
                x509.load_pem_x509_certificates(data)
                if b"-----BEGIN" in data
                else [x509.load_der_x509_certificate(data)]
            )
        except ImportError:
            raise UsageError(ADVICE) from None
        except (OSError, ValueError):
            raise UsageError(f"{quoted(str(file))} 不是证书文件（PEM 或 DER）。") from None
        made.extend(c.public_bytes(Encoding.DER) for c in found)
    return made


def signatures_in(content: bytes, trust: Sequence[bytes]) -> tuple[Signature, ...]:
    """Return the signatures of a PDF that has some; call it only where a hostile file can do no harm."""
    try:
        from pyhanko.pdf_utils.reader import PdfFileReader
    except ImportError:
        return (Signature(fault=f"本机没有核验签章的软件，没有核验。{ADVICE}"),)
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)
    try:
        found = list(PdfFileReader(io.BytesIO(content), strict=False).embedded_signatures)[:_MOST]
    except Exception:  # a hostile file may break the reader anywhere
        return (Signature(fault="签章的数据已损坏，读不出来。"),)
    if not found:
        return (Signature(fault="有签章的位置，但签章已被删去。"),)
    return tuple(_read(one, trust) for one in found)


def _read(embedded: Any, trust: Sequence[bytes]) -> Signature:
    from asn1crypto import x509
    from pyhanko.sign.diff_analysis import ModificationLevel
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.settings import KeyUsageConstraints
    from pyhanko.sign.validation.status import SignatureCoverageLevel
    from pyhanko_certvalidator import ValidationContext

    try:
        moment = embedded.self_reported_timestamp
        if moment is not None and moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        context = ValidationContext(
            trust_roots=[x509.Certificate.load(c) for c in trust], moment=moment, allow_fetching=False
        )
        status = validate_pdf_signature(
            embedded, context, key_usage_settings=KeyUsageConstraints(key_usage=None)
        )
        return Signature(
            signer=holder_of(embedded.signer_cert),
            time=moment.strftime("%Y-%m-%d %H:%M %z") if moment else "",
            intact=bool(status.intact and status.valid),
            last=status.coverage == SignatureCoverageLevel.ENTIRE_FILE,
            additions=status.modification_level in (ModificationLevel.NONE, ModificationLevel.LTA_UPDATES)
            or (
                status.modification_level == ModificationLevel.FORM_FILLING and status.docmdp_ok is not False
            ),
            trusted=bool(status.trusted) and moment is not None,
        )
    except Exception:  # a hostile signature may break the validator anywhere
        return Signature(fault="签章的数据已损坏或不是常用的格式，无法核验。")


def judge_signatures(verdict: Verdict, signatures: Sequence[Signature], *, demanded: bool) -> None:
    """Say of each signature what it proves.

    Args:
        demanded: the user named whose signatures count, so that a file without one is not proved.
    """
    if demanded and not signatures:
        verdict.unproven("没有电子签章。")
    for one in signatures:
        name = f"{quoted(one.signer)}的电子签章"
        if one.fault:
            verdict.unproven(f"电子签章：{one.fault}")
            continue
        if not one.intact:
            verdict.differs(f"{name}已经失效：签章所覆盖的内容被改动过。")
            continue
        if not one.last and not one.additions:
            verdict.differs(f"{name}之后，文件又被追加了改动。")
            continue
        when = f"，签章时间 {one.time}（签署人电脑的时间）" if one.time else ""
        after = "此后文件没有追加内容" if one.last else "此后只追加过别的签章"
        verdict.holds(f"{name}完好{when}；{after}。")
        if demanded and not one.trusted:
            verdict.unproven(f"{name}的证书不是由 --trust 所指的机构签发，或签章时已不在有效期内。")
        elif not demanded:
            verdict.remark("签署人的证书由谁签发没有核对；用 --trust 指明可信的证书即可核对。")
