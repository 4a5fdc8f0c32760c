#!/usr/bin/env python3
"""devcloud's Google Cloud against google-cloud-kms and google-auth, unmodified: every row of
docs/devcloud-enforcement.md that begins with GCP- is exercised, and no test names a row that is not
there.

Usage: gcp_test.py --keyhold PROGRAM [unittest's arguments]
"""

import os
import sys
import unittest


def main():
    arguments = sys.argv[1:]
    if arguments[:1] != ["--keyhold"] or len(arguments) < 2:
        sys.exit(__doc__)
    os.environ["KEYHOLD"] = os.path.abspath(arguments[1])
    # What the machine's own settings say of Google must not reach the clients.
    for name in [name for name in os.environ if name.startswith(("GOOGLE_", "GCE_", "CLOUDSDK_"))]:
        del os.environ[name]
    os.environ["NO_PROXY"] = "*"
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

    import gcp_world
    import rows

    names = arguments[2:]
    modules = ["gcp_login_test", "gcp_kms_test", "gcp_panel_test"]
    suite = unittest.defaultTestLoader.loadTestsFromNames(names or modules)
    result = unittest.TextTestRunner(verbosity=1, failfast=False).run(suite)
    left = rows.unused(gcp_world.read_gcp_rows(), gcp_world.GcpTest.used) if not names else []
    if left:
        print(f"rows of the document that no test exercised: {', '.join(left)}")
    print(f"{len(gcp_world.GcpTest.used)} rows exercised")
    sys.exit(0 if result.wasSuccessful() and not left and result.testsRun > 0 else 1)


if __name__ == "__main__":
    main()
