"""The rules of docs/devcloud-enforcement.md that begin with VAULT-: devcloud and, for what is no
fault of the panel, the real OpenBao server raise the same exception with the same words."""

import os
import signal

import hvac
from cloud import Cloud
from rows import RowTest, read_rows
from vault_world import CONTEXT, PLAINTEXT, OpenBao, Server


class VaultTest(RowTest):
    @classmethod
    def setUpClass(cls):
        cls.cloud = Cloud()
        token = cls.cloud.ask("POST", "vault/root-token", {})["token"]
        cls.devcloud = Server(cls.cloud.https, cls.cloud.ca, token)
        cls.openbao = OpenBao()
        cls.both = (cls.devcloud, cls.openbao)
        VaultTest.rows = read_rows("VAULT")
        for server in cls.both:
            server.mount()
            server.root.secrets.transit.create_key("k")
            server.policy("use", transit_encrypt_k=["update"], transit_decrypt_k=["update"])

    @classmethod
    def tearDownClass(cls):
        cls.openbao.close()
        cls.cloud.close()

    def tearDown(self):
        self.cloud.clear_faults()
        self.cloud.move_clock(0)

    def caught(self, server, call):
        with self.assertRaises(hvac.exceptions.VaultError) as caught:
            call(server)
        return type(caught.exception).__name__, server.status, caught.exception.errors

    def refused(self, row, call):
        """Both servers refuse the call in the same words; gives the errors."""
        ours = self.caught(self.devcloud, call)
        self.assertEqual(ours, self.caught(self.openbao, call), row)
        self.note(row, ours[0], ours[1])
        return ours[2]

    def refused_here(self, row, call):
        """devcloud alone refuses it: a fault, or a date that was moved."""
        name, status, errors = self.caught(self.devcloud, call)
        self.note(row, name, status)
        return errors

    @staticmethod
    def encrypt(client, key="k", data=CONTEXT, **more):
        return client.secrets.transit.encrypt_data(
            name=key, plaintext=PLAINTEXT, associated_data=data, **more
        )["data"]["ciphertext"]

    @staticmethod
    def decrypt(client, ciphertext, key="k", data=CONTEXT):
        return client.secrets.transit.decrypt_data(
            name=key, ciphertext=ciphertext, associated_data=data
        )["data"]["plaintext"]

    def limited(self, server, policies=("use",), **more):
        token = server.root.auth.token.create(policies=list(policies), **more)["auth"]["client_token"]
        return server.client(token)


class Keys(VaultTest):
    def test_what_was_encrypted_is_decrypted_with_its_data_alone(self):
        for server in self.both:
            sealed = self.encrypt(server.root)
            self.assertTrue(sealed.startswith("vault:v1:"))
            self.assertEqual(self.decrypt(server.root, sealed), PLAINTEXT)
        other = "b3RoZXI="
        self.refused("VAULT-01", lambda s: self.decrypt(s.root, self.encrypt(s.root), data=other))
        self.refused("VAULT-02", lambda s: self.decrypt(s.root, "vault:v1:AAAA"))
        self.refused("VAULT-03", lambda s: self.decrypt(s.root, "garbage"))
        self.refused("VAULT-04", lambda s: self.decrypt(s.root, self.encrypt(s.root).replace(":v1:", ":v7:")))

    def test_a_key_that_is_not_there(self):
        self.refused("VAULT-05", lambda s: s.root.secrets.transit.read_key("none"))
        self.refused("VAULT-06", lambda s: self.decrypt(s.root, "vault:v1:AAAA", key="none"))
        self.refused("VAULT-07", lambda s: s.root.secrets.transit.create_key("z", key_type="nope"))

    def test_versions(self):
        def old(server, name):
            server.root.secrets.transit.create_key(name)
            sealed = self.encrypt(server.root, name)
            server.root.secrets.transit.rotate_key(name)
            return sealed

        def below_the_minimum(server):
            sealed = old(server, "aging")
            server.root.secrets.transit.update_key_configuration("aging", min_decryption_version=2)
            self.decrypt(server.root, sealed, "aging")

        def below_the_encryption_minimum(server):
            old(server, "strict")
            server.root.secrets.transit.update_key_configuration("strict", min_encryption_version=2)
            self.encrypt(server.root, "strict", key_version=1)

        self.refused("VAULT-08", below_the_minimum)
        self.refused("VAULT-09", below_the_encryption_minimum)
        self.refused("VAULT-10", lambda s: self.encrypt(s.root, key_version=9))
        self.refused(
            "VAULT-11",
            lambda s: s.root.secrets.transit.update_key_configuration("k", min_decryption_version=9),
        )

    def test_deletion(self):
        self.refused("VAULT-12", lambda s: s.root.secrets.transit.delete_key("k"))
        for server in self.both:
            transit = server.root.secrets.transit
            transit.create_key("gone")
            transit.update_key_configuration("gone", deletion_allowed=True)
            transit.delete_key("gone")
            self.assertNotIn("gone", transit.list_keys()["data"]["keys"])

    def test_a_read_key_has_the_members_of_the_real_one(self):
        ours, real = (set(s.root.secrets.transit.read_key("k")["data"]) for s in self.both)
        self.assertEqual(ours, real)


