#!/usr/bin/env python3
"""I3: after a seal nothing of any key is in the memory of a process that held one, however alive it is and whatever it has open.

  memory_test.py forms    each form in which OpenSSL and libipsec-mb keep a key is found by the search
  memory_test.py store    a host and a client of a store, handles of every kind open, sealed by an order
  memory_test.py agent    `keyhold agent` and a client of it, sealed by `keyhold store seal`
  memory_test.py plugin   RocksDB with the plugin embedded and a database open, sealed by the KMS's denial

Each with either back end. Before the seal each kind that the process holds is found; and none of it in swap, in an argument, an
environment, a log, and a KEK, DEK or file's secret only in locked memory that no core file holds.
"""
import argparse
import os
import time

from processes import Scene, expect, expect_hardened, expect_hidden, kinds_of, summary, use_environment_with_cryptography

BACK_ENDS = ("openssl", "ipsec-mb")
# What a process holds while it serves. MAC keys live only as long as the MAC is computed: `forms` shows that they would be found.
HELD = {"key", "aes-encrypt", "ghash"}

FORMS = {
    "openssl gcm": {"key", "aes-encrypt", "ghash"},
    "openssl ecb-encrypt": {"key", "aes-encrypt"},
    "openssl cbc-decrypt": {"aes-decrypt"},
    "openssl xts": {"aes-decrypt"},
    "openssl hmac": {"hmac-state"},
    "ipsec-mb gcm": {"key", "aes-encrypt", "ghash"},
    "ipsec-mb encrypt": {"key", "aes-encrypt"},
    "ipsec-mb decrypt": {"aes-decrypt"},
    "ipsec-mb hmac": {"hmac-state"},
}


def test_forms(options):
    with Scene(options.keyhold, options.scan) as scene:
        for form, kinds in FORMS.items():
            key = os.urandom(32)
            holder = scene.start([options.holder, *form.split()])
            holder.tell(key.hex(), "holding")
            finds = scene.search([holder.pid], {key: form})
            expect(kinds <= kinds_of(finds, holder.pid), f"{form}: only {kinds_of(finds, holder.pid)} found, not {kinds}")
            other = scene.search([holder.pid], {os.urandom(32): "a key that nobody has"})
            expect(not other, f"{form}: a key was found that is not there")
            print(f"{form}: {', '.join(sorted(kinds))}")


def no_key_is_left(scene, pids, keys, what):
    """A client refuses a moment before it has wiped its own copy."""
    for _ in range(50):
        finds = scene.search(pids, keys)
        if not finds:
            return
        time.sleep(0.1)  # bounded poll
    expect(not finds, f"{what}: keys are left in {len(finds)} places:\n{summary(finds)}")


def expect_kinds(finds, pids, kinds):
    for pid in pids:
        expect(kinds <= kinds_of(finds, pid), f"before the seal only {sorted(kinds_of(finds, pid))} in {pid}")


def test_store(options):
    for back_end in BACK_ENDS:
        with Scene(options.keyhold, options.scan) as scene:
            host = scene.start([options.user, "host", scene.store], KEYHOLD_AEAD=back_end)
            host.hear("ready")
            client = scene.start([options.user, "client", scene.store], KEYHOLD_AEAD=back_end)
            client.hear("ready")
            pids, keys = [host.pid, client.pid], {}
            for cycle in (1, 2):
                for talker in (host, client):
                    talker.tell("use", "used")
                keys.update(keys_of(scene.store, scene.kms))
                before = scene.search(pids, keys)
                expect_kinds(before, pids, HELD)
                expect_hidden(pids, before)
                host.tell("seal", "sealed")
                for talker in (host, client):
                    talker.tell("refused", "refused")
                no_key_is_left(scene, pids, keys, f"{back_end}, seal {cycle}")
                print(f"{back_end}: {len(keys)} keys, in {len(before)} places before seal {cycle}, in none after it")
                host.tell("unseal", "unsealed")
                for talker in (host, client):
                    talker.tell("served", "served")
            scene.expect_nothing_shown(keys)


def test_plugin(options):
    for back_end in BACK_ENDS:
        with Scene(options.keyhold, options.scan) as scene:
            engine = scene.start([options.plugin_user, scene.store], KEYHOLD_AEAD=back_end)
            engine.hear("ready")
            keys = keys_of(scene.store, scene.kms)
            engine.tell("use", "used")
            keys.update(keys_of(scene.store, scene.kms))
            before = scene.search([engine.pid], keys)
            expect_kinds(before, [engine.pid], HELD)
            expect_hidden([engine.pid], before)
            scene.keyhold("kms", "key", "disable", scene.kms, "cmek")
            engine.tell("refused", "refused")
            no_key_is_left(scene, [engine.pid], keys, f"{back_end}, denial")
            print(f"{back_end}: {len(keys)} keys, in {len(before)} places before the denial, in none after it")
            scene.keyhold("kms", "key", "enable", scene.kms, "cmek")
            engine.tell("served", "served")
            expect_kinds(scene.search([engine.pid], keys), [engine.pid], {"key"})
            scene.expect_nothing_shown(keys)


def test_agent(options):
    for back_end in BACK_ENDS:
        with Scene(options.keyhold, options.scan) as scene:
            scene.give_to_nobody()
            agent = scene.start([scene.keyhold_program, "agent", "--store", scene.store], KEYHOLD_AEAD=back_end)
            scene.await_socket()
            expect_hardened(agent.pid)
            client = scene.start([options.user, "client", scene.store], KEYHOLD_AEAD=back_end)
            client.hear("ready")
            client.tell("use", "used")
            keys = keys_of(scene.store, scene.kms)
            pids = [agent.pid, client.pid]
            before = scene.search(pids, keys)
            expect_kinds(before, [agent.pid], {"key"})
            expect_kinds(before, [client.pid], HELD)
            expect_hidden(pids, before)
            scene.keyhold("store", "seal", scene.store)
            client.tell("refused", "refused")
            no_key_is_left(scene, pids, keys, f"{back_end}, seal of the agent")
            print(f"{back_end}: {len(keys)} keys, in {len(before)} places before the agent's seal, in none after it")
            scene.keyhold("store", "unseal", scene.store)
            client.tell("served", "served")
            scene.expect_nothing_shown(keys)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("forms", "store", "agent", "plugin"))
    for name in ("keyhold", "scan", "holder", "user", "plugin-user"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--python", default="")
    options = parser.parse_args()
    use_environment_with_cryptography(options.python)
    global keys_of
    from keys_of import keys_of
    {"forms": test_forms, "store": test_store, "agent": test_agent, "plugin": test_plugin}[options.what](options)


if __name__ == "__main__":
    main()
