"""KMS: who may, in which state, on what bytes."""

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from aws_world import CONTEXT, USES, AwsTest, document, statement

DAY = 86400


class Permissions(AwsTest):
    def test_key_policy_must_let_in(self):
        role = self.world.role("customer", policy=document(statement()))
        key = self.cloud.aws("kms", account=self.world.id("customer"), region="us-east-1", operation="CreateKey", input={
            "Policy": document(self.world.by(self.world.user("customer"))), "BypassPolicyLockoutSafetyCheck": True,
        })["KeyMetadata"]["Arn"]
        client = self.cloud.client("kms", self.world.assume(role))
        told = self.refused("AWS-43", client.encrypt, KeyId=key, Plaintext=b"x")
        self.assertIn("because no resource-based policy allows the kms:Encrypt action", told)

    def test_key_policy_for_the_account_leaves_it_to_iam(self):
        role = self.world.role("customer")
        client = self.cloud.client("kms", self.world.assume(role))
        key = self.world.key()
        told = self.refused("AWS-44", client.encrypt, KeyId=key, Plaintext=b"x")
        self.assertIn("because no identity-based policy allows the kms:Encrypt action", told)
        self.cloud.aws("put-policy", principal=role, name="use", document=document(statement(resource=key)))
        self.encrypt(client, key)
        self.cloud.aws("delete-policy", principal=role, name="use")
        self.refused("AWS-44", client.encrypt, KeyId=key, Plaintext=b"x")

    def test_other_account_needs_both_sides(self):
        user = self.world.user("stranger")
        client = self.cloud.client("kms", self.world.keys_of(user))
        let_in, closed = self.world.key(self.world.by(user)), self.world.key()
        self.refused("AWS-45", client.encrypt, KeyId=let_in, Plaintext=b"x")
        self.cloud.aws("put-policy", principal=user, name="use", document=document(statement()))
        blob = self.encrypt(client, let_in)
        self.refused("AWS-46", client.encrypt, KeyId=closed, Plaintext=b"x")
        hidden = self.encrypt(self.world.root, closed)
        told = self.refused("AWS-47", client.decrypt, CiphertextBlob=hidden, EncryptionContext=CONTEXT)
        self.assertIn("does not exist in this region, or you are not allowed", told)
        client.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)

    def test_explicit_deny_wins(self):
        role = self.world.role("customer", policy=document(statement()))
        client = self.cloud.client("kms", self.world.assume(role))
        denied = self.world.key(self.world.by(role), self.world.by(role, "Deny", "kms:Decrypt"))
        blob = self.encrypt(client, denied)
        told = self.refused("AWS-48", client.decrypt, CiphertextBlob=blob, EncryptionContext=CONTEXT)
        self.assertIn("with an explicit deny in a resource-based policy", told)
        self.cloud.aws("put-policy", principal=role, name="no", document=document(statement("Deny", "kms:Encrypt")))
        told = self.refused("AWS-49", client.encrypt, KeyId=denied, Plaintext=b"x")
        self.assertIn("with an explicit deny in an identity-based policy", told)

    def test_only_the_allowed_actions_are(self):
        _, key, client = self.world.setup(actions=["kms:Encrypt", "kms:Describe*"])
        blob = self.encrypt(client, key)
        client.describe_key(KeyId=key)
        self.refused("AWS-50", client.decrypt, CiphertextBlob=blob, EncryptionContext=CONTEXT)
        self.refused("AWS-51", client.disable_key, KeyId=key)
        self.refused("AWS-52", client.create_key)

    def test_condition_on_the_encryption_context(self):
        serve = {"StringEquals": {"kms:EncryptionContext:purpose": "serve"}}
        _, key, client = self.world.setup(condition=serve)
        self.encrypt(client, key)
        restore = dict(CONTEXT, purpose="restore")
        self.refused("AWS-53", client.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext=restore)
        self.refused("AWS-54", client.encrypt, KeyId=key, Plaintext=b"x")
        blob = self.encrypt(self.world.root, key, context=restore)
        self.refused("AWS-53", client.decrypt, CiphertextBlob=blob, EncryptionContext=restore)

    def test_conditions_on_names_and_patterns(self):
        _, key, client = self.world.setup(condition={"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "org"}})
        self.encrypt(client, key)
        self.refused("AWS-55", client.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext={"cluster": "c"})
        _, key, client = self.world.setup(condition={"Null": {"kms:EncryptionContext:org": "false"}})
        self.encrypt(client, key)
        self.refused("AWS-56", client.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext={"cluster": "c"})
        _, key, client = self.world.setup(condition={"StringLike": {"kms:EncryptionContext:org": "ac*"}})
        self.encrypt(client, key)
        self.refused("AWS-57", client.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext={"org": "other"})
        _, key, client = self.world.setup(condition={"StringNotEquals": {"kms:EncryptionContext:purpose": "restore"}})
        self.encrypt(client, key)
        self.refused("AWS-58", client.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext={"purpose": "restore"})

    def test_conditions_on_the_caller(self):
        _, key, client = self.world.setup(condition={"StringEquals": {"kms:CallerAccount": self.world.id("customer")}})
        self.encrypt(client, key)
        _, key, client = self.world.setup(condition={"StringEquals": {"kms:CallerAccount": self.world.id("stranger")}})
        self.refused("AWS-59", client.encrypt, KeyId=key, Plaintext=b"x")
        _, key, client = self.world.setup(condition={"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}})
        self.refused("AWS-60", client.encrypt, KeyId=key, Plaintext=b"x")
        _, key, client = self.world.setup(condition={"Bool": {"aws:SecureTransport": "true"}})
        self.encrypt(client, key)

    def test_rewrap_needs_both_of_its_permissions(self):
        _, key, client = self.world.setup(actions=["kms:Encrypt", "kms:ReEncryptTo"])
        blob = self.encrypt(client, key)
        arguments = {"CiphertextBlob": blob, "SourceEncryptionContext": CONTEXT, "DestinationKeyId": key}
        self.refused("AWS-61", client.re_encrypt, **arguments)
        _, key, client = self.world.setup(actions=["kms:Encrypt", "kms:ReEncryptFrom"])
        arguments.update(CiphertextBlob=self.encrypt(client, key), DestinationKeyId=key)
        self.refused("AWS-62", client.re_encrypt, **arguments)
        _, key, client = self.world.setup(actions=["kms:Encrypt", "kms:ReEncrypt*", "kms:Decrypt"])
        arguments.update(CiphertextBlob=self.encrypt(client, key), DestinationKeyId=key)
        again = client.re_encrypt(DestinationEncryptionContext={"new": "yes"}, **arguments)
        client.decrypt(CiphertextBlob=again["CiphertextBlob"], EncryptionContext={"new": "yes"})


class Policies(AwsTest):
    def put(self, row, key, policy):
        import json

        text = policy if isinstance(policy, str) else json.dumps(policy)
        return self.refused(row, self.world.root.put_key_policy, KeyId=key, PolicyName="default", Policy=text)

    def test_key_policy_is_checked(self):
        key = self.world.key()
        self.put("AWS-63", key, document(self.world.by(self.world.user("customer"), action="kms:Encrypt")))
        root = self.world.by(self.world.root_arn("customer"))
        nobody = f"arn:aws:iam::{self.world.id('customer')}:role/nobody"
        self.put("AWS-64", key, document(root, self.world.by(nobody)))
        self.put("AWS-65", key, "{")
        self.put("AWS-65", key, document(root, dict(root, Condition={"NumericOdd": {"aws:x": "1"}})))
        self.assertIn(self.world.root_arn("customer"), self.world.root.get_key_policy(KeyId=key)["Policy"])


class States(AwsTest):
    def refused_to_use(self, row, key, blob):
        root = self.world.root
        self.refused(row, root.encrypt, KeyId=key, Plaintext=b"x")
        self.refused(row, root.decrypt, CiphertextBlob=blob, EncryptionContext=CONTEXT)
        return self.refused(row, root.generate_data_key, KeyId=key, KeySpec="AES_256")

    def test_disabled_key_is_refused_until_it_is_enabled(self):
        key, root = self.world.key(), self.world.root
        blob = self.encrypt(root, key)
        root.disable_key(KeyId=key)
        self.assertEqual(root.describe_key(KeyId=key)["KeyMetadata"]["KeyState"], "Disabled")
        self.refused_to_use("AWS-66", key, blob)
        root.enable_key(KeyId=key)
        root.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)

    def test_deletion_has_a_window_and_an_end(self):
        key, root = self.world.key(), self.world.root
        blob = self.encrypt(root, key)
        self.refused("AWS-67", root.schedule_key_deletion, KeyId=key, PendingWindowInDays=6)
        self.refused("AWS-68", root.cancel_key_deletion, KeyId=key)
        root.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        self.refused_to_use("AWS-69", key, blob)
        self.refused("AWS-70", root.enable_key, KeyId=key)
        root.cancel_key_deletion(KeyId=key)
        self.refused_to_use("AWS-66", key, blob)
        root.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        self.cloud.move_clock(8 * DAY)
        self.cloud.aws("list")
        self.cloud.move_clock(0)
        self.refused("AWS-71", root.describe_key, KeyId=key)
        self.refused("AWS-72", root.decrypt, CiphertextBlob=blob, EncryptionContext=CONTEXT)

    def test_rotation_keeps_what_was_encrypted_before(self):
        key, root = self.world.key(), self.world.root
        before = root.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
        blob = self.encrypt(root, key)
        root.rotate_key_on_demand(KeyId=key)
        after = root.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
        self.assertNotEqual(before, after)
        opened = root.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
        self.assertEqual(opened["KeyMaterialId"], before)
        again = root.decrypt(CiphertextBlob=self.encrypt(root, key), EncryptionContext=CONTEXT)
        self.assertEqual(again["KeyMaterialId"], after)
        for _ in range(24):
            root.rotate_key_on_demand(KeyId=key)
        self.refused("AWS-73", root.rotate_key_on_demand, KeyId=key)

    def test_change_takes_as_long_as_the_propagation(self):
        key, root = self.world.key(), self.world.root
        self.cloud.set_propagation(1)
        root.disable_key(KeyId=key)
        self.encrypt(root, key)
        for _ in range(10000):  # bounded by the delay itself
            try:
                self.encrypt(root, key)
            except root.exceptions.DisabledException:
                return
        self.fail("the change never came through")


class Names(AwsTest):
    def test_key_that_is_not_there(self):
        key, root = self.world.key(), self.world.root
        missing = key[:-12] + "000000000000"
        self.refused("AWS-74", root.encrypt, KeyId=missing, Plaintext=b"x")
        elsewhere = self.cloud.client("kms", self.world.accounts["customer"], region="eu-west-1")
        self.refused("AWS-75", elsewhere.encrypt, KeyId=key, Plaintext=b"x")
        self.refused("AWS-76", root.encrypt, KeyId="alias/nothing", Plaintext=b"x")
        self.refused("AWS-77", root.encrypt, KeyId="arn:aws:s3:::bucket", Plaintext=b"x")

    def test_alias_leads_to_a_key(self):
        key, root = self.world.key(), self.world.root
        root.create_alias(AliasName="alias/orders", TargetKeyId=key)
        self.encrypt(root, "alias/orders")
        self.encrypt(root, key.rsplit(":", 1)[0] + ":alias/orders")
        self.refused("AWS-78", root.create_alias, AliasName="alias/orders", TargetKeyId=key)
        self.refused("AWS-79", root.create_alias, AliasName="alias/aws/mine", TargetKeyId=key)
        self.refused("AWS-80", root.create_alias, AliasName="orders", TargetKeyId=key)
        self.refused("AWS-81", root.disable_key, KeyId="alias/orders")
        other = self.world.key()
        root.update_alias(AliasName="alias/orders", TargetKeyId=other)
        used = root.encrypt(KeyId="alias/orders", Plaintext=b"x")["KeyId"]
        self.assertEqual(used, other)
        names = [alias["AliasName"] for alias in root.list_aliases(KeyId=other)["Aliases"]]
        self.assertEqual(names, ["alias/orders"])
        root.delete_alias(AliasName="alias/orders")
        self.refused("AWS-76", root.encrypt, KeyId="alias/orders", Plaintext=b"x")


class Ciphertexts(AwsTest):
    def test_context_and_bytes_are_authenticated(self):
        key, root = self.world.key(), self.world.root
        blob = self.encrypt(root, key)
        self.assertEqual(root.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["KeyId"], key)
        self.refused("AWS-82", root.decrypt, CiphertextBlob=blob, EncryptionContext=dict(CONTEXT, org="other"))
        self.refused("AWS-82", root.decrypt, CiphertextBlob=blob)
        flipped = blob[:-1] + bytes([blob[-1] ^ 1])
        self.refused("AWS-83", root.decrypt, CiphertextBlob=flipped, EncryptionContext=CONTEXT)
        self.refused("AWS-84", root.decrypt, CiphertextBlob=b"no ciphertext at all")

    def test_ciphertext_belongs_to_its_key_and_region(self):
        key, other, root = self.world.key(), self.world.key(), self.world.root
        blob = self.encrypt(root, key)
        self.refused("AWS-85", root.decrypt, CiphertextBlob=blob, KeyId=other, EncryptionContext=CONTEXT)
        elsewhere = self.cloud.client("kms", self.world.accounts["customer"], region="eu-west-1")
        self.refused("AWS-86", elsewhere.decrypt, CiphertextBlob=blob, EncryptionContext=CONTEXT)

    def test_size_and_usage_are_checked(self):
        root = self.world.root
        self.encrypt(root, self.world.key(), b"x" * 4096)
        self.refused("AWS-87", root.encrypt, KeyId=self.world.key(), Plaintext=b"x" * 4097)
        signs = self.world.key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048")
        self.refused("AWS-88", root.encrypt, KeyId=signs, Plaintext=b"x")
        mac = self.world.key(KeyUsage="GENERATE_VERIFY_MAC", KeySpec="HMAC_256")
        self.refused("AWS-88", root.generate_data_key, KeyId=mac, KeySpec="AES_256")
        self.refused("AWS-89", root.generate_data_key, KeyId=self.world.key())

    def test_data_keys_open_with_decrypt(self):
        key, root = self.world.key(), self.world.root
        made = root.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=CONTEXT)
        opened = root.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)
        self.assertEqual(opened["Plaintext"], made["Plaintext"])
        blind = root.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=64)
        self.assertEqual(len(root.decrypt(CiphertextBlob=blind["CiphertextBlob"])["Plaintext"]), 64)


