#!/usr/bin/env python3
"""devcloud's AWS against boto3, unmodified: every row of docs/devcloud-enforcement.md that begins
with AWS- is exercised, and no test names a row that is not there.

Usage: aws_test.py --keyhold PROGRAM [unittest's arguments]
"""

import os
import sys
import unittest


def main():
    arguments = sys.argv[1:]
    if arguments[:1] != ["--keyhold"] or len(arguments) < 2:
        sys.exit(__doc__)
    os.environ["KEYHOLD"] = os.path.abspath(arguments[1])
    # What the machine's own settings say of AWS must not reach the clients.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

    import rows

    names = arguments[2:]
    modules = ["aws_login_test", "aws_kms_test", "aws_panel_test"]
    loader = unittest.defaultTestLoader
    suite = loader.loadTestsFromNames(names or modules)
    result = unittest.TextTestRunner(verbosity=1, failfast=False).run(suite)
    left = rows.unused(rows.read_rows("AWS"), rows.RowTest.used) if not names else []
    if left:
        print(f"rows of the document that no test exercised: {', '.join(left)}")
    print(f"{len(rows.RowTest.used)} rows exercised")
    sys.exit(0 if result.wasSuccessful() and not left and result.testsRun > 0 else 1)


if __name__ == "__main__":
    main()
