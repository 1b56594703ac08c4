#!/bin/sh
# The CSV of exceljs, SheetJS and Papa Parse ends without a line end; exceljs leaves cells out too.
#
# Versions: exceljs 4.4.0 (fast-csv 4.3.6), xlsx 0.18.5 (SheetJS), papaparse 5.7.1, Node.js 20.20.
# Behaviour: a sheet with four columns and two rows, the last row with two empty cells at its end,
#   is written as CSV by each. None writes a line end after the last row. exceljs leaves the empty
#   cells out as well: its last row has two cells below a header of four.
# Why: RFC 4180 (2.2) lets the last line end away. exceljs hands each row to fast-csv as an array
#   that ends with the last cell that has a value, and fast-csv writes as many cells as it gets;
#   it writes row delimiters between rows alone (includeEndRowDelimiter is false).
# Why a good guess is wrong: "a last line with fewer cells than the header and without a line end
#   was cut short". It is how exceljs ends a whole file. And "every line holds the same number of
#   fields" (RFC 4180, 2.4: should) fails for rows in the middle of the file too, with line ends.
#   A reader that must not take half a file has to ask for a line end; no count of cells tells.
# Seen: "exceljs: ends with 'activate,B', 2 cells of 4" and
#   "sheetjs, papaparse: end with 'activate,B,,', 4 cells of 4"; no line end in any.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund exceljs@4.4.0 xlsx@0.18.5 papaparse@5.7.1 >/dev/null
node - <<'JAVASCRIPT'
const assert = require("assert");
const ExcelJS = require("exceljs");
const Papa = require("papaparse");
const XLSX = require("xlsx");

const header = ["action", "batch", "count", "expires_at"];
const rows = [["freeze", "A", 5, "2027-12-31"], ["activate", "B", null, null]];

async function main() {
  const book = new ExcelJS.Workbook();
  const sheet = book.addWorksheet("orders");
  sheet.addRows([header, ...rows]);
  const written = {
    exceljs: (await book.csv.writeBuffer()).toString(),
    sheetjs: XLSX.utils.sheet_to_csv(XLSX.utils.aoa_to_sheet([header, ...rows])),
    papaparse: Papa.unparse([header, ...rows]),
  };
  const seen = Object.entries(written).map(([name, text]) => {
    const last = text.split(/\r?\n/).pop();
    const end = /[\r\n]$/.test(text) ? "a" : "no";
    return `${name}: ${end} line end, last line '${last}': ${last.split(",").length} cells of 4`;
  });
  console.log(seen.join("\n"));
  assert.deepStrictEqual(seen, [
    "exceljs: no line end, last line 'activate,B': 2 cells of 4",
    "sheetjs: no line end, last line 'activate,B,,': 4 cells of 4",
    "papaparse: no line end, last line 'activate,B,,': 4 cells of 4",
  ], "this has changed");
}
main().catch((error) => { console.error(error.message); process.exit(1); });
JAVASCRIPT
