"""Logins: assertions, refresh tokens, token exchange, impersonation, the metadata server."""

import tempfile
import time

import requests
from google.auth import crypt, identity_pool, jwt
from google.auth.exceptions import RefreshError
from google.oauth2 import _client, credentials

from gcp_world import CLUSTER, CREATOR, CUSTOMER, KMS, PLATFORM, USE, GcpTest, Recorder

PROVIDER = "projects/1/locations/global/workloadIdentityPools/pool/providers/oidc"
POOL = "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool"


class Grant:
    """An assertion of our own making, sent as google-auth sends its own."""

    def __init__(self, world, file=None, **claims):
        self.file = file or world.files[CLUSTER]
        now = int(time.time())
        self.claims = {"iss": self.file["client_email"], "aud": self.file["token_uri"], "scope": PLATFORM,
                       "iat": now, "exp": now + 3600, **claims}

    def refresh(self, request):
        signer = crypt.RSASigner.from_service_account_info(self.file)
        return _client.jwt_grant(request, self.file["token_uri"], jwt.encode(signer, self.claims), can_retry=False)


class Assertions(GcpTest):
    def test_assertion_is_signed_by_a_key_of_the_account(self):
        self.world.login().refresh(Recorder())
        _, other = self.world.fresh_account()
        stolen = dict(other, client_email=CLUSTER, private_key_id=self.world.files[CLUSTER]["private_key_id"])
        self.assertIn("Invalid JWT Signature", self.no_login("GCP-01", self.world.login(stolen)))
        _, file = self.world.fresh_account()
        self.world.login(file).refresh(Recorder())
        self.world.gcp("delete-account-key", email=file["client_email"])
        self.no_login("GCP-01", self.world.login(file))

    def test_account_exists_and_is_not_disabled(self):
        email, file = self.world.fresh_account()
        self.world.gcp("set-account", email=email, disabled=True)
        self.assertIn("account is disabled", self.no_login("GCP-02", self.world.login(file)))
        self.world.gcp("set-account", email=email, disabled=False)
        self.world.login(file).refresh(Recorder())
        self.world.gcp("delete-account", email=email)
        self.assertIn("account not found", self.no_login("GCP-03", self.world.login(file)))

    def test_times_are_near(self):
        self.cloud.move_clock(2 * 3600)
        self.assertIn("reasonable timeframe", self.no_login("GCP-04", self.world.login()))
        self.cloud.move_clock(-600)
        self.no_login("GCP-05", self.world.login())
        self.cloud.move_clock(0)
        now = int(time.time())
        self.no_login("GCP-06", Grant(self.world, exp=now + 3601))
        self.no_login("GCP-04", Grant(self.world, iat=None))
        Grant(self.world).refresh(Recorder())

    def test_audience_is_the_token_endpoint_whatever_host_is_named(self):
        Grant(self.world, aud="https://oauth2.googleapis.com/token").refresh(Recorder())
        self.no_login("GCP-07", Grant(self.world, aud="https://evil.example/token"))
        signer = crypt.RSASigner.from_service_account_info(self.world.files[CLUSTER])
        assertion = jwt.encode(signer, Grant(self.world, aud="https://evil.example/token").claims)
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
        answer = requests.post(self.cloud.https + "/token", data=form, headers={"Host": "evil.example"}, timeout=20)
        self.assertEqual((answer.status_code, answer.json()["error"]), (400, "invalid_grant"))

    def test_scopes_and_subject(self):
        self.no_login("GCP-08", Grant(self.world, scope=""))
        self.no_login("GCP-08", Grant(self.world, scope="everything"))
        self.no_login("GCP-09", self.world.login().with_subject("boss@customer.example"))


