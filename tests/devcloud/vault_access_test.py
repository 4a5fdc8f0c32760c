"""Tokens, policies, AppRole."""

from vault_world import BesideOpenBaoTest, VaultTest


class Tokens(BesideOpenBaoTest):
    def test_a_token_that_is_none(self):
        def revoked(server):
            client = server.limited()
            self.encrypt(client)
            client.auth.token.revoke_self()
            self.encrypt(client)

        def used_up(server):
            client = server.limited(num_uses=1)
            self.encrypt(client)
            self.encrypt(client)

        def looked_up(server):
            server.root.auth.token.lookup("s.nobody")

        self.refused("VAULT-22", lambda s: self.encrypt(s.client("s.nobody")))
        self.refused("VAULT-23", lambda s: self.encrypt(s.client()))
        self.refused("VAULT-27", revoked)
        self.refused("VAULT-28", used_up)
        self.refused("VAULT-24", looked_up)

    def test_lookup_and_renewal_have_the_members_of_the_real_ones(self):
        looked, renewed = [], []
        for server in self.both:
            client = server.limited(ttl="60s")
            looked.append(client.auth.token.lookup_self()["data"])
            renewed.append(client.auth.token.renew_self()["auth"])
        self.assertEqual(set(looked[0]), set(looked[1]))
        self.assertEqual(looked[0]["policies"], looked[1]["policies"])
        self.assertEqual(set(renewed[0]), set(renewed[1]))


class Policies(BesideOpenBaoTest):
    def test_what_no_policy_allows(self):
        def denied(server):
            server.policy("no", transit_encrypt_k=["deny"])
            self.encrypt(server.limited(["use", "no"]))

        self.refused("VAULT-25", lambda s: s.limited().secrets.transit.read_key("k"))
        self.refused("VAULT-29", denied)
        self.refused("VAULT-30", lambda s: self.encrypt(s.limited(), key="k2"))

    def test_a_policy_that_was_taken_away_binds_tokens_that_are_out(self):
        def taken_away(server):
            server.policy("brief", transit_encrypt_k=["update"])
            client = server.limited(["brief"])
            self.encrypt(client)
            server.root.sys.delete_policy("brief")
            self.encrypt(client)

        self.refused("VAULT-26", taken_away)

    def test_a_key_is_made_by_who_may_create(self):
        def without_create(server):
            server.policy("wide", **{"transit_encrypt_*": ["update"]})
            self.encrypt(server.limited(["wide"]), key="unborn")

        self.refused("VAULT-31", without_create)
        for server in self.both:
            server.policy("maker", **{"transit_encrypt_*": ["create", "update"]})
            self.encrypt(server.limited(["maker"]), key="born")
            self.assertIn("born", server.root.secrets.transit.list_keys()["data"]["keys"])

    def test_policies_that_are_none(self):
        self.refused_here("VAULT-33", lambda s: s.root.sys.create_or_update_policy("bad", "path {"))
        self.refused(
            "VAULT-34",
            lambda s: s.root.sys.create_or_update_policy("bad", {"path": {"x": {"capabilities": ["fly"]}}}),
        )
        self.refused("VAULT-35", lambda s: s.root.sys.delete_policy("root"))

    def test_a_namespace_or_an_engine_that_is_not_there(self):
        self.refused("VAULT-36", lambda s: self.encrypt(s.client(s.root.token, namespace="other")))
        self.refused("VAULT-37", lambda s: s.root.secrets.transit.read_key("k", mount_point="nope"))
        self.refused("VAULT-38", lambda s: s.root.sys.enable_secrets_engine("transit"))


class AppRole(BesideOpenBaoTest):
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

        self.refused("VAULT-39", lambda s: with_secret(s, "wrong"))
        self.refused("VAULT-40", lambda s: s.login("wrong", secret_of(s)["secret_id"]))
        self.refused("VAULT-41", destroyed)
        self.refused("VAULT-43", used_up)
        self.refused("VAULT-44", deleted)
        self.refused("VAULT-46", lambda s: s.root.auth.approle.generate_secret_id("none"))

    def test_an_accessor_that_is_none(self):
        for server in self.both:
            server.approle("app", token_policies=["use"])
        self.refused("VAULT-47", lambda s: s.root.auth.approle.destroy_secret_id_accessor("app", "none"))

    def test_a_secret_id_is_destroyed_by_its_accessor(self):
        def destroyed(server):
            role_id, secret = server.approle("app", token_policies=["use"])
            role = server.root.auth.approle
            role.destroy_secret_id_accessor("app", secret["secret_id_accessor"])
            server.login(role_id, secret["secret_id"])

        self.refused("VAULT-42", destroyed)

    def test_a_login_and_a_role_have_the_members_of_the_real_ones(self):
        roles, logins = [], []
        for server in self.both:
            role_id, secret = server.approle("same", token_policies=["use"], token_ttl="5m")
            roles.append(server.root.auth.approle.read_role("same")["data"])
            logins.append(server.client().auth.approle.login(role_id, secret["secret_id"])["auth"])
        self.assertEqual(roles[0], roles[1])
        self.assertEqual(set(logins[0]), set(logins[1]))
        self.assertEqual(logins[0]["policies"], logins[1]["policies"])

    def test_a_method_that_was_taken_away_logs_nobody_in(self):
        def taken_away(server):
            server.root.sys.enable_auth_method("approle", path="brief")
            role = server.root.auth.approle
            role.create_or_update_approle("app", token_policies=["use"], mount_point="brief")
            role_id = role.read_role_id("app", mount_point="brief")["data"]["role_id"]
            secret = role.generate_secret_id("app", mount_point="brief")["data"]["secret_id"]
            server.root.sys.disable_auth_method("brief")
            server.client().auth.approle.login(role_id, secret, mount_point="brief")

        self.refused("VAULT-45", taken_away)


class Dates(VaultTest):
    def test_a_token_ends(self):
        client = self.devcloud.limited(ttl="60s")
        self.encrypt(client)
        self.cloud.move_clock(61)
        self.refused_here("VAULT-32", lambda _server: self.encrypt(client))

    def test_a_renewed_token_lives_on(self):
        client = self.devcloud.limited(ttl="60s")
        self.cloud.move_clock(40)
        client.auth.token.renew_self()
        self.cloud.move_clock(80)
        self.encrypt(client)

    def test_a_secret_id_ends(self):
        role_id, secret = self.devcloud.approle("short", token_policies=["use"], secret_id_ttl="60s")
        self.devcloud.login(role_id, secret["secret_id"])
        self.cloud.move_clock(61)
        self.refused_here("VAULT-48", lambda s: s.login(role_id, secret["secret_id"]))
