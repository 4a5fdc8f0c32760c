"""Cloud KMS: who may, in which state, on what bytes."""

import crc32c as crc


from google.iam.v1 import policy_pb2

from gcp_world import ADMIN, CLUSTER, CUSTOMER, KMS, RING, USE, GcpTest

DAY = 86400


def state_of(version, state):
    return {"crypto_key_version": {"name": version, "state": state}, "update_mask": {"paths": ["state"]}}


class Permissions(GcpTest):
    def test_token_is_one_of_this_cloud_and_lives(self):
        key = self.world.key(USE)
        self.refused("GCP-29", self.world.client(self.world.bearer("ya29.c.made-up")).get_crypto_key, name=key)
        self.refused("GCP-30", self.world.client(self.world.token(CUSTOMER, seconds=-1)).encrypt, name=key, plaintext=b"x")
        email, _ = self.world.fresh_account()
        self.world.grant(key, USE, email)
        client = self.world.client(self.world.token(email))
        client.encrypt(name=key, plaintext=b"x")
        self.world.gcp("set-account", email=email, disabled=True)
        self.assertIn("disabled", self.refused("GCP-31", client.encrypt, name=key, plaintext=b"x"))

    def test_token_has_the_scope(self):
        key = self.world.key(USE)
        storage = "https://www.googleapis.com/auth/devstorage.read_only"
        told = self.refused("GCP-32", self.world.client(self.world.token(CUSTOMER, scope=storage)).encrypt, name=key, plaintext=b"x")
        self.assertIn("insufficient authentication scopes", told)
        self.world.client(self.world.token(CUSTOMER, scope=KMS)).encrypt(name=key, plaintext=b"x")

    def test_own_assertion_of_an_account_is_taken_for_a_token(self):
        key = self.world.key(USE)
        from google.oauth2 import service_account

        login = service_account.Credentials.from_service_account_info(self.world.files[CUSTOMER])
        self.world.client(login).encrypt(name=key, plaintext=b"x")
        stranger = service_account.Credentials.from_service_account_info(self.world.files[CLUSTER])
        self.refused("GCP-33", self.world.client(stranger).encrypt, name=key, plaintext=b"x")

    def test_each_method_asks_for_its_own_permission(self):
        key, admin = self.world.key(USE), self.world.admin
        user = self.world.user()
        blob = user.encrypt(name=key, plaintext=b"x").ciphertext
        told = self.refused("GCP-33", admin.encrypt, name=key, plaintext=b"x")
        self.assertIn("cloudkms.cryptoKeyVersions.useToEncrypt", told)
        self.refused("GCP-34", admin.decrypt, name=key, ciphertext=blob)
        told = self.refused("GCP-35", user.get_crypto_key, name=key)
        self.assertIn("cloudkms.cryptoKeys.get", told)
        self.world.grant(key, "roles/cloudkms.viewer", CUSTOMER)
        user.get_crypto_key(name=key)
        version = key + "/cryptoKeyVersions/1"
        user.get_crypto_key_version(name=version)
        self.refused("GCP-36", user.update_crypto_key_version, **state_of(version, "DISABLED"))
        self.refused("GCP-37", user.destroy_crypto_key_version, name=version)
        self.refused("GCP-38", user.create_crypto_key, parent=RING, crypto_key_id="mine",
                     crypto_key={"purpose": "ENCRYPT_DECRYPT"})
        self.refused("GCP-39", user.set_iam_policy, request={"resource": key, "policy": policy_pb2.Policy()})
        self.refused("GCP-40", user.update_crypto_key_primary_version, name=key, crypto_key_version_id="1")
        self.world.revoke(key, USE, CUSTOMER)
        self.refused("GCP-33", user.encrypt, name=key, plaintext=b"x")

    def test_decrypter_does_not_encrypt(self):
        key = self.world.key("roles/cloudkms.cryptoKeyDecrypter")
        self.refused("GCP-33", self.world.user().encrypt, name=key, plaintext=b"x")
        other = self.world.key("roles/cloudkms.cryptoKeyEncrypter")
        blob = self.world.user().encrypt(name=other, plaintext=b"x").ciphertext
        self.refused("GCP-34", self.world.user().decrypt, name=other, ciphertext=blob)

    def test_policy_is_read_changed_and_tested_over_rest(self):
        key, admin = self.world.key(), self.world.admin
        policy = admin.get_iam_policy(request={"resource": key})
        stale = policy_pb2.Policy()
        stale.CopyFrom(policy)
        policy.bindings.add(role=USE, members=[f"serviceAccount:{CUSTOMER}"])
        admin.set_iam_policy(request={"resource": key, "policy": policy})
        user = self.world.user()
        user.encrypt(name=key, plaintext=b"x")
        asked = ["cloudkms.cryptoKeyVersions.useToEncrypt", "cloudkms.cryptoKeys.get"]
        held = user.test_iam_permissions(request={"resource": key, "permissions": asked}).permissions
        self.assertEqual(list(held), asked[:1])
        self.refused("GCP-41", admin.set_iam_policy, request={"resource": key, "policy": stale})
        nobody = policy_pb2.Policy()
        nobody.bindings.add(role=USE, members=["serviceAccount:nobody@customer.iam.gserviceaccount.com"])
        self.refused("GCP-42", admin.set_iam_policy, request={"resource": key, "policy": nobody})
        unknown = policy_pb2.Policy()
        unknown.bindings.add(role="roles/none", members=[f"serviceAccount:{CUSTOMER}"])
        self.refused("GCP-43", admin.set_iam_policy, request={"resource": key, "policy": unknown})


