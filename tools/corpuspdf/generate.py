#!/usr/bin/python3
"""Writes PDF documents with the writers that are installed, from invented text: generate.py FOLDER. What is not installed is passed over."""
import os, shutil, subprocess, sys, tempfile

out = os.path.abspath(sys.argv[1])
os.makedirs(out, exist_ok=True)
env = dict(os.environ, SOURCE_DATE_EPOCH="1767225600", TZ="UTC", HOME=tempfile.mkdtemp())
at = lambda name: os.path.join(out, name)

def run(*args, **kw):
    try:
        subprocess.run(args, check=True, env=env, stdout=kw.pop("stdout", subprocess.DEVNULL), stderr=subprocess.DEVNULL, timeout=120, **kw)
        return True
    except (OSError, subprocess.SubprocessError) as e:
        print("passed over:", args[0], type(e).__name__)
        return False

people = [("Ann Lindqvist", "Uppsala", "AA0000000", "1984-02-03"), ("Bob O'Hara", "Cork", "AB0000001", "1990-12-01"),
          ("Zoë Müller", "Köln", "AC0000002", "1971-07-09"), ("François Élie", "Orléans", "AD0000003", "2001-11-30")]
prose = {
    "en": "The office is difficult to find, but the staff offered coffee and a fine waffle. Please bring your passport and a recent bill.",
    "de": "Größere Überweisungen prüft die Geschäftsstelle. Schöne Grüße aus der Äußeren Straße an alle, die häufig fragen.",
    "fr": "Où êtes-vous né ? Le numéro d’assuré figure sur la carte ; l’œuvre complète coûte 12 € à l’épicerie.",
    "pl": "Zażółć gęślą jaźń. Numer dowodu osobistego znajduje się na odwrocie karty wydanej przez urząd.",
    "ru": "Паспорт выдан отделом внутренних дел города Москвы. Номер счёта указан в договоре.",
    "el": "Ο αριθμός ταυτότητας γράφεται στην πρώτη σελίδα του εντύπου.",
    "he": "מספר הזהות כתוב בעמוד הראשון של הטופס.",
    "ja": "氏名と生年月日を記入してください。旅券番号は一頁目にあります。",
}
table = "".join(f"<tr><td>{n}</td><td>{t}</td><td>{p}</td><td>{b}</td></tr>" for n, t, p, b in people * 6)
html = ("<!DOCTYPE html><meta charset=utf-8><title>Register of members</title><h1>Register</h1>"
        + "".join(f"<p lang={k}>{v}</p>" for k, v in prose.items())
        + f"<table border=1><tr><th>Name<th>Town<th>Passport number<th>Date of birth</tr>{table}</table>"
        + "<div style='columns:2'>" + "".join(f"<p>{prose['en']} ({i})</p>" for i in range(12)) + "</div>")
tmp = tempfile.mkdtemp()
src = os.path.join(tmp, "register.html")
open(src, "w").write(html)
csv = os.path.join(tmp, "table.csv")
open(csv, "w").write("Name,Town,Passport number,Date of birth\n" + "".join(",".join(r) + "\n" for r in people * 10))
txt = os.path.join(tmp, "letter.txt")
open(txt, "w").write("\n\n".join(prose.values()) + "\n")

# LibreOffice: text, table, presentation, and its forms of PDF.
for source, app in ((src, "writer_web"), (txt, "writer"), (csv, "calc")):
    if run("soffice", "--headless", "--convert-to", f"pdf:{app}_pdf_Export", "--outdir", tmp, source):
        shutil.move(os.path.splitext(source)[0] + ".pdf", at(f"libreoffice-{app}.pdf"))
if run("soffice", "--headless", "--convert-to", 'pdf:writer_pdf_Export:{"SelectPdfVersion":{"type":"long","value":"1"}}', "--outdir", tmp, txt):
    shutil.move(os.path.join(tmp, "letter.pdf"), at("libreoffice-pdfa.pdf"))
run("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--print-to-pdf=" + at("chromium.pdf"), src)
run("wkhtmltopdf", "-q", src, at("wkhtmltopdf.pdf"))

ascii = prose["en"] + " " + "".join(f"Name: {n.split()[0]} Passport number: {p}. " for n, _, p, _ in people)
roff = f".TH REGISTER 7\n.SH NAME\nregister \\- members\n.PP\n{ascii}\n.PP\n.B Bold\nand\n.I slanted\nwords.\n".encode()
for device in ("pdf", "ps"):
    with open(at(f"groff-{device}.pdf") if device == "pdf" else os.path.join(tmp, "groff.ps"), "wb") as f:
        run("groff", "-T" + device, "-man", input=roff, stdout=f)
