"""How the log is written."""

import copy
import logging
from http import HTTPStatus


class LineFormatter(logging.Formatter):
    """One line for a request that was refused: that is no error, and needs no traceback.

    Django hands the exception of each answer on to the log. Of a 403, a 404 or a body that is too
    long it says no more than the line does; of a 500 it says where to look, and stays.
    """

    def format(self, record: logging.LogRecord) -> str:
        if record.exc_info and _answer_of(record) < HTTPStatus.INTERNAL_SERVER_ERROR:
            record = copy.copy(record)
            record.exc_info = record.exc_text = None
        return super().format(record)


def _answer_of(record: logging.LogRecord) -> int:
    """The status that the request was answered with; 500 where the record is of no request."""
    return int(getattr(record, "status_code", HTTPStatus.INTERNAL_SERVER_ERROR))
