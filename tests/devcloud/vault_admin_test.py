"""`keyhold devcloud vault …`: what `setup` gives works with hvac, and each command does what it says."""

import json
import os
import subprocess
import tempfile

import hvac
from cloud import KEYHOLD
from vault_world import PLAINTEXT, VaultTest

NOT_FOUND = 6


class Commands(VaultTest):
    def run_vault(self, command, *arguments, status=0):
        line = [KEYHOLD, "--json", "devcloud", "vault", command, "--dir", self.cloud.directory, *arguments]
        done = subprocess.run(line, capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout) if status == 0 else done.stderr

    def setUp(self):
        self.made = self.run_vault("setup", "--org", "acme")

    def login(self):
        role_id = self.made["auth_principal"].removeprefix("approle:")
        return self.devcloud.login(role_id, self.made["secret_id"])

    def sealed(self):
        return self.encrypt(self.login(), "acme")

    def refuses(self, exception, client=None):
        with self.assertRaises(exception):
            self.encrypt(client or self.login(), "acme")

    def test_setup_gives_a_login_for_one_key_alone(self):
        client = self.login()
        self.assertEqual(self.decrypt(client, self.encrypt(client, "acme"), "acme"), PLAINTEXT)
        self.assertEqual(client.secrets.transit.read_key("acme")["data"]["name"], "acme")
        with self.assertRaises(hvac.exceptions.Forbidden):
            self.encrypt(client, "k")
        with self.assertRaises(hvac.exceptions.Forbidden):
            client.secrets.transit.rotate_key("acme")
        self.assertEqual(self.made["key_uri"], f"{self.cloud.https}/v1/transit/keys/acme")

    def test_a_key_is_disabled_and_enabled(self):
        self.run_vault("key-disable", "acme")
        self.refuses(hvac.exceptions.InvalidRequest)
        self.assertEqual([key["name"] for key in self.listed("keys") if key["disabled"]], ["acme"])
        self.run_vault("key-enable", "acme")
        self.sealed()

    def listed(self, kind):
        return self.run_vault("list")[kind]

    def test_setup_gives_back_what_was_taken_away(self):
        self.run_vault("key-disable", "acme")
        self.run_vault("policy-revoke", "acme")
        self.made = self.run_vault("setup", "--org", "acme")
        self.sealed()

    def test_a_key_is_rotated_and_its_old_versions_refused(self):
        self.run_vault("key-create", "aging")
        sealed = self.encrypt(self.devcloud.root, "aging")
        self.assertEqual(self.run_vault("key-rotate", "aging")["latest_version"], 2)
        self.run_vault("key-min-version", "aging", "2")
        self.assertEqual(self.run_vault("key-describe", "aging")["min_decryption_version"], 2)
        with self.assertRaises(hvac.exceptions.InvalidRequest):
            self.decrypt(self.devcloud.root, sealed, "aging")
        self.run_vault("key-min-version", "aging", "1")
        self.assertEqual(self.decrypt(self.devcloud.root, sealed, "aging"), PLAINTEXT)
        self.run_vault("key-delete", "aging")
        self.run_vault("key-describe", "aging", status=NOT_FOUND)

    def test_a_policy_is_revoked_and_granted(self):
        client = self.login()
        self.run_vault("policy-revoke", "acme")
        self.refuses(hvac.exceptions.Forbidden, client)
        self.run_vault("policy-grant", "acme")
        self.encrypt(client, "acme")
        with tempfile.NamedTemporaryFile("w", suffix=".json") as narrow:
            json.dump({"path": {"transit/decrypt/acme": {"capabilities": ["update"]}}}, narrow)
            narrow.flush()
            self.run_vault("policy-grant", "acme", "--policy", narrow.name)
        self.refuses(hvac.exceptions.Forbidden, client)

    def test_a_role_comes_and_goes(self):
        made = self.run_vault("role-create", "node", "--policy", "acme", "--token-ttl", "90s")
        secret = self.run_vault("secret-id", "node")
        client = self.devcloud.login(made["role_id"], secret["secret_id"])
        self.assertEqual(client.auth.token.lookup_self()["data"]["creation_ttl"], 90)
        self.encrypt(client, "acme")
        self.run_vault("secret-id-destroy", "node", secret["secret_id_accessor"])
        with self.assertRaises(hvac.exceptions.InvalidRequest):
            self.devcloud.login(made["role_id"], secret["secret_id"])
        self.run_vault("role-delete", "node")
        self.assertNotIn("node", [role["name"] for role in self.listed("roles")])

    def test_a_token_is_ended_and_the_vault_sealed(self):
        client = self.login()
        self.run_vault("token-revoke", client.token)
        self.refuses(hvac.exceptions.Forbidden, client)
        self.run_vault("seal")
        self.refuses(hvac.exceptions.VaultDown)
        self.run_vault("unseal")
        self.sealed()
        self.assertEqual(self.run_vault("root-token")["token"], self.devcloud.root.token)

    def test_what_is_not_there_is_not_found(self):
        for command in ("key-disable", "key-delete", "policy-revoke", "role-delete", "secret-id"):
            with self.subTest(command):
                self.run_vault(command, "nobody", status=NOT_FOUND)
        self.run_vault("secret-id-destroy", "acme", "nobody", status=NOT_FOUND)

    def test_exports_are_for_a_shell(self):
        line = [KEYHOLD, "devcloud", "vault", "setup", "--dir", self.cloud.directory, "--org", "acme"]
        script = f'eval "$({" ".join(line)})"; echo "$KEYHOLD_DEV_VAULT_KEY_URI|$VAULT_CACERT"'
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=30, check=True)
        uri, authority = done.stdout.strip().split("|")
        self.assertEqual(uri, self.made["key_uri"])
        self.assertTrue(os.path.exists(authority))