run("ps2pdf", os.path.join(tmp, "groff.ps"), at("groff-ps2pdf.pdf"))
with open(at("pdfroff.pdf"), "wb") as f:
    run("pdfroff", "-ms", "--no-toc", input=(".LP\n" + ascii + "\n").encode(), stdout=f)

ps = "%!PS\n" + "".join(f"/{font} findfont 11 scalefont setfont 60 {700 - 40 * i} moveto ({prose['en'][:70]}) show\n"
                        for i, font in enumerate(("Times-Roman", "Helvetica-Bold", "Courier", "Palatino-Italic", "Bookman-Light"))) + "showpage\n"
for name, options in {"plain": [], "14": ["-dCompatibilityLevel=1.4"], "12": ["-dCompatibilityLevel=1.2"], "ascii85": ["-dASCII85EncodePages=true"],
                      "whole-fonts": ["-dSubsetFonts=false"], "no-fonts": ["-dEmbedAllFonts=false"], "pages-plain": ["-dCompressPages=false"]}.items():
    run("gs", "-q", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pdfwrite", *options, "-sOutputFile=" + at(f"ghostscript-{name}.pdf"), "-", input=ps.encode())

try:
    import cairo
    for family in ("DejaVu Sans", "DejaVu Serif", "Liberation Mono"):
        s = cairo.PDFSurface(at(f"cairo-{family.replace(' ', '').lower()}.pdf"), 600, 400)
        s.set_metadata(cairo.PDF_METADATA_CREATE_DATE, "2026-01-01T00:00:00Z")
        c = cairo.Context(s); c.select_font_face(family); c.set_font_size(9)
        for i, line in enumerate([prose[k] for k in ("en", "de", "fr", "pl", "ru", "el")]):
            c.move_to(20, 40 + 20 * i); c.show_text(line[:95])
        c.save(); c.translate(500, 350); c.rotate(-1.5707963); c.move_to(0, 0); c.show_text("turned by a quarter"); c.restore()
        c.show_page(); s.finish()
except ImportError:
    print("passed over: cairo")

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen import canvas
from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate, Paragraph, Table

style = getSampleStyleSheet()["BodyText"]
doc = BaseDocTemplate(at("reportlab-columns.pdf"), pagesize=A4, invariant=1)
doc.addPageTemplates(PageTemplate(frames=[Frame(40, 60, 240, 700), Frame(310, 60, 240, 700)]))
doc.build([Paragraph(f"{ascii} Paragraph {i}.", style) for i in range(16)] + [Table([list(r) for r in people], colWidths=58, style=[("FONTSIZE", (0, 0), (-1, -1), 7)])])
for n, (compress, tail) in enumerate(((1, ""), (0, "-plain"))):
    c = canvas.Canvas(at(f"reportlab-base14{tail}.pdf"), pageCompression=compress, invariant=1)
    for i, font in enumerate(pdfmetrics.standardFonts[:12]):
        c.setFont(font, 9); c.drawString(40, 780 - 30 * i, f"{font}: {prose['fr'][:80]}"); c.drawRightString(550, 765 - 30 * i, f"{i * 1111}.50")
    c.save()
for encoding, fonts, text in (("ja", "HeiseiMin-W3", "氏名と生年月日を記入 passport AA0000000"), ("zh", "STSong-Light", "姓名和出生日期 passport AA0000000"),
                              ("ko", "HYSMyeongJo-Medium", "이름과 생년월일 passport AA0000000")):
    pdfmetrics.registerFont(UnicodeCIDFont(fonts))
    c = canvas.Canvas(at(f"reportlab-cid-{encoding}.pdf"), invariant=1); c.setFont(fonts, 12); c.drawString(40, 700, text); c.save()
dejavu = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
if os.path.exists(dejavu):
    pdfmetrics.registerFont(TTFont("DejaVu", dejavu))
    c = canvas.Canvas(at("reportlab-truetype.pdf"), invariant=1); c.setFont("DejaVu", 9)
    for i, t in enumerate(prose.values()): c.drawString(40, 780 - 20 * i, t)
    c.save()
c = canvas.Canvas(at("reportlab-form.pdf"), invariant=1)
for i, (label, value) in enumerate((("Name", people[0][0]), ("Passport number", people[0][2]), ("Date of birth", people[0][3]))):
    c.drawString(60, 700 - 40 * i, label + ":"); c.acroForm.textfield(name=label.lower().replace(" ", "_"), x=200, y=692 - 40 * i, width=200, height=20, value=value)
c.acroForm.choice(name="town", x=200, y=560, width=150, height=20, value="Cork", options=["Uppsala", "Cork", "Köln"])
c.save()
c = canvas.Canvas(at("reportlab-spacing.pdf"), invariant=1)
for i, (cs, ws, hs) in enumerate(((0, 0, 100), (1, 0, 100), (0, 5, 100), (0, 0, 70), (0, 0, 140), (-0.3, 1, 90))):
    t = c.beginText(60, 700 - 40 * i); t.setCharSpace(cs); t.setWordSpace(ws); t.setHorizScale(hs); t.textLine(prose["en"][:80]); c.drawText(t)
for angle in (90, 180, 270, 45, 12):
    c.saveState(); c.translate(300, 300); c.rotate(angle); c.drawString(20, 0, f"turned by {angle} degrees"); c.restoreState()
c.save()

base = at("reportlab-columns.pdf")
for name, options in {
    "objects": ["--object-streams=generate"], "linear": ["--linearize"], "plain": ["--stream-data=uncompress", "--object-streams=disable"], "qdf": ["--qdf"],
    "empty-rc4": ["--allow-weak-crypto", "--encrypt", "", "o", "40", "--"], "empty-rc4-128": ["--allow-weak-crypto", "--encrypt", "", "o", "128", "--use-aes=n", "--"],
    "empty-aes": ["--allow-weak-crypto", "--encrypt", "", "o", "128", "--use-aes=y", "--"], "empty-aes-256": ["--encrypt", "", "o", "256", "--"],
    "empty-aes-256-objects": ["--object-streams=generate", "--encrypt", "", "o", "256", "--"],
    "cleartext-metadata": ["--allow-weak-crypto", "--encrypt", "", "o", "128", "--use-aes=y", "--cleartext-metadata", "--"],
}.items():
    run("qpdf", "--static-id", *options, base, at(f"qpdf-{name}.pdf"))

# Filters that few writers use, written here.
import base64, re, zlib

def lzw(data):
    bits, n, table, width, code = 0, 0, {bytes([i]): i for i in range(256)}, 9, b""
    res = bytearray()
    def put(v):
        nonlocal bits, n
        bits, n = bits << width | v, n + width
        while n >= 8:
            res.append(bits >> (n - 8) & 255); n -= 8
        bits &= (1 << n) - 1
    put(256)
    for b in data:
        nxt = code + bytes([b])
        if nxt in table: code = nxt; continue
        put(table[code]); table[nxt] = len(table) + 2
        if len(table) + 2 + 1 > 1 << width: width += 1
        if len(table) + 2 >= 4095:
            put(256); table = {bytes([i]): i for i in range(256)}; width = 9
        code = bytes([b])
    put(table[code]); put(257)
    if n: res.append(bits << (8 - n) & 255)
    return bytes(res)

def runs(data):
    res = bytearray()
    for i in range(0, len(data), 128):
        part = data[i:i + 128]; res += bytes([len(part) - 1]) + part
    return bytes(res) + b"\x80"

content = b"BT /F 10 Tf 12 TL 40 780 Td " + b"".join(b"(" + f"{i}: {ascii[:90]}".encode() + b") Tj T* " for i in range(50)) + b"ET"
def document(path, filters, data):
    objs = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 840]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
            b"<</Filter[%s]/Length %d>>stream\n" % (filters, len(data)) + data + b"\nendstream", b"<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>"]
    body, offsets = b"%PDF-1.4\n", []
    for i, o in enumerate(objs):
        offsets.append(len(body)); body += b"%d 0 obj\n" % (i + 1) + o + b"\nendobj\n"
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objs) + 1) + b"".join(b"%010d 00000 n \n" % o for o in offsets)
    open(at(path), "wb").write(body + table + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objs) + 1, len(body)))
document("filter-lzw.pdf", b"/LZWDecode", lzw(content))
document("filter-ascii85-lzw.pdf", b"/ASCII85Decode/LZWDecode", base64.a85encode(lzw(content)) + b"~>")
document("filter-hex.pdf", b"/ASCIIHexDecode", content.hex().encode() + b">")
document("filter-runlength.pdf", b"/RunLengthDecode", runs(content))
document("filter-a85-flate.pdf", b"/A85/Fl", base64.a85encode(zlib.compress(content)) + b"~>")