class States(GcpTest):
    def test_disabled_version_is_refused_until_it_is_enabled(self):
        key, user, admin = self.world.key(USE), self.world.user(), self.world.admin
        version = key + "/cryptoKeyVersions/1"
        blob = user.encrypt(name=key, plaintext=b"x").ciphertext
        admin.update_crypto_key_version(**state_of(version, "DISABLED"))
        self.assertIn("current state is: DISABLED", self.refused("GCP-44", user.encrypt, name=key, plaintext=b"x"))
        self.refused("GCP-45", user.decrypt, name=key, ciphertext=blob)
        admin.update_crypto_key_version(**state_of(version, "ENABLED"))
        self.assertEqual(user.decrypt(name=key, ciphertext=blob).plaintext, b"x")

    def test_destruction_is_scheduled_restored_and_final(self):
        key, user, admin = self.world.key(USE), self.world.user(), self.world.admin
        version = key + "/cryptoKeyVersions/1"
        blob = user.encrypt(name=key, plaintext=b"x").ciphertext
        self.refused("GCP-46", admin.restore_crypto_key_version, name=version)
        scheduled = admin.destroy_crypto_key_version(name=version)
        self.assertEqual(scheduled.state.name, "DESTROY_SCHEDULED")
        self.assertIn("DESTROY_SCHEDULED", self.refused("GCP-47", user.decrypt, name=key, ciphertext=blob))
        self.refused("GCP-48", admin.update_crypto_key_version, **state_of(version, "ENABLED"))
        self.refused("GCP-49", admin.destroy_crypto_key_version, name=version)
        self.assertEqual(admin.restore_crypto_key_version(name=version).state.name, "DISABLED")
        admin.update_crypto_key_version(**state_of(version, "ENABLED"))
        user.decrypt(name=key, ciphertext=blob)
        admin.destroy_crypto_key_version(name=version)
        self.cloud.move_clock(31 * DAY)
        self.world.gcp("list")
        self.cloud.move_clock(0)
        self.assertEqual(admin.get_crypto_key_version(name=version).state.name, "DESTROYED")
        self.assertIn("DESTROYED", self.refused("GCP-50", user.decrypt, name=key, ciphertext=blob))
        self.refused("GCP-46", admin.restore_crypto_key_version, name=version)

    def test_primary_is_an_enabled_version(self):
        key, user, admin = self.world.key(USE), self.world.user(), self.world.admin
        old = user.encrypt(name=key, plaintext=b"x").ciphertext
        second = admin.create_crypto_key_version(parent=key, crypto_key_version={}).name
        self.assertTrue(user.encrypt(name=key, plaintext=b"x").name.endswith("/1"))
        admin.update_crypto_key_version(**state_of(second, "DISABLED"))
        self.refused("GCP-51", admin.update_crypto_key_primary_version, name=key, crypto_key_version_id="2")
        self.refused("GCP-52", admin.update_crypto_key_primary_version, name=key, crypto_key_version_id="3")
        admin.update_crypto_key_version(**state_of(second, "ENABLED"))
        admin.update_crypto_key_primary_version(name=key, crypto_key_version_id="2")
        self.assertTrue(user.encrypt(name=key, plaintext=b"x").name.endswith("/2"))
        self.assertEqual(user.decrypt(name=key, ciphertext=old).plaintext, b"x")
        names = [version.name for version in admin.list_crypto_key_versions(parent=key)]
        self.assertEqual(names, [key + "/cryptoKeyVersions/1", second])

    def test_key_without_primary_encrypts_nothing(self):
        key = self.world.admin.create_crypto_key(request={
            "parent": RING, "crypto_key_id": self.world.fresh("key"), "crypto_key": {"purpose": "ENCRYPT_DECRYPT"},
            "skip_initial_version_creation": True}).name
        self.world.grant(key, USE, CUSTOMER)
        self.assertIn("no primary version", self.refused("GCP-53", self.world.user().encrypt, name=key, plaintext=b"x"))

    def test_change_takes_as_long_as_the_propagation(self):
        key, user = self.world.key(USE), self.world.user()
        user.encrypt(name=key, plaintext=b"x")
        self.cloud.set_propagation(1)
        self.world.revoke(key, USE, CUSTOMER)
        user.encrypt(name=key, plaintext=b"x")
        from google.api_core.exceptions import Forbidden

        for _ in range(10000):  # bounded by the delay itself
            try:
                user.encrypt(name=key, plaintext=b"x")
            except Forbidden:
                return
        self.fail("the change never came through")


