#!/usr/bin/python3
"""Writes one table of invented people in every format that people keep tables in: with Python's standard library, sqlite3, LibreOffice 7.4,
7-Zip, xz and zip. TestTable wants the same of all of them."""
import csv, email.message, email.policy, html, json, os, random, shutil, sqlite3, subprocess, sys, tempfile

R = random.Random(20261121)
digits = lambda n: "".join(R.choice("0123456789") for _ in range(n))

def luhn(s):
    total = 0
    for i, c in enumerate(reversed(s)):
        d = int(c) * (2 if i % 2 == 0 else 1)
        total += d - 9 if d > 9 else d
    return str(-total % 10)

def with_check(head, prefix=""): return head + luhn(prefix + head)

def iban():
    b = "37040044" + digits(10)
    return "DE%02d%s" % (98 - int(b + "131400") % 97, b)

people = ("James Smith", "Mary Johnson", "Robert Williams", "Patricia Brown", "Michael Jones", "Jennifer Garcia", "William Miller", "Linda Davis", "David Martinez",
          "Elizabeth Lopez", "Barbara Wilson", "Richard Anderson", "Susan Thomas", "Joseph Taylor")
head = ["customer_id", "full_name", "credit_card_number", "ssn", "iban", "national_insurance_number", "phone_number", "date_of_birth", "passport_number", "npi", "remark"]
rows = [[str(1000 + i), name, with_check("4" + digits(14)), "%03d-%02d-%04d" % (R.randint(1, 660), R.randint(1, 99), R.randint(1000, 9999)), iban(),
         R.choice(("AB", "CE", "HJ", "LM", "PR")) + digits(6) + R.choice("ABCD"), "(%d) %d-%d" % (R.choice((212, 415, 617)), R.choice((234, 345, 567)), R.randint(1000, 9999)),
         "%d-%02d-%02d" % (R.randint(1940, 2004), R.randint(1, 12), R.randint(1, 28)), "".join(R.choice("123456789") for _ in range(9)),
         with_check("1" + digits(8), "80840"), R.choice(("late payer", "regular", "moved house"))] for i, name in enumerate(people)]
records = [dict(zip(head, r)) for r in rows]
esc = html.escape

def put(name, text):
    with open(name, "w", newline="") as f: f.write(text)

os.chdir(os.path.dirname(os.path.abspath(__file__)))
with open("table.csv", "w", newline="") as f: csv.writer(f).writerows([head] + rows)
put("table.tsv", "".join("\t".join(r) + "\n" for r in [head] + rows))
put("semicolons.csv", "".join(";".join(r) + "\r\n" for r in [head] + rows))
with open("utf16.csv", "w", newline="", encoding="utf-16") as f: csv.writer(f).writerows([head] + rows)
put("table.json", json.dumps(records, indent=1))
put("table.jsonl", "".join(json.dumps(r) + "\n" for r in records))
put("table.xml", "<?xml version=\"1.0\"?>\n<customers>\n" + "".join("<customer>" + "".join("<%s>%s</%s>" % (k, esc(v), k) for k, v in r.items()) + "</customer>\n" for r in records) + "</customers>\n")
put("attributes.xml", "<?xml version=\"1.0\"?>\n<customers>\n" + "".join("<customer " + " ".join('%s="%s"' % (k, esc(v)) for k, v in r.items()) + "/>\n" for r in records) + "</customers>\n")
page = "<!DOCTYPE html><html><body><table border=1><tr>" + "".join("<th>%s</th>" % h for h in head) + "</tr>\n" + "".join("<tr>" + "".join("<td>%s</td>" % esc(v) for v in r) + "</tr>\n" for r in rows) + "</table></body></html>\n"
put("table.html", page)
put("table.yaml", "customers:\n" + "".join("  - " + "\n    ".join('%s: "%s"' % p for p in r.items()) + "\n" for r in records))
put("table.ini", "".join("[customer %s]\n" % r["customer_id"] + "".join("%s = %s\n" % p for p in r.items()) + "\n" for r in records))
put("table.properties", "".join("".join("customers.%d.%s=%s\n" % (i, k, v) for k, v in r.items()) for i, r in enumerate(records)))
form = "".join("".join("%s: %s\n" % (k.replace("_", " ").capitalize(), v) for k, v in r.items()) + "\n" for r in records)
put("form.txt", form)
quote = lambda v: "'" + v.replace("'", "''") + "'"
put("mysql.sql", "-- MySQL dump 10.13\nCREATE TABLE `customers` (\n" + ",\n".join("  `%s` varchar(80) DEFAULT NULL" % h for h in head) + "\n) ENGINE=InnoDB;\nINSERT INTO `customers` VALUES " + ",".join("(" + ",".join(map(quote, r)) + ")" for r in rows) + ";\n")
put("postgres.sql", "--\n-- PostgreSQL database dump\n--\n\nCOPY public.customers (" + ", ".join(head) + ") FROM stdin;\n" + "".join("\t".join(r) + "\n" for r in rows) + "\\.\n")
if os.path.exists("table.sqlite"): os.remove("table.sqlite")
db = sqlite3.connect("table.sqlite")
db.execute("CREATE TABLE customers (" + ", ".join(h + " TEXT" for h in head) + ")")
db.executemany("INSERT INTO customers VALUES (" + ",".join("?" * len(head)) + ")", rows)
db.commit(); db.close()
m = email.message.EmailMessage(policy=email.policy.SMTP)
m["From"], m["To"], m["Subject"], m["Date"] = "office@example.com", "branch@example.com", "list", "Sat, 21 Nov 2026 10:00:00 +0000"
m.set_content(form)
put("form.eml", m.as_string())

with tempfile.TemporaryDirectory() as tmp:
    def office(source, to, name, *more):
        subprocess.run(["soffice", "--headless", *more, "--convert-to", to, "--outdir", tmp, source], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.copy(os.path.join(tmp, os.path.splitext(os.path.basename(source))[0] + "." + to.split(":")[0]), name)
    texts = "--infilter=CSV:44,34,76,1," + "/".join("%d/2" % (i + 1) for i in range(len(head)))  # all columns as text
    for to in ("xlsx", "ods", "xls:MS Excel 97"): office("table.csv", to, "table." + to.split(":")[0], texts)
    office("table.html", "docx:MS Word 2007 XML", "table.docx", "--infilter=writer_web_HTML")
    for to in ("odt", "doc:MS Word 97", "rtf"): office("table.docx", to, "table." + to.split(":")[0])
    for to in ("docx", "odt", "doc", "rtf", "pdf:writer_pdf_Export"): office("form.txt", to, "form." + to.split(":")[0])
    # In a PDF a page takes fewer columns.
    some = [1, 3, 7, 8]
    narrow = os.path.join(tmp, "narrow.html")
    put(narrow, "<html><body><p>List</p><table border=1 cellpadding=4>" + "".join("<tr>" + "".join("<td>%s</td>" % esc(r[i].replace("_", " ")) for i in some) + "</tr>" for r in [head] + rows) + "</table></body></html>")
    office(narrow, "docx:MS Word 2007 XML", "narrow.docx", "--infilter=writer_web_HTML")
    office("narrow.docx", "pdf:writer_pdf_Export", "narrow.pdf")
for name, command in (("table.7z", "7z a -bso0 -mx=9 table.7z table.csv"), ("table.zip", "zip -qX9 table.zip table.csv table.jsonl"), ("table.tar.xz", "tar cJf table.tar.xz table.csv"), ("table.csv.gz", "gzip -kn9f table.csv")):
    if os.path.exists(name): os.remove(name)
    subprocess.run(command.split(), check=True)
