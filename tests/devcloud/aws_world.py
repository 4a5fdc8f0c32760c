"""Accounts, principals and policies that the tests of AWS share."""

import unittest

from cloud import Cloud, as_credentials
from rows import RowTest, read_rows

CONTEXT = {"org": "acme", "purpose": "serve"}
USES = ["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]


def statement(effect="Allow", action="kms:*", resource="*", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trust(principal, **condition):
    made = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    if condition:
        made["Condition"] = condition
    return document(made)


class World:
    """One devcloud with three accounts: operator, customer, stranger."""

    def __init__(self):
        self.cloud = Cloud()
        self.names = 0
        self.accounts = {
            name: self.cloud.aws("create-account", name=name) for name in ("operator", "customer", "stranger")
        }
        self.root = self.cloud.client("kms", self.accounts["customer"])
        self.principal = self.user("operator", policy=document(statement(action="sts:AssumeRole")))
        self.principal_keys = self.keys_of(self.principal)
        self.sts = self.cloud.client("sts", self.principal_keys)

    def close(self):
        self.cloud.close()

    def id(self, account):
        return self.accounts[account]["account"]

    def root_arn(self, account):
        return self.accounts[account]["arn"]

    def fresh(self, kind):
        self.names += 1
        return f"{kind}-{self.names}"

    def user(self, account, policy=None, name=None):
        return self.cloud.aws(
            "create-user", account=self.id(account), name=name or self.fresh("user"), policy=policy
        )["arn"]

    def keys_of(self, principal):
        return self.cloud.aws("create-access-key", principal=principal)

    def role(self, account, trusted=None, policy=None, name=None, **more):
        return self.cloud.aws(
            "create-role",
            account=self.id(account),
            name=name or self.fresh("role"),
            trust=trusted or trust(self.principal, StringEquals={"sts:ExternalId": "acme"}),
            policy=policy,
            **more,
        )["arn"]

    def assume(self, role, sts=None, **more):
        more.setdefault("ExternalId", "acme")
        answer = (sts or self.sts).assume_role(RoleArn=role, RoleSessionName="keyhold", **more)
        return as_credentials(answer)

    def key(self, *statements, **more):
        """A key of the customer's: its root administers, and what the statements say."""
        policy = document(self.by(self.root_arn("customer")), *statements)
        return self.cloud.aws(
            "kms",
            account=self.id("customer"),
            region=more.pop("region", "us-east-1"),
            operation="CreateKey",
            input={"Policy": policy, **more},
        )["KeyMetadata"]["Arn"]

    def by(self, principal, effect="Allow", action="kms:*", **more):
        return statement(effect, action, Principal={"AWS": principal}, **more)

    def setup(self, condition=None, actions=None, role_policy=None):
        """A role, a key whose policy lets it in, and a client with a session of the role."""
        role = self.role("customer", policy=role_policy)
        more = {"Condition": condition} if condition else {}
        key = self.key(self.by(role, action=actions or USES, **more))
        return role, key, self.cloud.client("kms", self.assume(role))


class AwsTest(RowTest):
    world = None

    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.cloud = cls.world.cloud
        if not AwsTest.rows:
            AwsTest.rows = read_rows("AWS")

    @classmethod
    def tearDownClass(cls):
        cls.world.close()

    def tearDown(self):
        self.cloud.clear_faults()
        self.cloud.move_clock(0)
        self.cloud.set_propagation(0)

    def encrypt(self, client, key, text=b"0123456789abcdef" * 2, context=None):
        context = CONTEXT if context is None else context
        return client.encrypt(KeyId=key, Plaintext=text, EncryptionContext=context)["CiphertextBlob"]


__all__ = ["AwsTest", "World", "CONTEXT", "USES", "statement", "document", "trust", "unittest", "as_credentials"]
