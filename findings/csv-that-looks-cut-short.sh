#!/bin/sh
# Whole CSV files of SheetJS and exceljs look like files that were cut short.
#
# Versions: xlsx (SheetJS) 0.18.5, exceljs 4.4.0, Node.js 20 or later.
# Behaviour: a sheet of three columns, whose last row has an empty last cell.
#   SheetJS ends the text without a line end, and writes the number 1990 with the format #,##0
#   as "1,990" in quotation marks. exceljs ends it without a line end too, and leaves out the
#   cells that are null at a row's end: the row has fewer cells than the header.
# Why: sheet_to_csv writes what a cell shows, and puts line ends between rows. exceljs hands the
#   values of each row to fast-csv as far as the row reaches.
# Why a good guess is wrong: "every record has as many fields as the header, and ends with a
#   line end" (RFC 4180, 2.1 and 2.4, which lets only the last line end be left out). Whoever
#   takes a short last row without a line end for a broken copy refuses whole files; whoever
#   reads "1,990" as a list finds two numbers.
# Seen: as asserted below.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null 2>&1
npm install --silent --no-audit --no-fund xlsx@0.18.5 exceljs@4.4.0
cat > show.js <<'JAVASCRIPT'
const assert = require("assert");
const SheetJS = require("xlsx");
const ExcelJS = require("exceljs");

const sheet = SheetJS.utils.aoa_to_sheet([["unit", "printed", "spoiled"], ["U1", null, ""]]);
sheet.B2 = { t: "n", v: 1990, z: "#,##0" };
const one = SheetJS.utils.sheet_to_csv(sheet);

const book = new ExcelJS.Workbook();
const rows = book.addWorksheet("receipt");
rows.addRow(["unit", "printed", "spoiled"]);
rows.addRow(["U1", 1990, null]);
book.csv.writeBuffer().then((data) => {
  const other = data.toString();
  console.log("SheetJS:", JSON.stringify(one));
  console.log("exceljs:", JSON.stringify(other));
  assert.strictEqual(one, 'unit,printed,spoiled\nU1,"1,990",', "this has changed");
  assert.strictEqual(other, "unit,printed,spoiled\nU1,1990", "this has changed");
});
JAVASCRIPT
node show.js
