"""The rows of docs/devcloud-enforcement.md: what a test asserts is what the document says."""

import os
import re
import unittest

from botocore.exceptions import ClientError

DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/devcloud-enforcement.md")
ROW = re.compile(r"^\| ([A-Z]+-\d+) \| (.+) \| (.+) \| `(\w+)` \| (\d{3}) \|$")


def read_rows(prefix):
    """id → (exception, HTTP code) of the rows whose ids begin so."""
    rows = {}
    with open(DOCUMENT, encoding="utf-8") as stream:
        for line in stream:
            match = ROW.match(line.rstrip("\n"))
            if match and match[1].startswith(prefix + "-"):
                if match[1] in rows:
                    raise AssertionError(f"{match[1]} stands twice in the document")
                rows[match[1]] = (match[4], int(match[5]))
    return rows


class RowTest(unittest.TestCase):
    """A test that exercises rows. `prefix` and `rows` are set by the suite's base class."""

    rows = {}
    used = set()

    def note(self, row, code, status):
        """Row `row` was seen to be enforced: with this code and HTTP status."""
        self.assertIn(row, self.rows, "no such row in the document")
        self.assertEqual((code, status), self.rows[row], row)
        self.used.add(row)

    def refused(self, row, call, **arguments):
        """The call raises boto3's ClientError with the code and status of the row; gives the message."""
        with self.assertRaises(ClientError, msg=row) as caught:
            call(**arguments)
        response = caught.exception.response
        self.note(row, response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"])
        modelled = getattr(call.__self__.exceptions, response["Error"]["Code"], None)
        if modelled is not None:
            self.assertIsInstance(caught.exception, modelled, row)
        return response["Error"].get("Message", "")


def unused(rows, used):
    """Rows that no test exercised."""
    return sorted(set(rows) - used)
