"""Two Vaults that the tests talk to in the same words: devcloud's, and the real OpenBao server."""

import base64
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import hvac
import requests
from cloud import Cloud
from rows import RowTest, read_rows

CONTEXT = base64.b64encode(b'{"org":"acme"}').decode()
OTHER_CONTEXT = base64.b64encode(b'{"org":"globex"}').decode()
PLAINTEXT = base64.b64encode(b"0123456789abcdef" * 2).decode()


class Server:
    """A Vault, its root token, and the HTTP status of the last answer."""

    def __init__(self, url, verify, token):
        self.url, self.verify, self.status = url, verify, 0
        self.root = self.client(token)

    def client(self, token=None, **more):
        session = requests.Session()
        session.verify = self.verify
        session.hooks["response"] = [self.see]
        client = hvac.Client(url=self.url, session=session, **more)
        client.token = token  # not the one that lies in the home directory
        return client

    def see(self, response, *_arguments, **_more):
        self.status = response.status_code

    def mount(self):
        self.root.sys.enable_secrets_engine("transit")
        self.root.sys.enable_auth_method("approle")

    def policy(self, name, **paths):
        """paths: transit_encrypt_k=["update"]; "_" stands for "/"."""
        rules = {path.replace("_", "/"): {"capabilities": list(what)} for path, what in paths.items()}
        self.root.sys.create_or_update_policy(name, {"path": rules})

    def limited(self, policies=("use",), **more):
        """A client with a new token that has these policies."""
        token = self.root.auth.token.create(policies=list(policies), **more)["auth"]["client_token"]
        return self.client(token)

    def approle(self, name, **more):
        """role id, and a secret id with its accessor."""
        role = self.root.auth.approle
        role.create_or_update_approle(name, **more)
        return role.read_role_id(name)["data"]["role_id"], role.generate_secret_id(name)["data"]

    def login(self, role_id, secret_id):
        client = self.client()
        client.auth.approle.login(role_id, secret_id)
        return client


class OpenBao(Server):
    """The real one, in development mode with TLS on a free port of loopback."""

    def __init__(self):
        self.scratch = tempfile.mkdtemp(prefix="keyhold-openbao-")
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        program = os.path.join(os.path.dirname(sys.executable), "bao")
        self.process = subprocess.Popen(
            [
                program,
                "server",
                "-dev",
                "-dev-tls",
                f"-dev-tls-cert-dir={self.scratch}",
                f"-dev-listen-address=127.0.0.1:{port}",
                "-dev-root-token-id=root",
            ],
            env={"HOME": self.scratch, "PATH": "/usr/bin:/bin"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            super().__init__(f"https://127.0.0.1:{port}", os.path.join(self.scratch, "vault-ca.pem"), "root")
            self.wait()
        except BaseException:
            self.close()
            raise

    def wait(self):
        end = time.monotonic() + 30
        while not self.up():
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError("OpenBao did not start")
            time.sleep(0.1)  # bounded poll

    def up(self):
        if not os.path.exists(self.verify):
            return False
        try:
            return self.root.seal_status["sealed"] is False
        except (requests.exceptions.RequestException, hvac.exceptions.VaultError):
            return False

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        shutil.rmtree(self.scratch)


class VaultTest(RowTest):
    """devcloud's Vault with a key, a policy for it and an AppRole method."""

    @classmethod
    def setUpClass(cls):
        cls.cloud = Cloud()
        cls.addClassCleanup(cls.cloud.close)
        token = cls.cloud.ask("POST", "vault/root-token", {})["token"]
        cls.devcloud = Server(cls.cloud.https, cls.cloud.ca, token)
        VaultTest.rows = read_rows("VAULT")
        cls.furnish(cls.devcloud)

    @staticmethod
    def furnish(server):
        server.mount()
        server.root.secrets.transit.create_key("k")
        server.policy("use", transit_encrypt_k=["update"], transit_decrypt_k=["update"])

    def tearDown(self):
        self.cloud.clear_faults()
        self.cloud.move_clock(0)
        self.cloud.set_propagation(0)

    def caught(self, row, server, call):
        with self.assertRaises(hvac.exceptions.VaultError, msg=row) as caught:
            call(server)
        return type(caught.exception).__name__, server.status, caught.exception.errors

    def refused_here(self, row, call):
        """devcloud refuses it: a fault, or a date that was moved; gives the errors."""
        name, status, errors = self.caught(row, self.devcloud, call)
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


class BesideOpenBaoTest(VaultTest):
    """… and the real server with the same things in it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.openbao = OpenBao()
        cls.addClassCleanup(cls.openbao.close)
        cls.furnish(cls.openbao)
        cls.both = (cls.devcloud, cls.openbao)

    def refused(self, row, call):
        """Both servers refuse the call in the same words; gives the errors."""
        ours = self.caught(row, self.devcloud, call)
        self.assertEqual(ours, self.caught(row, self.openbao, call), row)
        self.note(row, ours[0], ours[1])
        return ours[2]
