"""The statement of an account (对账单): everything on it in the order of its days, with a balance.

`load_statement` reads it in a fixed number of queries, however long the history is;
`Statement.between` takes a span of days out of it. `paper` prints it, `workbook` makes it a table.
"""

from payments.statement.lines import Line, Part, Statement
from payments.statement.loading import load_statement

__all__ = ["Line", "Part", "Statement", "load_statement"]
