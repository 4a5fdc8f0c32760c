"""Signatures, sessions, and STS."""

from aws_world import AwsTest, as_credentials, document, statement, trust

HOUR = 3600


class Signatures(AwsTest):
    def test_request_without_a_signature_is_refused(self):
        self.refused("AWS-01", self.cloud.client("kms", None).list_keys)
        self.refused("AWS-02", self.cloud.client("sts", None).get_caller_identity)

    def test_unknown_access_key_is_refused(self):
        stranger = {"access_key_id": "AKIANOBODYKNOWSTHIS1", "secret_access_key": "x" * 40}
        self.refused("AWS-03", self.cloud.client("kms", stranger).list_keys)
        self.refused("AWS-04", self.cloud.client("sts", stranger).get_caller_identity)

    def test_wrong_secret_is_refused(self):
        wrong = dict(self.world.accounts["customer"], secret_access_key="x" * 40)
        self.refused("AWS-05", self.cloud.client("kms", wrong).list_keys)
        self.refused("AWS-06", self.cloud.client("sts", wrong).get_caller_identity)

    def test_clock_too_slow_or_fast_is_refused(self):
        sts = self.cloud.client("sts", self.world.principal_keys)
        self.cloud.move_clock(6 * 60)
        self.assertIn("Signature expired", self.refused("AWS-07", self.world.root.list_keys))
        self.assertIn("Signature expired", self.refused("AWS-09", sts.get_caller_identity))
        self.cloud.move_clock(-6 * 60)
        self.assertIn("Signature not yet current", self.refused("AWS-08", self.world.root.list_keys))
        self.cloud.move_clock(4 * 60)
        self.world.root.list_keys()

    def test_disabled_access_key_is_refused_until_it_is_enabled(self):
        keys = self.world.keys_of(self.world.root_arn("customer"))
        client = self.cloud.client("kms", keys)
        client.list_keys()
        self.cloud.aws("set-access-key", access_key_id=keys["access_key_id"], active=False)
        self.refused("AWS-10", client.list_keys)
        self.cloud.aws("set-access-key", access_key_id=keys["access_key_id"], active=True)
        client.list_keys()

    def test_body_changed_after_signing_is_refused(self):
        client = self.cloud.client("kms", self.world.accounts["customer"])

        def change(request, **_):
            request.body = b'{"Limit": 1}'

        client.meta.events.register("before-send.kms", change)
        self.refused("AWS-11", client.list_keys)

    def test_header_of_amazons_that_is_not_signed_is_refused(self):
        client = self.cloud.client("kms", self.world.accounts["customer"])

        def add(request, **_):
            request.headers["X-Amz-Extra"] = "1"

        client.meta.events.register("before-send.kms", add)
        self.refused("AWS-12", client.list_keys)

    def test_signature_for_another_service_is_refused(self):
        client = self.cloud.client("kms", self.world.accounts["customer"])
        client._request_signer._signing_name = "sts"
        self.refused("AWS-13", client.list_keys)


class Sessions(AwsTest):
    def test_expired_session_is_refused(self):
        role, key, client = self.world.setup()
        session = self.cloud.aws("issue-session", role=role, seconds=240)
        kms, sts = self.cloud.client("kms", session), self.cloud.client("sts", session)
        blob = self.encrypt(kms, key)
        self.cloud.move_clock(250)
        self.refused("AWS-14", kms.decrypt, CiphertextBlob=blob, EncryptionContext={})
        self.refused("AWS-15", sts.get_caller_identity)

    def test_token_must_be_whole_and_of_the_same_session(self):
        role, _, _ = self.world.setup()
        one, other = self.world.assume(role), self.world.assume(role)
        tampered = dict(one, session_token=one["session_token"][:-8] + "AAAAAAA=")
        self.refused("AWS-16", self.cloud.client("kms", tampered).list_keys)
        mixed = dict(one, session_token=other["session_token"])
        self.refused("AWS-17", self.cloud.client("kms", mixed).list_keys)
        bare = dict(one, session_token=None)
        self.refused("AWS-18", self.cloud.client("kms", bare).list_keys)
        self.refused("AWS-19", self.cloud.client("sts", bare).get_caller_identity)

    def test_session_policy_narrows_the_role(self):
        role, key, _ = self.world.setup(role_policy=document(statement(action="kms:*")))
        narrow = self.world.assume(role, Policy='{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
                                                '"Action":"kms:Encrypt","Resource":"*"}]}')
        client = self.cloud.client("kms", narrow)
        blob = self.encrypt(client, key)
        self.refused("AWS-20", client.decrypt, CiphertextBlob=blob, EncryptionContext={})

    def test_session_of_a_deleted_role_may_do_nothing(self):
        role, key, client = self.world.setup()
        self.encrypt(client, key)
        self.cloud.aws("delete-role", role=role)
        self.refused("AWS-21", client.encrypt, KeyId=key, Plaintext=b"x")


