#!/usr/bin/python3
"""Writes the small samples of internal/extract/pdf/testdata with reportlab, ghostscript and qpdf. Invented text throughout."""
import os, subprocess, sys
from reportlab.lib.pagesizes import A5
from reportlab.pdfgen import canvas

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
at = lambda name: os.path.join(out, name)

def run(*args, **kw):
    subprocess.run(args, check=True, **kw)

def form(path):
    c = canvas.Canvas(path, pagesize=A5, invariant=1)
    c.setTitle("Enrolment form"); c.setAuthor("Ann Lindqvist"); c.setSubject("Größe und Maß")
    c.setFont("Helvetica-Bold", 14); c.drawString(40, 540, "Enrolment")
    c.setFont("Helvetica", 10)
    # Values first, labels later: the order of the stream is not that of the page.
    rows = [("Name", "Ann Lindqvist"), ("Passport number", "AA0000000"), ("Date of birth", "3 February 1984"), ("Town", "Malmö")]
    for i, (_, v) in enumerate(rows): c.drawString(200, 500 - 20 * i, v)
    for i, (k, _) in enumerate(rows): c.drawString(40, 500 - 20 * i, k + ":")
    c.acroForm.textfield(name="account_number", tooltip="Account number", x=200, y=380, width=150, height=18, value="12345678")
    c.acroForm.checkbox(name="agreed", x=200, y=350, checked=True)
    c.saveState(); c.translate(20, 100); c.rotate(90); c.drawString(0, 0, "Turned by a quarter: reference 4711"); c.restoreState()
    c.drawString(40, 300, "Letters with (brackets), a back\\slash, and \u201cquotes\u201d.")
    c.showPage()
    c.setFont("Times-Roman", 11); c.drawString(40, 500, "The second page.")
    t = c.beginText(40, 460); t.setCharSpace(0.5); t.setWordSpace(3)
    for line in ("Text in lines that were", "spaced by the writer."): t.textLine(line)
    c.drawText(t); c.showPage(); c.save()

form(at("reportlab.pdf"))

env = dict(os.environ, SOURCE_DATE_EPOCH="1767225600", TZ="UTC")
ps = b"%!PS\n/Times-Roman findfont 12 scalefont setfont 72 700 moveto (Written in PostScript: office 42) show 72 680 moveto (second line) show showpage\n"
run("gs", "-q", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pdfwrite", "-sOutputFile=" + at("ghostscript.pdf"), "-", input=ps, env=env)

def table(path):
    """A table with a header row that goes on over a page, its cells left, centred and right; labels on the left; justified text below."""
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table
    from reportlab.lib.styles import ParagraphStyle
    names = ["Ann Lindqvist", "Bob Okafor", "Chloe Marchetti-Andersson", "Dan Wu", "Eve Kowalska"]
    rows = [["Employee", "SSN", "Date of birth", "Passport number"]]
    for i in range(24):
        rows.append([names[i % 5], "%03d-%02d-%04d" % (201 + i, 11 + i, 4001 + 7 * i), "19%02d-%02d-%02d" % (60 + i, 1 + i % 12, 1 + i), "%09d" % (412345678 + 1013 * i)])
    t = Table(rows, style=[("ALIGN", (1, 0), (1, -1), "CENTER"), ("ALIGN", (2, 0), (2, -1), "RIGHT"), ("FONTNAME", (0, 0), (-1, 0), "Helvetica-Bold")])
    labels = Table([["Branch", "Malmö"], ["Telephone", "+46 40 555 01 23"], ["Bank", "DE89370400440532013000"]])
    plain = Paragraph("The list of the branch is kept by its head, and the date of each entry is that of the day on which the name was given to the "
                      "office; the number of a passport is written down when the holder shows it, and is struck out after a year.",
                      ParagraphStyle("j", fontName="Times-Roman", fontSize=10, leading=12, alignment=4))
    SimpleDocTemplate(path, pagesize=A5, invariant=1, title="Staff").build([Paragraph("Staff of the branch"), Spacer(1, 6), t, labels, plain])

table(at("table.pdf"))

def letter(path):
    c = canvas.Canvas(path, pagesize=A5, invariant=1)
    c.setAuthor("Ann Lindqvist")
    for i in range(2):
        c.drawString(40, 500, "Page %d of a letter: account 12345678" % (i + 1)); c.showPage()
    c.save()

base = at("letter.pdf")
letter(base)
run("qpdf", "--deterministic-id", "--object-streams=generate", "--linearize", base, at("linearized.pdf"))
run("qpdf", "--static-id", "--allow-weak-crypto", "--encrypt", "", "owner", "40", "--", base, at("rc4-40.pdf"))
run("qpdf", "--static-id", "--allow-weak-crypto", "--encrypt", "", "owner", "128", "--use-aes=n", "--", base, at("rc4-128.pdf"))
run("qpdf", "--static-id", "--static-aes-iv", "--allow-weak-crypto", "--encrypt", "", "owner", "128", "--use-aes=y", "--", "--object-streams=generate", base, at("aes-128.pdf"))
run("qpdf", "--static-id", "--static-aes-iv", "--encrypt", "", "owner", "256", "--", base, at("aes-256.pdf"))
run("qpdf", "--static-id", "--static-aes-iv", "--encrypt", "secret", "owner", "256", "--", base, at("password.pdf"))
b = open(base, "rb").read()
open(at("no-table.pdf"), "wb").write(b[:b.rindex(b"xref\n0")])                  # the end is missing
open(at("bad-offsets.pdf"), "wb").write(b"\n" * 7 + b)