class Ciphertexts(GcpTest):
    def test_aad_bytes_and_key_are_authenticated(self):
        key, other, user = self.world.key(USE), self.world.key(USE), self.world.user()
        blob = user.encrypt(request={"name": key, "plaintext": b"x", "additional_authenticated_data": b"org"}).ciphertext
        opened = user.decrypt(request={"name": key, "ciphertext": blob, "additional_authenticated_data": b"org"})
        self.assertEqual((opened.plaintext, opened.used_primary), (b"x", True))
        for aad in (b"other", b""):
            self.refused("GCP-54", user.decrypt,
                         request={"name": key, "ciphertext": blob, "additional_authenticated_data": aad})
        flipped = blob[:-1] + bytes([blob[-1] ^ 1])
        self.refused("GCP-55", user.decrypt,
                     request={"name": key, "ciphertext": flipped, "additional_authenticated_data": b"org"})
        self.refused("GCP-56", user.decrypt,
                     request={"name": other, "ciphertext": blob, "additional_authenticated_data": b"org"})

    def test_checksums_both_ways(self):
        key, user = self.world.key(USE), self.world.user()
        right, wrong = crc.value(b"text"), crc.value(b"test")
        sent = user.encrypt(request={"name": key, "plaintext": b"text", "plaintext_crc32c": right,
                                     "additional_authenticated_data": b"a",
                                     "additional_authenticated_data_crc32c": crc.value(b"a")})
        self.assertTrue(sent.verified_plaintext_crc32c and sent.verified_additional_authenticated_data_crc32c)
        self.assertEqual(sent.ciphertext_crc32c, crc.value(sent.ciphertext))
        opened = user.decrypt(request={"name": key, "ciphertext": sent.ciphertext, "ciphertext_crc32c":
                                       crc.value(sent.ciphertext), "additional_authenticated_data": b"a"})
        self.assertEqual(opened.plaintext_crc32c, right)
        self.refused("GCP-57", user.encrypt, request={"name": key, "plaintext": b"text", "plaintext_crc32c": wrong})
        self.refused("GCP-58", user.encrypt, request={"name": key, "plaintext": b"text",
                     "additional_authenticated_data": b"a", "additional_authenticated_data_crc32c": wrong})
        self.refused("GCP-59", user.decrypt,
                     request={"name": key, "ciphertext": sent.ciphertext, "ciphertext_crc32c": wrong})
        self.assertFalse(user.encrypt(name=key, plaintext=b"text").verified_plaintext_crc32c)

    def test_size_and_purpose(self):
        key, user = self.world.key(USE), self.world.user()
        user.encrypt(name=key, plaintext=b"x" * 65536)
        self.refused("GCP-60", user.encrypt, name=key, plaintext=b"x" * 65537)
        signing = self.world.key(USE, purpose="ASYMMETRIC_SIGN",
                                 version_template={"algorithm": "EC_SIGN_P256_SHA256"})
        self.assertIn("purpose ASYMMETRIC_SIGN", self.refused("GCP-61", user.encrypt, name=signing, plaintext=b"x"))
        self.refused("GCP-61", user.decrypt, name=signing, ciphertext=b"x")
        self.refused("GCP-62", self.world.admin.update_crypto_key_primary_version, name=signing,
                     crypto_key_version_id="1")


