#!/usr/bin/env python3
"""devcloud's Vault against hvac, unmodified, beside the real OpenBao server: every row of
docs/devcloud-enforcement.md that begins with VAULT- is exercised.

Usage: vault_test.py --keyhold PROGRAM [unittest's arguments]
"""

import os
import sys
import unittest


def main():
    arguments = sys.argv[1:]
    if arguments[:1] != ["--keyhold"] or len(arguments) < 2:
        sys.exit(__doc__)
    os.environ["KEYHOLD"] = os.path.abspath(arguments[1])
    for name in [name for name in os.environ if name.startswith(("VAULT_", "BAO_"))]:
        del os.environ[name]
    # They would win over the CA that a client is given.
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        os.environ.pop(name, None)
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

    import rows

    names = arguments[2:]
    suite = unittest.defaultTestLoader.loadTestsFromNames(names or ["vault_keys_test", "vault_access_test", "vault_panel_test", "vault_admin_test"])
    result = unittest.TextTestRunner(verbosity=1).run(suite)
    left = rows.unused(rows.read_rows("VAULT"), rows.RowTest.used) if not names else []
    if left:
        print(f"rows of the document that no test exercised: {', '.join(left)}")
    print(f"{len(rows.RowTest.used)} rows exercised")
    sys.exit(0 if result.wasSuccessful() and not left and result.testsRun > 0 else 1)


if __name__ == "__main__":
    main()
