"""Transit: keys, versions, ciphertexts."""

from vault_world import OTHER_CONTEXT, PLAINTEXT, BesideOpenBaoTest


class Ciphertexts(BesideOpenBaoTest):
    def test_what_was_encrypted_is_decrypted(self):
        for server in self.both:
            sealed = self.encrypt(server.root)
            self.assertTrue(sealed.startswith("vault:v1:"))
            self.assertEqual(self.decrypt(server.root, sealed), PLAINTEXT)

    def test_a_ciphertext_opens_as_it_was_given_out_alone(self):
        def open_as(change):
            return lambda server: self.decrypt(server.root, change(self.encrypt(server.root)))

        self.refused("VAULT-01", lambda s: self.decrypt(s.root, self.encrypt(s.root), data=OTHER_CONTEXT))
        self.refused("VAULT-02", open_as(lambda _: "vault:v1:AAAA"))
        self.refused("VAULT-03", open_as(lambda _: "garbage"))
        self.refused("VAULT-04", open_as(lambda sealed: sealed.replace(":v1:", ":v7:")))
        self.refused("VAULT-05", open_as(lambda _: "vault:v1:!!!"))
        self.refused("VAULT-06", open_as(lambda sealed: sealed.replace(":v1:", ":vx:")))
        self.refused("VAULT-07", open_as(lambda sealed: sealed[:-8] + "AAAAAAA="))

    def test_another_keys_ciphertext_stays_closed(self):
        for server in self.both:
            server.root.secrets.transit.create_key("other")
        self.refused("VAULT-08", lambda s: self.decrypt(s.root, self.encrypt(s.root, "other")))

    def test_a_key_that_is_not_there(self):
        self.refused("VAULT-10", lambda s: s.root.secrets.transit.read_key("none"))
        self.refused("VAULT-11", lambda s: self.decrypt(s.root, "vault:v1:AAAA", key="none"))
        self.refused("VAULT-14", lambda s: s.root.adapter.post("/v1/transit/keys/z", json={"type": "nope"}))
        self.refused("VAULT-12", lambda s: s.root.secrets.transit.rotate_key("none"))
        self.refused("VAULT-13", lambda s: s.root.secrets.transit.delete_key("none"))

    def test_what_is_not_base64(self):
        def encrypt(server, **more):
            given = {"plaintext": PLAINTEXT, **more}
            server.root.adapter.post("/v1/transit/encrypt/k", json=given)

        self.refused("VAULT-09", lambda s: encrypt(s, plaintext="!!"))


class Keys(BesideOpenBaoTest):
    def old(self, server, name):
        """Encrypted by version 1 of a key that has two."""
        server.root.secrets.transit.create_key(name)
        sealed = self.encrypt(server.root, name)
        server.root.secrets.transit.rotate_key(name)
        return sealed

    def test_versions(self):
        def below_the_minimum(server):
            sealed = self.old(server, "aging")
            server.root.secrets.transit.update_key_configuration("aging", min_decryption_version=2)
            self.decrypt(server.root, sealed, "aging")

        def below_the_encryption_minimum(server):
            self.old(server, "strict")
            server.root.secrets.transit.update_key_configuration("strict", min_encryption_version=2)
            self.encrypt(server.root, "strict", key_version=1)

        self.refused("VAULT-15", below_the_minimum)
        self.refused("VAULT-16", below_the_encryption_minimum)
        self.refused("VAULT-17", lambda s: self.encrypt(s.root, key_version=9))
        self.refused(
            "VAULT-18",
            lambda s: s.root.secrets.transit.update_key_configuration("k", min_decryption_version=9),
        )

    def test_a_rotated_key_opens_what_its_versions_encrypted(self):
        for server in self.both:
            sealed = self.old(server, "rotated")
            self.assertTrue(self.encrypt(server.root, "rotated").startswith("vault:v2:"))
            self.assertTrue(self.encrypt(server.root, "rotated", key_version=1).startswith("vault:v1:"))
            self.assertEqual(self.decrypt(server.root, sealed, "rotated"), PLAINTEXT)

    def test_deletion(self):
        self.refused("VAULT-19", lambda s: s.root.secrets.transit.delete_key("k"))
        for server in self.both:
            transit = server.root.secrets.transit
            transit.create_key("gone")
            transit.update_key_configuration("gone", deletion_allowed=True)
            transit.delete_key("gone")
            self.assertNotIn("gone", transit.list_keys()["data"]["keys"])

    def test_a_soft_deleted_key_is_not_used_until_it_is_restored(self):
        sealed = {}
        for server in self.both:
            server.root.secrets.transit.create_key("soft")
            sealed[server] = self.encrypt(server.root, "soft")
            server.root.adapter.delete("/v1/transit/keys/soft/soft-delete")
        self.refused("VAULT-20", lambda s: self.decrypt(s.root, sealed[s], "soft"))
        self.refused("VAULT-21", lambda s: self.encrypt(s.root, "soft"))
        for server in self.both:
            server.root.adapter.post("/v1/transit/keys/soft/soft-delete-restore")
            self.assertEqual(self.decrypt(server.root, sealed[server], "soft"), PLAINTEXT)

    def test_a_read_key_has_the_members_of_the_real_one(self):
        ours, real = (s.root.secrets.transit.read_key("k")["data"] for s in self.both)
        for data in (ours, real):
            data["keys"] = sorted(data["keys"])
        self.assertEqual(ours, real)