class AssumeRole(AwsTest):
    def refused_to_assume(self, row, role, sts=None, **more):
        more = {"RoleSessionName": "keyhold", "RoleArn": role, **more}
        return self.refused(row, (sts or self.world.sts).assume_role, **more)

    def test_external_id_must_be_the_one_of_the_trust(self):
        role = self.world.role("customer")
        self.refused_to_assume("AWS-22", role)
        self.refused_to_assume("AWS-23", role, ExternalId="other-org")
        session = self.world.assume(role)
        who = self.cloud.client("sts", session).get_caller_identity()
        self.assertTrue(who["Arn"].endswith("/keyhold"), who)
        self.assertEqual(who["Account"], self.world.id("customer"))

    def test_deputy_does_not_act_for_another_customer(self):
        theirs = self.world.role(
            "stranger", trust(self.world.principal, StringEquals={"sts:ExternalId": "stranger-org"})
        )
        self.refused_to_assume("AWS-24", theirs, ExternalId="acme")

    def test_another_principal_with_the_right_external_id_is_refused(self):
        role = self.world.role("customer")
        user = self.world.user("operator", policy=document(statement(action="sts:AssumeRole")))
        sts = self.cloud.client("sts", self.world.keys_of(user))
        self.refused_to_assume("AWS-25", role, sts, ExternalId="acme")

    def test_caller_needs_a_permission_of_its_own_account(self):
        user = self.world.user("operator")
        role = self.world.role("customer", trust(user))
        sts = self.cloud.client("sts", self.world.keys_of(user))
        self.refused_to_assume("AWS-26", role, sts)

    def test_role_that_is_not_there_is_told_in_the_same_words(self):
        there = self.world.role("customer", trust(self.world.root_arn("stranger")))
        missing = there[: -len(there.split("/")[1])] + "nobody"
        one = self.refused_to_assume("AWS-27", missing, ExternalId="acme")
        other = self.refused_to_assume("AWS-25", there, ExternalId="acme")
        self.assertEqual(one.replace("nobody", "X"), other.replace(there.split("/")[1], "X"))

    def test_trust_taken_away_ends_logins_and_no_session(self):
        role, key, client = self.world.setup()
        blob = self.encrypt(client, key)
        self.cloud.aws("put-trust", role=role, trust=trust(self.world.root_arn("stranger")))
        self.refused_to_assume("AWS-28", role, ExternalId="acme")
        client.decrypt(CiphertextBlob=blob, EncryptionContext={"org": "acme", "purpose": "serve"})

    def test_role_made_anew_under_an_old_name_is_another_principal(self):
        middle = self.world.role("operator", policy=document(statement(action="sts:AssumeRole")))
        target = self.world.role("customer", trust(middle))
        name = middle.split("/")[1]
        self.world.assume(target, self.cloud.client("sts", self.world.assume(middle)))
        self.cloud.aws("delete-role", role=middle)
        self.world.role("operator", policy=document(statement(action="sts:AssumeRole")), name=name)
        sts = self.cloud.client("sts", self.world.assume(middle))
        self.refused_to_assume("AWS-29", target, sts)

    def test_lifetime_is_bounded(self):
        role = self.world.role("customer", trust(self.world.principal), max_session_seconds=2 * HOUR)
        self.refused_to_assume("AWS-30", role, DurationSeconds=3 * HOUR)
        self.refused_to_assume("AWS-31", role, DurationSeconds=899)
        middle = self.world.role("operator", policy=document(statement(action="sts:AssumeRole")))
        target = self.world.role("customer", trust(middle), max_session_seconds=12 * HOUR)
        chained = self.cloud.client("sts", self.world.assume(middle))
        self.refused_to_assume("AWS-32", target, chained, DurationSeconds=2 * HOUR)

    def test_root_may_not_assume(self):
        role = self.world.role("customer", trust(self.world.root_arn("customer")))
        sts = self.cloud.client("sts", self.world.accounts["customer"])
        self.refused_to_assume("AWS-33", role, sts)

    def test_parameters_are_checked(self):
        role = self.world.role("customer")
        self.refused_to_assume("AWS-34", role, ExternalId="not good!")
        self.refused_to_assume("AWS-35", "not-an-arn", ExternalId="acme")