class Names(GcpTest):
    def test_resources_are_there_once_and_well_named(self):
        admin, key = self.world.admin, self.world.key(USE)
        self.world.grant(RING, USE, CUSTOMER)
        self.refused("GCP-63", self.world.user().encrypt, name=RING + "/cryptoKeys/none", plaintext=b"x")
        self.world.revoke(RING, USE, CUSTOMER)
        self.refused("GCP-33", self.world.user().encrypt, name=RING + "/cryptoKeys/none", plaintext=b"x")
        made = {"purpose": "ENCRYPT_DECRYPT"}
        self.refused("GCP-64", admin.create_crypto_key, parent=RING, crypto_key_id=key.rsplit("/", 1)[1], crypto_key=made)
        self.refused("GCP-65", admin.create_crypto_key, parent=RING, crypto_key_id="no spaces", crypto_key=made)
        self.refused("GCP-66", admin.create_crypto_key, parent=RING, crypto_key_id="k", crypto_key={})
        self.refused("GCP-67", admin.create_crypto_key, parent=RING, crypto_key_id="k",
                     crypto_key={"purpose": "ASYMMETRIC_SIGN"})
        self.refused("GCP-68", admin.create_crypto_key, parent=RING, crypto_key_id="k",
                     crypto_key={"purpose": "ENCRYPT_DECRYPT", "destroy_scheduled_duration": {"seconds": 60}})
        self.refused("GCP-69", admin.update_crypto_key_version,
                     crypto_key_version={"name": key + "/cryptoKeyVersions/1", "state": "DISABLED"}, update_mask={})

    def test_rings_are_made_and_listed_in_pages(self):
        self.world.grant("projects/paged", "roles/cloudkms.admin", ADMIN)
        admin, parent = self.world.admin, "projects/paged/locations/europe-west1"
        for name in ("a", "b", "c"):
            admin.create_key_ring(parent=parent, key_ring_id=name, key_ring={})
        rings = admin.list_key_rings(request={"parent": parent, "page_size": 2})
        self.assertEqual([ring.name[-1] for ring in rings], ["a", "b", "c"])
        admin.create_crypto_key(parent=parent + "/keyRings/a", crypto_key_id="k", crypto_key={
            "purpose": "ENCRYPT_DECRYPT", "labels": {"team": "a"}})
        mask = {"paths": ["labels"]}
        changed = admin.update_crypto_key(crypto_key={"name": parent + "/keyRings/a/cryptoKeys/k",
                                                      "labels": {"team": "b"}}, update_mask=mask)
        self.assertEqual(changed.labels["team"], "b")
        self.assertEqual(len(list(admin.list_crypto_keys(parent=parent + "/keyRings/a"))), 1)

    def test_wrong_types_are_refused_and_break_nothing(self):
        key = self.world.key(USE)
        token = self.world.gcp("token", email=CUSTOMER)["access_token"]
        admin = self.world.gcp("token", email=ADMIN)["access_token"]
        login = f"/v1/projects/-/serviceAccounts/{CUSTOMER}:generateAccessToken"
        cluster = self.world.gcp("token", email=CLUSTER)["access_token"]
        bodies = [
            ("POST", f"/v1/{key}:encrypt", token, body)
            for body in ("{", "[]", "7", '{"plaintext": 7}', '{"plaintext": "*"}', '{"plaintext": {}}',
                         '{"plaintext": "eA==", "plaintextCrc32c": true}', '{"plaintext": "eA==", "plaintextCrc32c": -1}',
                         '{"plaintext": "eA==", "plaintextCrc32c": "x"}', '{"text": "eA=="}')
        ] + [
            ("POST", f"/v1/{RING}/cryptoKeys?cryptoKeyId=k", admin, body)
            for body in ('{"purpose": 99}', '{"purpose": "ENCRYPT_DECRYPT", "labels": 1}',
                         '{"purpose": "ENCRYPT_DECRYPT", "labels": {"a": 1}}',
                         '{"purpose": "ENCRYPT_DECRYPT", "versionTemplate": []}',
                         '{"purpose": "ENCRYPT_DECRYPT", "rotationPeriod": 5}')
        ] + [
            ("POST", f"/v1/{key}:updatePrimaryVersion", admin, '{"cryptoKeyVersionId": 1}'),
            ("POST", f"/v1/{key}:setIamPolicy", admin, '{"policy": []}'),
            ("POST", f"/v1/{key}:setIamPolicy", admin, '{"policy": {"bindings": {}}}'),
            ("POST", f"/v1/{key}:setIamPolicy", admin, '{"policy": {"bindings": [{"role": 1, "members": 2}]}}'),
            ("POST", f"/v1/{key}:testIamPermissions", admin, '{"permissions": 3}'),
            ("POST", login, cluster, '{"scope": "x"}'),
            ("POST", login, cluster, '{"scope": ["https://www.googleapis.com/auth/iam"], "delegates": 4}'),
            ("POST", login, cluster, '{"scope": ["https://www.googleapis.com/auth/iam"], "lifetime": 60}'),
            ("PATCH", f"/v1/{key}/cryptoKeyVersions/1?updateMask=state", admin, '{"state": 99}'),
        ]
        for method, path, bearer, body in bodies:
            with self.subTest(path.rsplit("/", 1)[1], body=body):
                answer = self.raw(method, path, bearer, body)
                told = answer.json()["error"]
                self.assertEqual((answer.status_code, told["code"], told["status"]), (400, 400, "INVALID_ARGUMENT"), body)
        self.world.user().encrypt(name=key, plaintext=b"x")
        self.assertEqual(self.raw("GET", "/v1/projects/a/b", token).status_code, 404)