class RefreshTokens(GcpTest):
    def login(self, **more):
        given = dict(self.world.gcp("user", email="alice@example.com"), **more)
        return credentials.Credentials(None, **{name: given[name] for name in
                                                ("refresh_token", "token_uri", "client_id", "client_secret")})

    def test_refresh_token_lives_until_it_is_revoked(self):
        login = self.login()
        login.refresh(Recorder())
        self.world.gcp("set-user", email="alice@example.com", revoked=True)
        self.assertIn("expired or revoked", self.no_login("GCP-10", login))
        self.no_login("GCP-11", self.login(client_secret="wrong"))
        self.no_login("GCP-10", self.login(refresh_token="1//0made-up"))

    def test_token_of_a_revoked_user_is_refused(self):
        self.world.gcp("user", email="alice@example.com")
        login = self.login()
        login.refresh(Recorder())
        key = self.world.key()
        self.world.gcp("grant", resource=key, role=USE, member="user:alice@example.com")
        client = self.world.client(self.world.bearer(login.token))
        client.encrypt(name=key, plaintext=b"x")
        self.world.gcp("set-user", email="alice@example.com", revoked=True)
        self.refused("GCP-21", client.encrypt, name=key, plaintext=b"x")


class TokenExchange(GcpTest):
    def setUp(self):
        given = self.world.gcp("provider", name=PROVIDER, issuer="https://issuer.example")
        self.audience, self.url = given["audience"], given["token_url"]

    def login(self, audience=None, impersonated=None, **more):
        more.setdefault("seconds", 3600)
        token = self.world.gcp("subject-token", provider=PROVIDER, subject="node-1", **more)["token"]
        stream = tempfile.NamedTemporaryFile("w", dir=self.cloud.scratch, delete=False)
        with stream:
            stream.write(token)
        url = f"{self.cloud.https}/v1/projects/-/serviceAccounts/{CUSTOMER}:generateAccessToken"
        return identity_pool.Credentials(
            audience=audience or self.audience, subject_token_type="urn:ietf:params:oauth:token-type:jwt",
            token_url=self.url, credential_source={"file": stream.name}, scopes=[PLATFORM],
            service_account_impersonation_url=url if impersonated else None)

    def test_subject_token_is_one_of_the_provider(self):
        self.login().refresh(Recorder())
        self.no_login("GCP-12", self.login(seconds=-1))
        self.no_login("GCP-13", self.login(issuer="https://other.example"))
        self.no_login("GCP-14", self.login(audience=self.audience.replace("oidc", "none")))
        token = self.world.gcp("subject-token", provider=PROVIDER, subject="n", audience="https://x")["token"]
        with open(self.world.cloud.scratch + "/wrong", "w", encoding="utf-8") as stream:
            stream.write(token)
        wrong = identity_pool.Credentials(
            audience=self.audience, subject_token_type="urn:ietf:params:oauth:token-type:jwt", token_url=self.url,
            credential_source={"file": self.world.cloud.scratch + "/wrong"}, scopes=[PLATFORM])
        self.assertIn("audience", self.no_login("GCP-15", wrong))

    def test_external_principal_needs_workload_identity_user(self):
        self.assertIn("getAccessToken", self.no_login("GCP-16", self.login(impersonated=True)))
        member = f"{POOL}/subject/node-1"
        self.world.gcp("grant", resource=f"serviceAccounts/{CUSTOMER}", role="roles/iam.workloadIdentityUser",
                       member=member)
        login = self.login(impersonated=True)
        login.refresh(Recorder())
        self.world.gcp("revoke", resource=f"serviceAccounts/{CUSTOMER}", role="roles/iam.workloadIdentityUser",
                       member=member)
        self.no_login("GCP-16", self.login(impersonated=True))


