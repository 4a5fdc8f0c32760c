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

CONTEXT = base64.b64encode(b'{"org":"acme"}').decode()
PLAINTEXT = base64.b64encode(b"0123456789abcdef" * 2).decode()


class Server:
    """A Vault, its root token, and the HTTP status of the last answer."""

    def __init__(self, url, verify, token):
        self.url, self.verify, self.status = url, verify, 0
        self.root = self.client(token)

    def client(self, token=None, **more):
        session = requests.Session()
        session.hooks["response"] = [self.see]
        return hvac.Client(url=self.url, token=token, verify=self.verify, session=session, **more)

    def see(self, response, *_arguments, **_more):
        self.status = response.status_code

    def mount(self):
        self.root.sys.enable_secrets_engine("transit")
        self.root.sys.enable_auth_method("approle")

    def policy(self, name, **paths):
        """paths: transit_encrypt_k=["update"]; "_" stands for "/"."""
        rules = {path.replace("_", "/"): {"capabilities": list(what)} for path, what in paths.items()}
        self.root.sys.create_or_update_policy(name, {"path": rules})

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
    def __init__(self):
        self.scratch = tempfile.mkdtemp(prefix="keyhold-openbao-")
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        program = os.path.join(os.path.dirname(sys.executable), "bao")
        self.process = subprocess.Popen(
            [program, "server", "-dev", f"-dev-listen-address=127.0.0.1:{port}", "-dev-root-token-id=root"],
            env={"HOME": self.scratch, "PATH": "/usr/bin:/bin"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        super().__init__(f"http://127.0.0.1:{port}", True, "root")
        end = time.monotonic() + 30
        while not self.up():
            if time.monotonic() > end:
                raise RuntimeError("OpenBao did not start")
            time.sleep(0.1)  # bounded poll

    def up(self):
        try:
            return self.root.sys.read_health_status(method="GET").status_code == 200
        except requests.exceptions.ConnectionError:
            return False

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        shutil.rmtree(self.scratch)
