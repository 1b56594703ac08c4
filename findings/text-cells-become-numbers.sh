#!/bin/sh
# A workbook says of a cell that it is text; pandas, and one engine of polars, read a number.
#
# Versions: pandas 3.1.1, polars 2.1.0 with fastexcel 0.21.0 (calamine), openpyxl 3.1.5 and
#   xlsx2csv 0.8.6, Python 3.11.
# Behaviour: a column of text cells, number format "@", whose cells all look like numbers comes
#   out of pandas.read_excel as integers or floats: 0012345678 as 12345678, 12E4 as 120000.0; and
#   TRUE as a truth value. polars.read_excel does the same with engine="xlsx2csv", and not with
#   its engines calamine (the default) and openpyxl. A single cell that looks like no number keeps
#   the whole column text.
# Why: pandas hands the strings it has read to the parser that infers types for CSV; the polars
#   engine xlsx2csv makes a CSV of the sheet first, and a CSV has no types.
# Why a good guess is wrong: "an xlsx keeps leading zeros, because its cells have types". They have,
#   and the two readers drop them. It shows with some columns only, and not with a sample in which
#   one code holds a letter. pandas needs dtype=str, which still makes NA, NULL and None missing
#   values unless keep_default_na=False; polars needs another engine or infer_schema_length=0.
# Seen: "pandas: 5 of 6 columns changed", with dtype=str 1 of 6, with keep_default_na=False as well
#   0; "polars xlsx2csv: 4 of 6 columns changed", with infer_schema_length=0 0 of 6; calamine and
#   openpyxl 0 of 6
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
    pandas==3.1.1 numpy==2.4.6 polars==2.1.0 fastexcel==0.21.0 openpyxl==3.1.5 xlsx2csv==0.8.6
cd "$folder"
"$folder/env/bin/python" - <<'PYTHON'
import openpyxl
import pandas
import polars

COLUMNS = {
    "zeros": ["0012345678", "0012345679"],
    "long": ["0123456789012345", "1234567890123456"],
    "scientific": ["12E4", "34E5"],
    "truth": ["TRUE", "FALSE"],
    "words": ["NULL", "7K3M9QX2"],
    "mixed": ["0012345678", "7K3M9QX2C4"],
}

book = openpyxl.Workbook()
for row in [list(COLUMNS), *zip(*COLUMNS.values())]:
    book.active.append(row)
    for cell in book.active[book.active.max_row]:
        cell.data_type, cell.number_format = "s", "@"
book.save("codes.xlsx")

# The cells are text, and an independent reader says so.
cells = openpyxl.load_workbook("codes.xlsx").active.iter_rows(min_row=2)
assert all(cell.data_type == "s" and cell.number_format == "@" for row in cells for cell in row)


def changed(table):
    def same(one, due):
        return isinstance(one, str) and one == due

    return {
        name
        for name, due in COLUMNS.items()
        if not all(map(same, list(table[name]), due))
    }


def by_pandas(**options):
    return changed(pandas.read_excel("codes.xlsx", **options))


def by_polars(engine, **options):
    return changed(polars.read_excel("codes.xlsx", engine=engine, **options))


seen = {
    "pandas": by_pandas(),
    "pandas dtype=str": by_pandas(dtype=str),
    "pandas dtype=str keep_default_na=False": by_pandas(dtype=str, keep_default_na=False),
    "polars xlsx2csv": by_polars("xlsx2csv"),
    "polars xlsx2csv infer_schema_length=0": by_polars("xlsx2csv", infer_schema_length=0),
    "polars calamine": by_polars("calamine"),
    "polars openpyxl": by_polars("openpyxl"),
}
for reader, names in seen.items():
    print(f"{reader}: {len(names)} of {len(COLUMNS)} columns changed", *sorted(names))
numbers = {"zeros", "long", "scientific", "truth"}
due = [numbers | {"words"}, {"words"}, set(), numbers, set(), set(), set()]
assert list(seen.values()) == due, "this has changed"
PYTHON
