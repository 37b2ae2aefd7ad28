"""Table files in and out: CSV and .xlsx with the headers in row 1.

Reading never guesses, and a file with any bad cell is refused whole with all of them named, so
that the office corrects its spreadsheet once.
"""

from core.tables.columns import Column, choice, code, day, decimal, money, narrow, text
from core.tables.problems import BadCell, TableRefused, refuse_file
from core.tables.reading import Row, Source, decode, read_bytes, read_cells, read_table
from core.tables.writing import write_csv, write_table, write_xlsx

__all__ = [
    "BadCell",
    "Column",
    "Row",
    "Source",
    "TableRefused",
    "choice",
    "code",
    "day",
    "decimal",
    "decode",
    "money",
    "narrow",
    "read_bytes",
    "read_cells",
    "read_table",
    "refuse_file",
    "text",
    "write_csv",
    "write_table",
    "write_xlsx",
]
