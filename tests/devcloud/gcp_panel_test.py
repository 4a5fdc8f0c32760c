"""The fault panel, the access log, and the state over a restart."""

import signal

from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import TransportError

from gcp_world import CLUSTER, CUSTOMER, USE, GcpTest, Recorder


class Faults(GcpTest):
    def test_fault_speaks_googles_own_words(self):
        key, user = self.world.key(USE), self.world.user()
        for row, kind in (("GCP-70", "throttle"), ("GCP-71", "error"), ("GCP-72", "deny"), ("GCP-73", "disable")):
            with self.subTest(kind):
                self.cloud.fault("cloudkms", kind, resource=key, operation="Encrypt", remaining=1)
                self.refused(row, user.encrypt, name=key, plaintext=b"x")
                user.encrypt(name=key, plaintext=b"x")
        self.cloud.fault("cloudkms", "error", status=503, code="UNAVAILABLE", remaining=1)
        self.refused("GCP-74", user.encrypt, name=key, plaintext=b"x")

    def test_token_endpoint_and_impersonation_fail_too(self):
        self.cloud.fault("oauth2", "deny", remaining=1)
        self.no_login("GCP-75", self.world.login())
        self.cloud.fault("oauth2", "disable", resource=CLUSTER, remaining=1)
        self.no_login("GCP-02", self.world.login())
        self.cloud.fault("iamcredentials", "deny", resource=CUSTOMER)
        self.no_login("GCP-17", self.world.impersonate())
        self.cloud.clear_faults()
        # google-auth asks again after a while where the endpoint is busy or down.
        self.cloud.fault("oauth2", "throttle", remaining=1)
        self.cloud.fault("oauth2", "error", remaining=1)
        self.world.login().refresh(Recorder())
        self.assertEqual(self.cloud.ask("GET", "faults")["faults"], [])
        self.cloud.fault("oauth2", "cut")
        with self.assertRaises(TransportError):
            self.world.login().refresh(Recorder())

    def test_connection_faults_reach_the_client(self):
        key, user = self.world.key(USE), self.world.user()
        blob = user.encrypt(name=key, plaintext=b"x").ciphertext
        for kind in ("cut", "truncate", "garbage"):
            self.cloud.fault("cloudkms", kind)
            with self.assertRaises(Exception, msg=kind) as caught:
                user.decrypt(name=key, ciphertext=blob, retry=None)
            self.assertNotIsInstance(caught.exception, GoogleAPICallError, kind)
            self.cloud.clear_faults()
        self.cloud.fault("cloudkms", "delay", delay_ms=200, remaining=1)
        self.assertEqual(user.decrypt(name=key, ciphertext=blob).plaintext, b"x")
        self.cloud.fault("cloudkms", "wrong-key", remaining=1)
        self.assertNotEqual(user.decrypt(name=key, ciphertext=blob).plaintext, b"x")


class Log(GcpTest):
    def test_log_says_who_what_on_which_key_and_how_it_ended(self):
        key, user = self.world.key(USE), self.world.user()
        blob = user.encrypt(name=key, plaintext=b"never logged").ciphertext
        self.world.revoke(key, USE, CUSTOMER)
        self.refused("GCP-34", user.decrypt, name=key, ciphertext=blob)
        records = [r for r in self.cloud.log() if r["resourceName"] in (key, f"projects/-/serviceAccounts/{CUSTOMER}")]
        seen = [(r["eventName"], r["userIdentity"]["principalEmail"], r.get("errorCode")) for r in records[-3:]]
        self.assertEqual(seen, [("GenerateAccessToken", CLUSTER, None), ("Encrypt", CUSTOMER, None),
                                ("Decrypt", CUSTOMER, "PERMISSION_DENIED")])
        with open(self.cloud.directory + "/access.log", encoding="utf-8") as stream:
            text = stream.read()
        for secret in ("ya29.", "bmV2ZXIgbG9nZ2Vk", "PRIVATE KEY"):
            self.assertNotIn(secret, text)


class Restarts(GcpTest):
    def test_killed_devcloud_is_the_same_when_it_starts_again(self):
        key, user = self.world.key(USE), self.world.user()
        blob = user.encrypt(name=key, plaintext=b"x").ciphertext
        self.cloud.restart(signal.SIGKILL)
        self.assertEqual(user.decrypt(name=key, ciphertext=blob).plaintext, b"x")
        self.world.user().encrypt(name=key, plaintext=b"x")
