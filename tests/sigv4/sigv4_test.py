"""Our request signatures against botocore's: the same requests, made up from a seed, signed by both.

    sigv4_test.py --tool PROGRAM [--seed N] [--requests N]
"""

import argparse
import datetime
import json
import random
import subprocess
import sys
import urllib.parse

try:
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials
except ImportError:
    sys.exit("botocore is not in build/venv: run scripts/test, or . scripts/lib.sh; ensure_venv")

TEXTS = ["", "a", "keyhold", "A b", "x+y", "%", "é€", "a/b", "k=v&w", "~.-_", "0" * 70, "\"{}\""]
REGIONS = ["us-east-1", "eu-west-1", "us-gov-west-1", "cn-north-1"]


def made_up(rng):
    service = rng.choice(["kms", "sts", "kms", "sts", "s3"])
    segments = [urllib.parse.quote(rng.choice(TEXTS[1:]), safe="~") for _ in range(rng.randrange(4))]
    if service != "s3" and segments and rng.random() < 0.3:
        segments.insert(0, rng.choice([".", "..", ""]))
    pairs = {urllib.parse.quote(f"{rng.choice(TEXTS[1:])}{i}", safe="~"):
             urllib.parse.quote(rng.choice(TEXTS), safe="~") for i in range(rng.randrange(4))}
    query = "&".join(f"{name}={value}" for name, value in pairs.items())
    port = rng.choice(["", "", ":8443", ":443"])
    url = f"https://{service}.{rng.choice(REGIONS)}.example.com{port}/" + "/".join(segments)
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "TrentService.Decrypt"}
    if rng.random() < 0.5:
        headers["My-Header"] = rng.choice(["  two  spaces ", "a,b", "MiXed", "x" * 200])
    return {
        "method": rng.choice(["POST", "GET", "PUT"]),
        "url": url + (f"?{query}" if query else ""),
        "headers": {name: headers[name] for name in rng.sample(sorted(headers), rng.randrange(len(headers) + 1))},
        "body": rng.choice(["", "{}", "Action=AssumeRole&Version=2011-06-15", "é" * 500]),
        "access_key": "AKIDEXAMPLE",
        "secret_key": rng.choice(["wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "s"]),
        "token": rng.choice(["", "FwoGZXIvYXdzEXAMPLE//w=="]),
        "region": rng.choice(REGIONS),
        "service": service,
        "at": rng.randrange(1_500_000_000, 2_000_000_000),
    }


def by_botocore(given):
    at = datetime.datetime.fromtimestamp(given["at"], datetime.timezone.utc)
    botocore.auth.get_current_datetime = lambda *_, **__: at
    credentials = botocore.credentials.Credentials(given["access_key"], given["secret_key"], given["token"] or None)
    request = botocore.awsrequest.AWSRequest(
        given["method"], given["url"], dict(given["headers"]), given["body"].encode())
    signer = botocore.auth.S3SigV4Auth if given["service"] == "s3" else botocore.auth.SigV4Auth
    signer(credentials, given["service"], given["region"]).add_auth(request)
    return request.headers


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=2000)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    requests = [made_up(rng) for _ in range(arguments.requests)]
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run([arguments.tool], input=lines, capture_output=True, text=True, check=True)
    answers = done.stdout.splitlines()
    if len(answers) != len(requests):
        sys.exit(f"{len(answers)} answers for {len(requests)} requests")
    for request, answer in zip(requests, answers):
        ours, theirs = json.loads(answer), by_botocore(request)
        for name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-SHA256"):
            if ours.get(name) != theirs.get(name):
                sys.exit(f"{name} differs (seed {arguments.seed}):\n{json.dumps(request, indent=1)}\n"
                         f"ours:     {ours.get(name)}\nbotocore: {theirs.get(name)}")
    print(f"{len(requests)} requests, the same signatures")


if __name__ == "__main__":
    main()