class MultiRegion(AwsTest):
    def test_replica_opens_what_the_primary_closed_until_it_is_disabled(self):
        key, root = self.world.key(MultiRegion=True), self.world.root
        root.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
        there = self.cloud.client("kms", self.world.accounts["customer"], region="eu-west-1")
        replica = key.replace("us-east-1", "eu-west-1")
        blob = self.encrypt(root, key)
        self.assertEqual(there.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["KeyId"], replica)
        root.rotate_key_on_demand(KeyId=key)
        there.decrypt(CiphertextBlob=self.encrypt(root, key), EncryptionContext=CONTEXT)
        there.disable_key(KeyId=replica)
        self.refused("AWS-66", there.decrypt, CiphertextBlob=blob, EncryptionContext=CONTEXT)
        root.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
        configuration = there.describe_key(KeyId=replica)["KeyMetadata"]["MultiRegionConfiguration"]
        self.assertEqual(configuration["MultiRegionKeyType"], "REPLICA")
        self.assertEqual(configuration["PrimaryKey"]["Arn"], key)
        self.refused("AWS-90", root.replicate_key, KeyId=key, ReplicaRegion="eu-west-1")
        self.refused("AWS-91", there.replicate_key, KeyId=replica, ReplicaRegion="eu-west-2")
        self.refused("AWS-92", there.rotate_key_on_demand, KeyId=replica)
        root.schedule_key_deletion(KeyId=key)
        state = root.describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
        self.assertEqual(state, "PendingReplicaDeletion")