class Impersonation(GcpTest):
    def test_token_creator_is_needed_and_outlived_by_tokens(self):
        key = self.world.key(USE)
        login = self.world.impersonate()
        client = self.world.client(login)
        client.encrypt(name=key, plaintext=b"x")
        self.world.revoke(f"serviceAccounts/{CUSTOMER}", CREATOR, CLUSTER)
        try:
            client.encrypt(name=key, plaintext=b"x")  # the token that is out goes on
            self.assertIn("getAccessToken", self.no_login("GCP-17", self.world.impersonate()))
        finally:
            self.world.grant(f"serviceAccounts/{CUSTOMER}", CREATOR, CLUSTER)
        self.world.impersonate().refresh(Recorder())

    def test_each_hop_needs_its_own_grant(self):
        middle, _ = self.world.fresh_account("operator")
        target, _ = self.world.fresh_account()
        self.world.grant(f"serviceAccounts/{target}", CREATOR, middle)
        self.no_login("GCP-17", self.world.impersonate(target))
        self.no_login("GCP-18", self.world.impersonate(target, delegates=[self.full(middle)]))
        self.world.grant(f"serviceAccounts/{middle}", CREATOR, CLUSTER)
        self.world.impersonate(target, delegates=[self.full(middle)]).refresh(Recorder())
        self.no_login("GCP-17", self.world.impersonate(target))
        self.world.revoke(f"serviceAccounts/{target}", CREATOR, middle)
        self.no_login("GCP-18", self.world.impersonate(target, delegates=[self.full(middle)]))

    def full(self, email):
        return f"projects/-/serviceAccounts/{email}"

    def test_grant_on_the_project_reaches_its_accounts(self):
        target, _ = self.world.fresh_account("third")
        self.no_login("GCP-17", self.world.impersonate(target))
        self.world.grant("projects/third", CREATOR, CLUSTER)
        self.world.impersonate(target).refresh(Recorder())

    def test_target_exists_and_is_enabled(self):
        target, _ = self.world.fresh_account()
        self.world.grant(f"serviceAccounts/{target}", CREATOR, CLUSTER)
        self.world.gcp("set-account", email=target, disabled=True)
        self.no_login("GCP-19", self.world.impersonate(target))
        self.no_login("GCP-20", self.world.impersonate("nobody@customer.iam.gserviceaccount.com"))

    def test_request_is_well_formed(self):
        self.no_login("GCP-22", self.world.impersonate(lifetime=3601))
        self.no_login("GCP-23", self.world.impersonate(scopes=()))
        self.no_login("GCP-24", self.world.impersonate(delegates=["not-a-name"]))

    def test_source_needs_the_scope(self):
        source = self.world.token(CLUSTER, scope=KMS)
        self.no_login("GCP-25", self.world.impersonate(source=source))


class Metadata(GcpTest):
    TOKEN = "/computeMetadata/v1/instance/service-accounts/default/token"
    FLAVOR = {"Metadata-Flavor": "Google"}

    def status(self, row, path, headers):
        answer = requests.get(self.cloud.metadata + path, headers=headers, timeout=20)
        self.assertEqual(answer.headers["Metadata-Flavor"], "Google")
        self.note3(row, f"status{answer.status_code}", answer.status_code, "none")

    def test_header_is_required(self):
        self.world.gcp("set-instance-account", email=CLUSTER)
        self.status("GCP-26", self.TOKEN, {})
        self.status("GCP-27", self.TOKEN, dict(self.FLAVOR, **{"X-Forwarded-For": "10.0.0.1"}))
        self.status("GCP-28", self.TOKEN.replace("default", "other@x"), self.FLAVOR)

    def test_official_client_logs_in_by_it(self):
        self.world.gcp("set-instance-account", email=CLUSTER)
        from google.auth.compute_engine import _metadata

        saved = _metadata._GCE_METADATA_HOST
        _metadata._GCE_METADATA_HOST = self.cloud.metadata.removeprefix("http://")
        try:
            from google.auth import compute_engine

            login = compute_engine.Credentials(scopes=[PLATFORM])
            login.refresh(Recorder())
            self.assertEqual(login.service_account_email, CLUSTER)
            self.world.impersonate(source=credentials.Credentials(login.token)).refresh(Recorder())
            self.world.gcp("set-account", email=CLUSTER, disabled=True)
            with self.assertRaises(RefreshError):
                compute_engine.Credentials(scopes=[PLATFORM]).refresh(Recorder())
        finally:
            self.world.gcp("set-account", email=CLUSTER, disabled=False)
            _metadata._GCE_METADATA_HOST = saved
