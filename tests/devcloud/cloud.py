"""A devcloud of a test's own, and the official clients pointed at it."""

import json
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request

import boto3
from botocore import UNSIGNED
from botocore.config import Config

KEYHOLD = os.environ.get("KEYHOLD", "keyhold")


class Refused(Exception):
    """The admin API said no."""

    def __init__(self, status, code, message):
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code = status, code


class Cloud:
    def __init__(self):
        self.scratch = tempfile.mkdtemp(prefix="keyhold-devcloud-")
        self.directory = os.path.join(self.scratch, "cloud")
        self.process = None
        self.start()

    def start(self):
        command = [KEYHOLD, "--json", "devcloud", "--dir", self.directory]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        lines = ""
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"the devcloud did not start: {lines}")
            lines += line
            if line.startswith("}"):
                break
        self.endpoints = json.loads(lines)
        self.https, self.metadata = self.endpoints["https"], self.endpoints["metadata"]
        self.ca = self.endpoints["ca_file"]
        self.tls = ssl.create_default_context(cafile=self.ca)
        with open(self.endpoints["admin_token_file"], encoding="utf-8") as stream:
            self.token = stream.read().strip()

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.stdout.close()
        return self.process.wait(timeout=30)

    def restart(self, how=signal.SIGTERM):
        status = self.end(how)
        self.start()
        return status

    def close(self):
        if self.process.poll() is None:
            self.end()
        shutil.rmtree(self.scratch)

    def ask(self, method, path, body=None, token=None):
        """A request to the admin API."""
        request = urllib.request.Request(
            f"{self.https}/_devcloud/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token if token is None else token}"},
        )
        try:
            with urllib.request.urlopen(request, context=self.tls, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            told = json.load(error)["error"]
            raise Refused(error.code, told["code"], told["message"]) from None

    def aws(self, command, **arguments):
        return self.ask("POST", f"aws/{command}", arguments)

    def fault(self, service, kind, **more):
        return self.ask("POST", "faults", {"service": service, "kind": kind, **more})["id"]

    def clear_faults(self):
        self.ask("DELETE", "faults")

    def move_clock(self, seconds):
        self.ask("PUT", "clock", {"offset_ms": int(seconds * 1000)})

    def set_propagation(self, seconds):
        self.ask("PUT", "propagation", {"delay_ms": int(seconds * 1000)})

    def log(self, limit=1000):
        return self.ask("GET", f"log?limit={limit}")["records"]

    def client(self, service, credentials, region="us-east-1", **config):
        """boto3's client; credentials as the admin API gives them, or None for unsigned requests."""
        if credentials is None:
            config["signature_version"] = UNSIGNED
            credentials = {}
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.https,
            verify=self.ca,
            aws_access_key_id=credentials.get("access_key_id", "unused"),
            aws_secret_access_key=credentials.get("secret_access_key", "unused"),
            aws_session_token=credentials.get("session_token"),
            config=Config(
                retries={"total_max_attempts": 1},
                parameter_validation=False,
                read_timeout=20,
                **config,
            ),
        )

    def plain(self, method, path, headers=None):
        """A request to the metadata port: status and body."""
        request = urllib.request.Request(self.metadata + path, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def as_credentials(answer):
    """What AssumeRole gives, as the admin API would write it."""
    given = answer["Credentials"]
    return {
        "access_key_id": given["AccessKeyId"],
        "secret_access_key": given["SecretAccessKey"],
        "session_token": given["SessionToken"],
    }
