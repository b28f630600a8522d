"""Signed prints: the signature changes nothing of the print, and verify tells whose it is and what came after it."""

from __future__ import annotations

import io
from pathlib import Path

import certificates
import proof_city
import pypdf
import pytest
from pypdf.generic import ArrayObject, DictionaryObject, FloatObject, NameObject, TextStringObject

from lingtouyan.cli import main
from lingtouyan.pdf.signing import PASSWORD, load_seal

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]

SECRET = "geheim-密码-42"
HOLDER = "中共示例市委组织部"


@pytest.fixture(scope="module")
def issuers() -> tuple[certificates.Identity, certificates.Identity]:
    return certificates.make("示例市电子认证中心"), certificates.make("另一个认证中心")


@pytest.fixture(scope="module")
def sealed(city, issuers, tmp_path_factory) -> tuple[bytes, Path]:
    """A signed print, and the certificate of who vouches for its signer."""
    folder = tmp_path_factory.mktemp("seal")
    own = certificates.make(HOLDER, issuers[0])
    files = certificates.write(folder, own_p12=own.p12(SECRET, issuers[0]), issuer_pem=issuers[0].pem())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PASSWORD, SECRET)
        made = proof_city.prints(
            city[0], folder / "out", "card", "--key", "P1", "--sign", str(files["own_p12"])
        )
    return made["card/P1.pdf"], files["issuer_pem"]


def judged(root: Path, capsys, tmp_path: Path, content: bytes, *options: str) -> tuple[int, str]:
    file = tmp_path / "print.pdf"
    file.write_bytes(content)
    code = main(["--root", str(root), "verify", *options, str(file)])
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    return code, shown.out


def appended(content: bytes) -> bytes:
    """The file with a note added after its end."""
    writer = pypdf.PdfWriter(io.BytesIO(content), incremental=True)
    note = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Annot"),
            NameObject("/Subtype"): NameObject("/FreeText"),
            NameObject("/Rect"): ArrayObject(map(FloatObject, (50, 400, 200, 420))),
            NameObject("/Contents"): TextStringObject("免职"),
        }
    )
    page = writer.pages[0]
    page[NameObject("/Annots")] = ArrayObject([*page.get("/Annots", ()), writer._add_object(note)])
    out = io.BytesIO()
    writer.write(out)
    assert out.getvalue().startswith(content)
    return out.getvalue()


def test_a_signature_changes_nothing_of_the_print(city, sealed) -> None:
    content, _ = sealed
    original = city[1]["card/P1.pdf"]
    assert content.startswith(original)
    one, other = (pypdf.PdfReader(io.BytesIO(c)) for c in (original, content))
    assert one.metadata == other.metadata
    assert one.trailer["/Root"]["/Metadata"].get_data() == other.trailer["/Root"]["/Metadata"].get_data()
    # PDF/A-3 is PDF 1.7.
    assert "/Version" not in other.trailer["/Root"]
    (field,) = other.trailer["/Root"]["/AcroForm"]["/Fields"]
    assert field.get_object()["/V"]["/SubFilter"] == "/ETSI.CAdES.detached"


def test_a_signed_print_is_true_and_its_signer_is_named(city, sealed, tmp_path, capsys) -> None:
    content, issuer = sealed
    code, said = judged(city[0], capsys, tmp_path, content, "--trust", str(issuer))
    assert code == 0
    assert f"“{HOLDER}”的电子签章完好" in said
    assert "此后文件没有追加内容" in said
    code, said = judged(city[0], capsys, tmp_path, content)
    assert code == 0
    assert "由谁签发没有核对" in said


def test_what_came_after_a_signature_or_under_it_is_found_out(city, sealed, tmp_path, capsys) -> None:
    content, issuer = sealed
    code, said = judged(city[0], capsys, tmp_path, appended(content), "--trust", str(issuer))
    assert code == 1
    assert f"“{HOLDER}”的电子签章之后，文件又被追加了改动" in said
    touched = content[:12] + bytes([content[12] ^ 1]) + content[13:]
    code, said = judged(city[0], capsys, tmp_path, touched)
    assert code == 1
    assert f"“{HOLDER}”的电子签章已经失效" in said


