#!/bin/sh
# SheetJS reads a day of a workbook as 43 seconds before its midnight, where clocks show Beijing time.
#
# Versions: xlsx (SheetJS) 0.18.5, Node.js 20.
# Behaviour: a cell holds 46752 with the format yyyy-mm-dd: 2027-12-31. With cellDates the value is
#   a Date 43 seconds before midnight in Shanghai, so the 30th in every form. In New York and Berlin
#   the same file gives the midnight itself; in Singapore 25 seconds before it, in Kolkata 10.
# Why: SheetJS counts from 1899-12-30 in local time. Shanghai's offset was 8:05:43 then, and
#   getTimezoneOffset() speaks in whole minutes: the seconds are lost. So the error is what the
#   zone's offset of 1899 has beyond whole minutes.
# Why a good guess is wrong: "a date cell becomes the midnight of that day, or at worst is off by
#   whole hours of a zone". A reader that rounds to hours, or takes .toISOString() apart, finds the
#   day before; a validity that was meant to include the 31st ends 43 seconds before it begins.
# Seen: "Asia/Shanghai 2027-12-30T15:59:17.000Z = Thu Dec 30 2027 23:59:17"
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund xlsx@0.18.5 >npm.log 2>&1
cat >make.js <<'JAVASCRIPT'
const XLSX = require("xlsx");
const sheet = { A1: { t: "n", v: 46752, z: "yyyy-mm-dd" }, "!ref": "A1" };
XLSX.writeFile({ SheetNames: ["Sheet"], Sheets: { Sheet: sheet } }, "day.xlsx");
JAVASCRIPT
cat >read.js <<'JAVASCRIPT'
const XLSX = require("xlsx");
const cell = XLSX.readFile("day.xlsx", { cellDates: true }).Sheets.Sheet.A1;
console.log(process.env.TZ, cell.v.toISOString(), "=", String(cell.v).slice(0, 24));
JAVASCRIPT
TZ=UTC node make.js
TZ=UTC node read.js | tee seen
TZ=Asia/Shanghai node read.js | tee -a seen
TZ=Asia/Singapore node read.js | tee -a seen
grep -q '^UTC 2027-12-31T00:00:00.000Z ' seen
grep -q '^Asia/Shanghai 2027-12-30T15:59:17.000Z = Thu Dec 30 2027 23:59:17' seen
grep -q '^Asia/Singapore 2027-12-30T15:59:35.000Z = Thu Dec 30 2027 23:59:35' seen
