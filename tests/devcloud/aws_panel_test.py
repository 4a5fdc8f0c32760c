"""The fault panel, the access log, the admin API, and the state over a restart."""

import signal

from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError

from aws_world import CONTEXT, AwsTest, trust
from cloud import Refused


class Faults(AwsTest):
    def test_fault_speaks_the_services_own_words(self):
        key, root = self.world.key(), self.world.root
        for row, kind in (("AWS-101", "throttle"), ("AWS-102", "error"), ("AWS-103", "deny"), ("AWS-104", "disable")):
            with self.subTest(kind):
                fault = self.cloud.fault("kms", kind, resource=key)
                self.refused(row, root.encrypt, KeyId=key, Plaintext=b"x")
                self.cloud.ask("DELETE", f"faults/{fault}")
                self.encrypt(root, key)
        self.cloud.fault("sts", "throttle", operation="GetCallerIdentity")
        self.refused("AWS-105", self.world.sts.get_caller_identity)

    def test_fault_narrows_to_a_key_an_operation_and_a_count(self):
        key, other, root = self.world.key(), self.world.key(), self.world.root
        blob = self.encrypt(root, key)
        self.cloud.fault("kms", "throttle", resource=key, operation="Decrypt", remaining=1)
        self.encrypt(root, key)
        self.encrypt(root, other)
        self.refused("AWS-101", root.decrypt, CiphertextBlob=blob, EncryptionContext=CONTEXT)
        root.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
        self.assertEqual(self.cloud.ask("GET", "faults")["faults"], [])

    def test_error_is_the_one_that_was_asked_for(self):
        key = self.world.key()
        self.cloud.fault("kms", "error", code="KMSInvalidStateException", status=400, message="xks is down")
        told = self.refused("AWS-106", self.world.root.encrypt, KeyId=key, Plaintext=b"x")
        self.assertEqual(told, "xks is down")

    def test_connection_faults_reach_the_client(self):
        key, root = self.world.key(), self.world.root
        self.cloud.fault("kms", "cut", remaining=1)
        with self.assertRaises((ConnectionClosedError, EndpointConnectionError)):
            self.encrypt(root, key)
        # boto3 is lenient: half a JSON document, or none, is an empty answer to it.
        for kind in ("garbage", "truncate"):
            self.cloud.fault("kms", kind, remaining=1)
            self.assertNotIn("CiphertextBlob", root.encrypt(KeyId=key, Plaintext=b"x"), kind)
        self.cloud.fault("kms", "proxy", remaining=1)
        with self.assertRaises(ClientError) as caught:
            self.encrypt(root, key)
        self.assertEqual(caught.exception.response["Error"]["Code"], "403")
        self.cloud.fault("kms", "delay", delay_ms=300, remaining=1)
        self.encrypt(root, key)

    def test_wrong_key_opens_to_other_bytes(self):
        key, root = self.world.key(), self.world.root
        blob = self.encrypt(root, key, b"sixteen bytes ok")
        self.cloud.fault("kms", "wrong-key", remaining=1)
        wrong = root.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["Plaintext"]
        right = root.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["Plaintext"]
        self.assertEqual((len(wrong), right), (16, b"sixteen bytes ok"))
        self.assertNotEqual(wrong, right)

    def test_nonsense_is_refused(self):
        for body in ({}, {"service": "kms"}, {"service": "kms", "kind": "explode"}, {"service": "kms", "kind": "delay"},
                     {"service": "kms", "kind": "error", "status": 200}):
            with self.assertRaises(Refused) as caught:
                self.cloud.ask("POST", "faults", body)
            self.assertEqual(caught.exception.status, 400, body)


