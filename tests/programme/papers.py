"""Documents for tests, made on the spot: a .docx, a PDF with text, a PDF without, a spreadsheet."""

import io
from collections.abc import Sequence

from docx import Document
from openpyxl import Workbook

LETTER = (
    "Số: 15/UBND-KGVX\tHuế, ngày 10 tháng 3 năm 2026",
    "V/v triển khai nhiệm vụ đô thị thông minh (mẫu)",
    "",
    "Kính gửi: Các sở, ban, ngành; UBND các xã, phường",
    "",
    "Thời gian qua, Sở Xây dựng đã ban hành kế hoạch thoát nước. UBND thành phố yêu cầu:",
    "1. Giao Sở Xây dựng chủ trì, phối hợp với Sở Tài chính lập kế hoạch lắp đặt trạm đo, trình trước ngày 30/4/2026.",
    "2. UBND phường Thuận Hóa rà soát các điểm ngập, gửi danh sách về Sở Xây dựng trước ngày 15/4.",
    "Nơi nhận:",
    "- Như trên;",
)


def docx(lines: Sequence[str] = LETTER) -> bytes:
    """A .docx with a table for its head, as offices make them."""
    document = Document()
    table = document.add_table(rows=1, cols=2)
    table.cell(0, 0).text, _, table.cell(0, 1).text = lines[0].partition("\t")
    for line in lines[1:]:
        document.add_paragraph(line)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def pdf(lines: Sequence[str] = LETTER) -> bytes:
    """A PDF of one page whose text can be read: codes are the characters themselves, and ToUnicode says so."""
    shown = "".join(f"<{line.encode('utf-16-be').hex()}> Tj T*\n" for line in lines)
    stream = f"BT /F 12 Tf 14 TL 50 780 Td\n{shown}ET"
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /U def /CMapType 2 def\n"
        "1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
        "1 beginbfrange <0000> <FFFF> <0000> endbfrange\nendcmap end end"
    )
    return _pdf(
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        _stream(stream),
        "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H"
        " /DescendantFonts [6 0 R] /ToUnicode 7 0 R >>",
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /X /CIDSystemInfo"
        " << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>",
        _stream(cmap),
    )


def scanned() -> bytes:
    """A PDF of one empty page, as a scanner without text recognition makes it."""
    return _pdf(
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>",
        _stream("0 0 595 842 re f"),
    )


def _stream(text: str) -> str:
    return f"<< /Length {len(text.encode())} >>\nstream\n{text}\nendstream"


def _pdf(*objects: str) -> bytes:
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode()
    return out + f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF".encode()


HEADS = ("STT", "Nội dung nhiệm vụ", "Cơ quan chủ trì", "Cơ quan phối hợp", "Thời hạn hoàn thành", "Sản phẩm")


def xlsx(rows: Sequence[Sequence[object]], heads: Sequence[str] = HEADS) -> bytes:
    """A spreadsheet with a title over its head, as plans have them."""
    book = Workbook()
    sheet = book.active
    sheet.append(["KẾ HOẠCH (mẫu)"])
    sheet.append(list(heads))
    for row in rows:
        sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
