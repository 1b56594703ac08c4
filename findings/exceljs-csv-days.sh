#!/bin/sh
# exceljs turns a day of a workbook into eight in the morning, in China, when it writes CSV.
#
# Versions: exceljs 4.4.0, Node.js 20.
# Behaviour: a cell holds 46752 with the format yyyy-mm-dd: 2027-12-31. exceljs reads it as the
#   midnight in UTC, and its CSV writer prints that moment in local time with its offset:
#   2027-12-31T08:00:00+08:00 in Shanghai, 2027-12-30T19:00:00-05:00 in New York.
# Why: the reader has no zone and takes UTC; the writer formats with dayjs, which is local. The
#   option that makes them agree, csv.writeFile(name, {dateUTC: true}), is off by default.
# Why a good guess is wrong: "a date cell comes out as a date, or as a midnight". The text has no
#   midnight in it, west of Greenwich not even the right day, and nothing tells it from a person's
#   eight o'clock with its offset.
# Seen: "Asia/Shanghai 2027-12-31T08:00:00+08:00", "America/New_York 2027-12-30T19:00:00-05:00"
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund exceljs@4.4.0 >npm.log 2>&1
cat >make.js <<'JAVASCRIPT'
const { Workbook } = require("exceljs");
const book = new Workbook();
const cell = book.addWorksheet("Sheet").getCell("A1");
cell.value = 46752;
cell.numFmt = "yyyy-mm-dd";
book.xlsx.writeFile("day.xlsx");
JAVASCRIPT
cat >read.js <<'JAVASCRIPT'
const { Workbook } = require("exceljs");
const book = new Workbook();
book.xlsx
  .readFile("day.xlsx")
  .then(() => Promise.all([book.csv.writeBuffer(), book.csv.writeBuffer({ dateUTC: true })]))
  .then(([local, utc]) => console.log(process.env.TZ, String(local), "dateUTC", String(utc)));
JAVASCRIPT
TZ=UTC node make.js
for zone in UTC Asia/Shanghai America/New_York; do
    TZ=$zone node read.js | tee -a seen
done
grep -q '^Asia/Shanghai 2027-12-31T08:00:00+08:00 dateUTC 2027-12-31T00:00:00Z' seen
grep -q '^America/New_York 2027-12-30T19:00:00-05:00 dateUTC 2027-12-31T00:00:00Z' seen
