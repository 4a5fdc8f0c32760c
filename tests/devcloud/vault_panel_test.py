"""The fault panel, a sealed Vault, the propagation delay, the access log, and a restart."""

import os
import signal
import time

import hvac
import requests
from vault_world import PLAINTEXT, VaultTest


class Panel(VaultTest):
    def test_faults_in_vaults_own_words(self):
        kinds = {"VAULT-49": "throttle", "VAULT-50": "error", "VAULT-51": "deny", "VAULT-52": "disable"}
        for row, kind in kinds.items():
            with self.subTest(kind):
                self.cloud.fault("vault", kind, remaining=1)
                self.refused_here(row, lambda s: self.encrypt(s.root))
                self.encrypt(self.devcloud.root)

    def test_a_fault_narrows_to_a_key_and_an_operation(self):
        root = self.devcloud.root
        root.secrets.transit.create_key("other")
        sealed = self.encrypt(root)
        self.cloud.fault("vault", "deny", operation="transit/decrypt", resource="/k")
        self.encrypt(self.devcloud.root)
        self.decrypt(root, self.encrypt(root, "other"), "other")
        with self.assertRaises(hvac.exceptions.Forbidden):
            self.decrypt(root, sealed)

    def test_a_login_meets_faults_too(self):
        role_id, secret = self.devcloud.approle("app", token_policies=["use"])
        self.cloud.fault("vault", "deny", operation="auth/approle")
        with self.assertRaises(hvac.exceptions.Forbidden):
            self.devcloud.login(role_id, secret["secret_id"])

    def test_a_cut_connection_and_a_late_answer(self):
        self.cloud.fault("vault", "cut", remaining=1)
        with self.assertRaises(requests.exceptions.ConnectionError):
            self.encrypt(self.devcloud.root)
        self.cloud.fault("vault", "delay", delay_ms=300, remaining=1)
        began = time.monotonic()
        self.encrypt(self.devcloud.root)
        self.assertGreaterEqual(time.monotonic() - began, 0.3)

    def test_a_wrong_key_gives_other_bytes(self):
        sealed = self.encrypt(self.devcloud.root)
        self.cloud.fault("vault", "wrong-key", remaining=1)
        self.assertNotEqual(self.decrypt(self.devcloud.root, sealed), PLAINTEXT)
        self.assertEqual(self.decrypt(self.devcloud.root, sealed), PLAINTEXT)

    def test_a_sealed_vault_answers_nothing(self):
        self.cloud.ask("POST", "vault/seal", {})
        self.refused_here("VAULT-53", lambda s: self.encrypt(s.root))
        self.assertTrue(self.devcloud.root.seal_status["sealed"])
        self.cloud.ask("POST", "vault/unseal", {})
        self.encrypt(self.devcloud.root)


class Propagation(VaultTest):
    """A devcloud of its own: what is changed after a slow change waits for that one."""

    def test_a_change_is_judged_by_after_the_propagation_delay(self):
        self.devcloud.policy("brief", transit_encrypt_k=["update"])
        client = self.devcloud.limited(["brief"])
        self.cloud.set_propagation(3600)
        self.devcloud.root.sys.delete_policy("brief")
        self.encrypt(client)


class Keeping(VaultTest):
    def test_nothing_secret_is_in_the_log_or_at_rest(self):
        role_id, secret = self.devcloud.approle("quiet", token_policies=["use"])
        client = self.devcloud.login(role_id, secret["secret_id"])
        self.encrypt(client)
        record = self.cloud.log()[-1]
        self.assertEqual(record["eventName"], "update transit/encrypt/k")
        self.assertEqual(record["userIdentity"]["policies"], ["default", "use"])
        for name in ("access.log", "state/vault.json", "state/vault-logins.json"):
            path = os.path.join(self.cloud.directory, name)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600, name)
            with open(path, encoding="utf-8") as stream:
                text = stream.read()
            for hidden in (secret["secret_id"], client.token, self.devcloud.root.token, PLAINTEXT):
                self.assertNotIn(hidden, text, name)

    def test_a_login_is_in_the_log_with_the_role_and_the_tokens_accessor(self):
        role_id, secret = self.devcloud.approle("node", token_policies=["use"])
        client = self.devcloud.login(role_id, secret["secret_id"])
        told = self.cloud.log()[-1]["responseElements"]
        self.assertEqual(told["metadata"], {"role_name": "node"})
        self.assertEqual(told["accessor"], client.auth.token.lookup_self()["data"]["accessor"])

    def test_a_body_that_says_it_is_a_form_is_vaults_all_the_same(self):
        answer = requests.post(
            f"{self.cloud.https}/v1/transit/encrypt/k",
            data='{"plaintext": "' + PLAINTEXT + '"}',
            headers={
                "X-Vault-Token": self.devcloud.root.token,
                "Content-Type": "application/x-www-form-urlencoded",
            },
            verify=self.cloud.ca,
            timeout=30,
        )
        self.assertTrue(answer.json()["data"]["ciphertext"].startswith("vault:v1:"))

    def test_a_refusal_is_in_the_log(self):
        with self.assertRaises(hvac.exceptions.Forbidden):
            self.devcloud.limited().secrets.transit.read_key("k")
        record = self.cloud.log()[-1]
        self.assertEqual((record["eventName"], record["errorCode"]), ("read transit/keys/k", "403"))

    def test_everything_survives_a_kill(self):
        role_id, secret = self.devcloud.approle("lasting", token_policies=["use"])
        sealed, client = self.encrypt(self.devcloud.root), self.devcloud.limited()
        gone = self.devcloud.limited()
        gone.auth.token.revoke_self()
        self.cloud.restart(signal.SIGKILL)
        self.assertEqual(self.decrypt(client, sealed), PLAINTEXT)
        self.assertEqual(self.decrypt(self.devcloud.login(role_id, secret["secret_id"]), sealed), PLAINTEXT)
        with self.assertRaises(hvac.exceptions.Forbidden):
            self.decrypt(gone, sealed)
