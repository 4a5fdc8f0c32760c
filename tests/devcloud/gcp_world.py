"""Projects, accounts, grants and keys that the tests of Google Cloud share, and its official clients pointed at them."""

import datetime
import json
import os
import re

import google.auth.transport.requests
import requests
from google.api_core import exceptions
from google.auth.exceptions import OAuthError, RefreshError
from google.auth import impersonated_credentials
from google.cloud import kms
from google.oauth2 import credentials as user_credentials
from google.oauth2 import service_account

from cloud import Cloud
from rows import DOCUMENT, RowTest

PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
KMS = "https://www.googleapis.com/auth/cloudkms"
RING = "projects/customer/locations/global/keyRings/keyhold"
CUSTOMER = "keyhold@customer.iam.gserviceaccount.com"
ADMIN = "admin@customer.iam.gserviceaccount.com"
CLUSTER = "cluster-1@operator.iam.gserviceaccount.com"
USE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
CREATOR = "roles/iam.serviceAccountTokenCreator"
ROW = re.compile(r"^\| (GCP-\d+) \| (.+) \| (.+) \| `(\w+)` \| (\d{3}) \| `(\w+)` \|$")


def read_gcp_rows():
    """id → (exception, HTTP code, status of Google's)."""
    rows = {}
    with open(DOCUMENT, encoding="utf-8") as stream:
        for line in stream:
            match = ROW.match(line.rstrip("\n"))
            if match:
                if match[1] in rows:
                    raise AssertionError(f"{match[1]} stands twice in the document")
                rows[match[1]] = (match[4], int(match[5]), match[6])
    return rows


class Recorder(google.auth.transport.requests.Request):
    """google-auth's own transport, which remembers the HTTP status of the last answer: a RefreshError has none."""

    status = 0

    def __call__(self, *arguments, **named):
        answer = super().__call__(*arguments, **named)
        self.status = answer.status
        return answer


class World:
    def __init__(self):
        self.cloud = Cloud()
        # How the official clients are told of a CA: nothing else of them is changed.
        os.environ["REQUESTS_CA_BUNDLE"] = self.cloud.ca
        self.names = 0
        self.account(ADMIN)
        self.files = {CUSTOMER: self.account(CUSTOMER), CLUSTER: self.account(CLUSTER)}
        self.gcp("ring", name=RING)
        self.grant(RING, "roles/cloudkms.admin", ADMIN)
        self.grant(f"serviceAccounts/{CUSTOMER}", CREATOR, CLUSTER)
        self.admin = self.client(self.token(ADMIN))

    def close(self):
        self.cloud.close()

    def gcp(self, command, **arguments):
        return self.cloud.ask("POST", f"gcp/{command}", arguments)

    def account(self, email):
        return self.gcp("account", email=email)

    def fresh(self, kind):
        self.names += 1
        return f"{kind}-{self.names}"

    def fresh_account(self, project="customer"):
        email = f"{self.fresh('account')}@{project}.iam.gserviceaccount.com"
        return email, self.account(email)

    def grant(self, resource, role, email):
        self.gcp("grant", resource=resource, role=role, member=f"serviceAccount:{email}")

    def revoke(self, resource, role, email):
        self.gcp("revoke", resource=resource, role=role, member=f"serviceAccount:{email}")

    def token(self, email, **more):
        return self.bearer(self.gcp("token", email=email, **more)["access_token"])

    def bearer(self, token):
        """Credentials that are this token, asked again after a 401 too."""
        ends = datetime.datetime.utcnow() + datetime.timedelta(hours=1)
        return user_credentials.Credentials(token, expiry=ends, refresh_handler=lambda request, scopes: (token, ends))

    def client(self, credentials):
        host = self.cloud.https.removeprefix("https://")
        return kms.KeyManagementServiceClient(
            credentials=credentials, transport="rest", client_options={"api_endpoint": host}
        )

    def login(self, file=None, scopes=(PLATFORM,)):
        """A service account's credentials, of its file."""
        return service_account.Credentials.from_service_account_info(file or self.files[CLUSTER], scopes=scopes)

    def impersonate(self, target=CUSTOMER, source=None, delegates=None, scopes=(PLATFORM,), lifetime=3600):
        return impersonated_credentials.Credentials(
            source_credentials=source or self.login(),
            target_principal=target,
            target_scopes=list(scopes),
            delegates=delegates or [],
            lifetime=lifetime,
            iam_endpoint_override=f"{self.cloud.https}/v1/projects/-/serviceAccounts/{target}:generateAccessToken",
        )

    def key(self, *roles, email=CUSTOMER, **more):
        """A new key, on which the account has the roles."""
        key = self.admin.create_crypto_key(
            parent=RING, crypto_key_id=self.fresh("key"), crypto_key={"purpose": "ENCRYPT_DECRYPT", **more}
        ).name
        for role in roles:
            self.grant(key, role, email)
        return key

    def user(self):
        """Who encrypts and decrypts: the customer's account, by impersonation."""
        return self.client(self.impersonate())


class GcpTest(RowTest):
    world = None
    rows = {}
    used = set()

    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.cloud = cls.world.cloud
        GcpTest.rows = read_gcp_rows()

    @classmethod
    def tearDownClass(cls):
        cls.world.close()

    def tearDown(self):
        self.cloud.clear_faults()
        self.cloud.move_clock(0)
        self.cloud.set_propagation(0)

    def note3(self, row, name, code, status):
        self.assertIn(row, self.rows, "no such row in the document")
        self.assertEqual((name, code, status), self.rows[row], row)
        GcpTest.used.add(row)

    def refused(self, row, call, **arguments):
        """The call raises the row's exception of google.api_core, with its code and Google's status; gives the message."""
        with self.assertRaises(exceptions.GoogleAPICallError, msg=row) as caught:
            call(retry=None, timeout=20, **arguments)
        error = caught.exception
        told = error.response.json()["error"]
        self.assertEqual(told["code"], error.code)
        self.note3(row, type(error).__name__, int(error.code), told["status"])
        return told["message"]

    def no_login(self, row, credentials):
        """A refresh raises google.auth's RefreshError (or OAuthError); gives what it says."""
        request = Recorder()
        with self.assertRaises((RefreshError, OAuthError), msg=row) as caught:
            credentials.refresh(request)
        error = caught.exception
        said = " ".join(str(part) for part in error.args)
        self.note3(row, type(error).__name__, request.status, self.status_in(error, row))
        return said

    def status_in(self, error, row):
        """Google's status, or OAuth's error, as the exception carries it."""
        body = error.args[-1]
        if isinstance(body, str):
            match = re.match(r"Error code (\w+)", body)
            if match:
                return match[1]
            body = json.loads(body)
        told = body["error"]
        return told if isinstance(told, str) else told["status"]

    def raw(self, method, path, token, data=None, headers=None):
        """A request that the official client would not send; gives the answer."""
        return requests.request(
            method,
            self.cloud.https + path,
            data=data,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json", **(headers or {})},
            timeout=20,
        )