class Imported(AwsTest):
    MATERIAL = bytes(range(32))

    def parameters(self, key):
        return self.world.root.get_parameters_for_import(
            KeyId=key, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")

    def request(self, key, parameters, material=MATERIAL, **more):
        public = serialization.load_der_public_key(parameters["PublicKey"])
        oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
        more.setdefault("ExpirationModel", "KEY_MATERIAL_DOES_NOT_EXPIRE")
        return {"KeyId": key, "ImportToken": parameters["ImportToken"],
                "EncryptedKeyMaterial": public.encrypt(material, oaep), **more}

    def test_key_without_material_is_refused_until_it_is_imported(self):
        import datetime

        key, root = self.world.key(Origin="EXTERNAL"), self.world.root
        self.assertEqual(root.describe_key(KeyId=key)["KeyMetadata"]["KeyState"], "PendingImport")
        self.refused("AWS-93", root.encrypt, KeyId=key, Plaintext=b"x")
        parameters = self.parameters(key)
        root.import_key_material(**self.request(key, parameters))
        blob = self.encrypt(root, key)
        root.delete_imported_key_material(KeyId=key)
        self.refused("AWS-93", root.decrypt, CiphertextBlob=blob, EncryptionContext=CONTEXT)
        self.refused("AWS-94", root.import_key_material, **self.request(key, parameters, b"y" * 32))
        soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=120)
        root.import_key_material(**self.request(
            key, parameters, ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=soon))
        root.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
        self.cloud.move_clock(150)
        self.refused("AWS-95", root.decrypt, CiphertextBlob=blob, EncryptionContext=CONTEXT)

    def test_import_is_checked(self):
        key, other, root = self.world.key(Origin="EXTERNAL"), self.world.key(Origin="EXTERNAL"), self.world.root
        parameters = self.parameters(key)
        self.refused("AWS-96", root.import_key_material, **self.request(other, parameters))
        self.refused("AWS-97", root.import_key_material, **self.request(key, parameters, b"short"))
        garbage = dict(self.request(key, parameters), EncryptedKeyMaterial=b"x" * 256)
        self.refused("AWS-98", root.import_key_material, **garbage)
        own = self.world.key()
        self.refused("AWS-99", root.get_parameters_for_import, KeyId=own,
                     WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
        self.refused("AWS-92", root.rotate_key_on_demand, KeyId=self.imported(parameters, key))
        stale = self.request(key, parameters)
        self.cloud.move_clock(25 * 3600)
        client = self.cloud.client("kms", self.world.accounts["customer"])
        self.sign_ahead(client, 25 * 3600)
        self.refused("AWS-100", client.import_key_material, **stale)

    def imported(self, parameters, key):
        self.world.root.import_key_material(**self.request(key, parameters))
        return key

    def sign_ahead(self, client, seconds):
        """Requests of `client` are dated as the cloud's moved clock has it."""
        import datetime
        from unittest import mock

        import botocore.auth

        now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
        patched = mock.patch.object(botocore.auth, "get_current_datetime", lambda *_, **__: now.replace(tzinfo=None))
        patched.start()
        self.addCleanup(patched.stop)