class Administration(AwsTest):
    def test_token_guards_the_admin_api(self):
        for token in ("", "wrong", self.cloud.token[:-1]):
            with self.assertRaises(Refused) as caught:
                self.cloud.ask("GET", "faults", token=token)
            self.assertEqual(caught.exception.status, 401)

    def test_names_are_checked(self):
        cases = [
            (404, "create-user", {"account": "000000000000", "name": "x"}),
            (404, "put-trust", {"role": "arn:aws:iam::000000000000:role/x", "trust": trust(self.world.principal)}),
            (400, "create-user", {"account": self.world.id("customer"), "name": "no good"}),
            (400, "create-role", {"account": self.world.id("customer"), "name": "x", "trust": {}}),
            (404, "no-such-command", {}),
            (400, "create-role", {"account": self.world.id("customer"), "name": "y", "max_session_seconds": "long",
                                  "trust": trust(self.world.principal)}),
            (400, "kms", {"account": self.world.id("customer"), "region": "us-east-1", "operation": "CreateKey",
                          "input": {"MultiRegion": "perhaps"}}),
            (409, "create-account", {"name": "again", "id": self.world.id("customer")}),
        ]
        for status, command, arguments in cases:
            with self.subTest(command), self.assertRaises(Refused) as caught:
                self.cloud.aws(command, **arguments)
            self.assertEqual(caught.exception.status, status, caught.exception)


class Log(AwsTest):
    def test_every_request_stands_in_it_without_a_secret(self):
        key, root = self.world.key(), self.world.root
        secret = b"a very secret plaintext of mine!"
        blob = self.encrypt(root, key, secret)
        answer = root.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
        root.disable_key(KeyId=key)
        self.refused("AWS-66", root.decrypt, CiphertextBlob=blob, EncryptionContext=CONTEXT)
        first, _, last = self.cloud.log(3)
        self.assertEqual(first["requestID"], answer["ResponseMetadata"]["RequestId"])
        self.assertEqual(first["eventSource"], "kms.amazonaws.com")
        self.assertEqual(first["eventName"], "Decrypt")
        self.assertEqual(first["requestParameters"]["EncryptionContext"], CONTEXT)
        self.assertEqual(first["resources"], [{"ARN": key}])
        self.assertEqual(first["userIdentity"]["arn"], self.world.root_arn("customer"))
        self.assertEqual(last["errorCode"], "DisabledException")
        import base64

        with open(self.cloud.directory + "/access.log", encoding="utf-8") as stream:
            text = stream.read()
        for hidden in (base64.b64encode(secret).decode(), base64.b64encode(blob).decode(), secret.decode()):
            self.assertNotIn(hidden, text)


class Restart(AwsTest):
    def test_cloud_killed_and_started_again_is_the_same(self):
        role, key, client = self.world.setup()
        session = self.world.assume(role)
        blob = self.encrypt(client, key)
        self.world.root.create_alias(AliasName="alias/kept", TargetKeyId=key)
        self.world.root.rotate_key_on_demand(KeyId=key)
        with open(self.cloud.ca, "rb") as stream:
            authority = stream.read()
        fault = self.cloud.fault("sts", "throttle", resource="nobody")
        self.assertEqual(self.cloud.restart(signal.SIGKILL), -signal.SIGKILL)
        with open(self.cloud.ca, "rb") as stream:
            self.assertEqual(stream.read(), authority)
        again = self.cloud.client("kms", session)
        opened = again.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
        self.assertEqual(opened["KeyId"], key)
        self.assertEqual([one["id"] for one in self.cloud.ask("GET", "faults")["faults"]], [fault])
        root = self.cloud.client("kms", self.world.accounts["customer"])
        self.encrypt(root, "alias/kept")
        self.assertEqual(self.cloud.restart(), 0)

    def test_secrets_at_rest_are_sealed(self):
        import os

        key, root = self.world.key(), self.world.root
        made = root.generate_data_key(KeyId=key, KeySpec="AES_256")["Plaintext"]
        self.assertEqual(os.stat(self.cloud.directory).st_mode & 0o777, 0o700)
        for name in ("master.key", "admin.token", "ca.key", "server.key", "state/aws.json"):
            path = os.path.join(self.cloud.directory, name)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600, name)
            with open(path, "rb") as stream:
                self.assertNotIn(made, stream.read())
        with open(os.path.join(self.cloud.directory, "state/aws.json"), encoding="utf-8") as stream:
            self.assertNotIn(self.world.principal_keys["secret_access_key"], stream.read())