class WebIdentity(AwsTest):
    ISSUER = "oidc.example.com"

    def role(self):
        provider = f"arn:aws:iam::{self.world.id('customer')}:oidc-provider/{self.ISSUER}"
        return self.world.role("customer", document({
            "Effect": "Allow",
            "Principal": {"Federated": provider},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{self.ISSUER}:sub": "node-1", f"{self.ISSUER}:aud": "sts.amazonaws.com"}},
        }))

    def token(self, subject="node-1", seconds=600):
        return self.cloud.aws("web-identity-token", issuer=self.ISSUER, subject=subject,
                              audience="sts.amazonaws.com", seconds=seconds)["token"]

    def test_token_must_be_whole_timely_and_of_the_trusted_subject(self):
        sts = self.cloud.client("sts", None)
        role = self.role()

        def ask(token):
            return {"RoleArn": role, "RoleSessionName": "node", "WebIdentityToken": token}

        session = as_credentials(sts.assume_role_with_web_identity(**ask(self.token())))
        self.cloud.client("sts", session).get_caller_identity()
        self.refused("AWS-36", sts.assume_role_with_web_identity, **ask(self.token("node-2")))
        self.refused("AWS-37", sts.assume_role_with_web_identity, **ask(self.token()[:-4] + "AAAA"))
        short = self.token(seconds=60)
        self.cloud.move_clock(61)
        self.refused("AWS-38", sts.assume_role_with_web_identity, **ask(short))


class Metadata(AwsTest):
    PATH = "/latest/meta-data/iam/security-credentials/"

    def status(self, row, method, path, headers=None):
        status, _ = self.cloud.plain(method, path, headers)
        self.note(row, f"status{status}", status)

    def test_token_comes_first(self):
        ttl = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
        self.status("AWS-39", "GET", self.PATH)
        self.status("AWS-40", "GET", self.PATH, {"X-aws-ec2-metadata-token": "forged"})
        self.status("AWS-41", "PUT", "/latest/api/token")
        self.status("AWS-42", "PUT", "/latest/api/token", dict(ttl, **{"X-Forwarded-For": "10.0.0.1"}))
        _, token = self.cloud.plain("PUT", "/latest/api/token", ttl)
        self.cloud.move_clock(61)
        self.status("AWS-40", "GET", self.PATH, {"X-aws-ec2-metadata-token": token})

    def test_boto3_finds_the_instances_role(self):
        import botocore.session

        trusted = document({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
        role = self.world.role("operator", trusted)
        self.cloud.aws("set-instance-role", role=role, region="eu-central-1")
        session = botocore.session.Session()
        session.set_config_variable("ec2_metadata_service_endpoint", self.cloud.metadata)
        resolver = session.get_component("credential_provider")
        provider = resolver.get_provider("iam-role")
        found = provider.load().get_frozen_credentials()
        who = self.cloud.client("sts", {
            "access_key_id": found.access_key, "secret_access_key": found.secret_key, "session_token": found.token,
        }).get_caller_identity()
        self.assertIn(f":assumed-role/{role.split('/')[1]}/", who["Arn"])
        self.cloud.aws("put-trust", role=role, trust=trust(self.world.principal))
        self.assertIsNone(provider.load())