def test_a_seal_that_can_be_seen_may_hide_something_and_is_left_to_eyes(
    city, issuers, tmp_path, capsys
) -> None:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.fields import SigFieldSpec
    from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner

    own = certificates.make(HOLDER, issuers[0])
    files = certificates.write(tmp_path, own_pem=own.pem() + own.key_pem(), issuer_pem=issuers[0].pem())
    signer = PdfSigner(
        PdfSignatureMetadata("Seal"),
        load_seal([files["own_pem"]], str).signer,
        new_field_spec=SigFieldSpec("Seal", box=(100, 100, 200, 200)),
    )
    made = signer.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(city[1]["card/P1.pdf"]))).getvalue()
    code, said = judged(city[0], capsys, tmp_path, made, "--trust", str(files["issuer_pem"]))
    assert code == 2
    assert f"“{HOLDER}”的电子签章完好" in said
    assert "第 1 页上有看得见的签章图形，被它遮住的内容请人工核对" in said


def test_a_signature_taken_away_is_missed(city, sealed, tmp_path, capsys) -> None:
    content, issuer = sealed
    code, said = judged(city[0], capsys, tmp_path, city[1]["card/P1.pdf"], "--trust", str(issuer))
    assert code == 2
    assert "没有电子签章" in said
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(content))
    field = writer.root_object["/AcroForm"]["/Fields"][0].get_object()
    del field["/V"]
    out = io.BytesIO()
    writer.write(out)
    code, said = judged(city[0], capsys, tmp_path, out.getvalue())
    assert code == 2
    assert "签章已被删去" in said


def test_a_signature_by_somebody_else_does_not_count(city, sealed, issuers, tmp_path, capsys) -> None:
    other = certificates.write(tmp_path, other_pem=issuers[1].pem())["other_pem"]
    code, said = judged(city[0], capsys, tmp_path, sealed[0], "--trust", str(other))
    assert code == 2
    assert "不是由 --trust 所指的机构签发" in said
    assert main(["--root", str(city[0]), "verify", "--trust", str(tmp_path / "print.pdf"), "x.pdf"]) == 2
    assert "不是证书文件" in capsys.readouterr().err


@pytest.mark.parametrize(
    "case", ["password", "garbage", "missing", "expired", "foreign", "keyless", "unlocked"]
)
def test_a_seal_that_cannot_be_used_is_refused_before_anything_is_printed(
    case, city, issuers, tmp_path, capsys, monkeypatch, caplog
) -> None:
    own = certificates.make(HOLDER, issuers[0])
    gone = certificates.make(HOLDER, issuers[0], days=-2)
    stranger = certificates.make("别人", issuers[0])
    files = certificates.write(
        tmp_path,
        own_p12=own.p12(SECRET, issuers[0]),
        garbage_p12=b"\0" * 99,
        expired_p12=gone.p12(SECRET, issuers[0]),
        own_pem=own.pem(),
        own_key=own.key_pem(SECRET),
        stranger_key=stranger.key_pem(),
    )
    chosen, words = {
        "password": (["own_p12"], "密码不对"),
        "garbage": (["garbage_p12"], "密码不对，或者不是"),
        "missing": (["own_p12"], "读不出证书文件"),
        "expired": (["expired_p12"], "证书的有效期是"),
        "foreign": (["own_pem", "stranger_key"], "没有相配的私钥"),
        "keyless": (["own_pem"], "没有相配的私钥"),
        "unlocked": (["own_pem", "own_key"], "密码"),
    }[case]
    if case == "missing":
        files["own_p12"].unlink()
    if case == "unlocked":
        monkeypatch.delenv(PASSWORD, raising=False)
    else:
        monkeypatch.setenv(PASSWORD, SECRET if case != "password" else f"{SECRET}x")
    out = tmp_path / "out"
    arguments = ["dossiers", "card", "--out", str(out), "--sign", *(str(files[c]) for c in chosen)]
    assert main(["--root", str(city[0]), *arguments]) == 2
    shown = capsys.readouterr()
    assert words in shown.err
    assert SECRET not in shown.out + shown.err + caplog.text
    assert not out.exists()


def test_a_key_and_its_certificate_may_lie_in_two_files(city, issuers, tmp_path, monkeypatch, capsys) -> None:
    own = certificates.make(HOLDER, issuers[0])
    files = certificates.write(
        tmp_path, own_pem=own.pem(), own_key=own.key_pem(SECRET), issuer_pem=issuers[0].pem()
    )
    monkeypatch.setenv(PASSWORD, SECRET)
    made = proof_city.prints(
        city[0], tmp_path / "out", "list", "--sign", str(files["own_key"]), str(files["own_pem"])
    )
    assert f"由 {HOLDER} 签章" in capsys.readouterr().out
    code, _ = judged(city[0], capsys, tmp_path, made["list.pdf"], "--trust", str(files["issuer_pem"]))
    assert code == 0