class Access(VaultTest):
    def test_tokens_and_policies(self):
        self.refused("VAULT-13", lambda s: self.encrypt(s.client("s.nobody")))
        self.refused("VAULT-14", lambda s: self.limited(s).secrets.transit.read_key("k"))

        def taken_away(server):
            server.policy("brief", transit_encrypt_k=["update"])
            client = self.limited(server, ["brief"])
            self.encrypt(client)
            server.root.sys.delete_policy("brief")
            self.encrypt(client)

        def revoked(server):
            client = self.limited(server)
            self.encrypt(client)
            client.auth.token.revoke_self()
            self.encrypt(client)

        def used_up(server):
            client = self.limited(server, num_uses=1)
            self.encrypt(client)
            self.encrypt(client)

        def denied(server):
            server.policy("no", transit_encrypt_k=["deny"])
            self.encrypt(self.limited(server, ["use", "no"]))

        self.refused("VAULT-15", taken_away)
        self.refused("VAULT-16", revoked)
        self.refused("VAULT-17", used_up)
        self.refused("VAULT-18", denied)
        self.refused("VAULT-19", lambda s: self.encrypt(self.limited(s), key="k2"))

    def test_a_token_ends(self):
        client = self.limited(self.devcloud, ttl="60s")
        self.encrypt(client)
        self.cloud.move_clock(61)
        self.refused_here("VAULT-20", lambda _server: self.encrypt(client))

    def test_lookup_and_renewal_have_the_members_of_the_real_ones(self):
        looked, renewed = [], []
        for server in self.both:
            client = self.limited(server, ttl="60s")
            looked.append(client.auth.token.lookup_self()["data"])
            renewed.append(client.auth.token.renew_self()["auth"])
        self.assertEqual(set(looked[0]), set(looked[1]))
        self.assertEqual(looked[0]["policies"], looked[1]["policies"])
        self.assertEqual(set(renewed[0]), set(renewed[1]))

    def test_policies_that_are_none(self):
        self.refused_here("VAULT-21", lambda s: s.root.sys.create_or_update_policy("bad", "path {"))
        self.refused(
            "VAULT-22",
            lambda s: s.root.sys.create_or_update_policy("bad", {"path": {"x": {"capabilities": ["fly"]}}}),
        )

    def test_a_namespace_that_is_not_there(self):
        self.refused("VAULT-23", lambda s: self.encrypt(s.client(s.root.token, namespace="other")))


class AppRole(VaultTest):
    def test_logins(self):
        for server in self.both:
            role_id, secret = server.approle("app", token_policies=["use"], token_ttl="5m")
            self.encrypt(server.login(role_id, secret["secret_id"]))

        def with_secret(server, secret_id):
            return server.login(server.root.auth.approle.read_role_id("app")["data"]["role_id"], secret_id)

        def secret_of(server):
            return server.root.auth.approle.generate_secret_id("app")["data"]

        def destroyed(server):
            secret = secret_of(server)
            with_secret(server, secret["secret_id"])
            server.root.auth.approle.destroy_secret_id("app", secret["secret_id"])
            with_secret(server, secret["secret_id"])

        def used_up(server):
            role_id, secret = server.approle("once", token_policies=["use"], secret_id_num_uses=1)
            server.login(role_id, secret["secret_id"])
            server.login(role_id, secret["secret_id"])

        def deleted(server):
            role_id, secret = server.approle("leaves", token_policies=["use"])
            server.root.auth.approle.delete_role("leaves")
            server.login(role_id, secret["secret_id"])

        self.refused("VAULT-24", lambda s: with_secret(s, "wrong"))
        self.refused("VAULT-25", lambda s: s.login("wrong", secret_of(s)["secret_id"]))
        self.refused("VAULT-26", destroyed)
        self.refused("VAULT-27", used_up)
        self.refused("VAULT-28", deleted)
        self.refused("VAULT-29", lambda s: s.root.auth.approle.generate_secret_id("none"))

    def test_a_secret_id_ends(self):
        role_id, secret = self.devcloud.approle("short", token_policies=["use"], secret_id_ttl="60s")
        self.devcloud.login(role_id, secret["secret_id"])
        self.cloud.move_clock(61)
        self.refused_here("VAULT-30", lambda s: s.login(role_id, secret["secret_id"]))


class Panel(VaultTest):
    def test_faults(self):
        kinds = {"VAULT-31": "throttle", "VAULT-32": "error", "VAULT-33": "deny", "VAULT-34": "disable"}
        for row, kind in kinds.items():
            self.cloud.fault("vault", kind, count=1)
            self.refused_here(row, lambda s: self.encrypt(s.root))
            self.cloud.clear_faults()

    def test_a_wrong_key_gives_other_bytes(self):
        sealed = self.encrypt(self.devcloud.root)
        self.cloud.fault("vault", "wrong-key")
        self.assertNotEqual(self.decrypt(self.devcloud.root, sealed), PLAINTEXT)

    def test_sealed(self):
        self.cloud.ask("POST", "vault/seal", {})
        self.refused_here("VAULT-35", lambda s: self.encrypt(s.root))
        self.cloud.ask("POST", "vault/unseal", {})
        self.encrypt(self.devcloud.root)

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

    def test_everything_survives_a_kill(self):
        sealed, client = self.encrypt(self.devcloud.root), self.limited(self.devcloud)
        self.cloud.restart(signal.SIGKILL)
        self.assertEqual(self.decrypt(client, sealed), PLAINTEXT)
