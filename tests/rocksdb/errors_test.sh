#!/usr/bin/env bash
# What the user of db_bench, ldb and sst_dump is told when it cannot work.
# shellcheck source=tests/rocksdb/engine.sh
. "$(dirname "$0")/engine.sh"

# refused TEXT… -- COMMAND…: the command fails, without a signal, and says each text.
refused() {
  local texts=() status=0
  while [[ $1 != -- ]]; do
    texts+=("$1")
    shift
  done
  shift
  engine "$@" >"$scratch/refused.txt" 2>&1 || status=$?
  ((status != 0)) || fail "it was not refused: $*"
  ((status < 128)) || fail "a crash ($status): $*"
  expect_in "$scratch/refused.txt" "${texts[@]}"
}

bench=(db_bench --num=10 --benchmarks=fillrandom)
engine "${bench[@]}" --fs_uri="$uri" --db="$store/db" >/dev/null 2>&1

refused "no store at $scratch/nothing" "store init" -- "${bench[@]}" --fs_uri="keyhold://$scratch/nothing"
refused "keyhold:///absolute/path" -- "${bench[@]}" --fs_uri=keyhold://store
refused "takes no settings" -- "${bench[@]}" --fs_uri="$uri?cache=1"
refused "outside the store $store" "--db" -- "${bench[@]}" --fs_uri="$uri" --db="$scratch/elsewhere"
refused "outside the store $store" "wal_dir" -- "${bench[@]}" --fs_uri="$uri" --db="$store/w" --wal_dir="$scratch/w"
refused "allow_mmap_reads" "turn it off" -- "${bench[@]}" --fs_uri="$uri" --db="$store/m" --mmap_read=1
refused "allow_mmap_writes" "turn it off" -- "${bench[@]}" --fs_uri="$uri" --db="$store/m" --mmap_write=1

# What this process itself lacks is told at once, however long the KMS would be waited for.
KEYHOLD_AEAD=aes KEYHOLD_KMS_WAIT=forever \
  refused "KEYHOLD_AEAD=aes" "openssl or ipsec-mb" -- timeout -s KILL 60 "${bench[@]}" --fs_uri="$uri" --db="$store/db"

# A mistyped setting is not silently none.
KEYHOLD_KMS_WIAT=forever refused "KEYHOLD_KMS_WIAT; did you mean KEYHOLD_KMS_WAIT?" -- "${bench[@]}" --fs_uri="$uri" --db="$store/db"

# A store whose folder the engine's user may not write to, and one that is somebody else's. Root may do
# everything, so it gives the store to nobody for a while.
as_user() {
  if ((EUID == 0)); then
    setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
  else
    "$@"
  fi
}
if ((EUID == 0)); then
  cp "$plugin" "$scratch/plugin.so"
  plugin=$scratch/plugin.so
  chmod 0755 "$scratch"
  refused "belongs to user 0, this process is of user 65534" "run it as the store's owner" -- \
    as_user "${bench[@]}" --fs_uri="$uri" --db="$store/db"
  chown -R 65534:65534 "$scratch"
fi
chmod 0500 "$store"
refused "$store/new" "Permission denied" -- as_user "${bench[@]}" --fs_uri="$uri" --db="$store/new"
chmod 0500 "$store/.keyhold"
refused "$store/.keyhold/" "Permission denied" -- as_user "${bench[@]}" --fs_uri="$uri" --db="$store/db"
chmod 0700 "$store" "$store/.keyhold"
if ((EUID == 0)); then chown -R 0:0 "$scratch"; fi

# A plaintext table inside the store is never read as such.
ldb --db="$scratch/plain" --create_if_missing put a b >/dev/null
ldb --db="$scratch/plain" compact >/dev/null
mkdir "$store/foreign"
cp "$scratch/plain/"*.sst "$store/foreign/000001.sst"
refused "$store/foreign/000001.sst" -- sst_dump --fs_uri="$uri" --file="$store/foreign/000001.sst" --command=verify
# Nor is a plaintext database: it is our word that ends it, not RocksDB's parser.
cp -r "$scratch/plain" "$store/plain"
rm "$store/plain/"OPTIONS-*
refused "$store/plain/CURRENT: the file has 16 bytes, too few for a Keyhold header" -- ldb --fs_uri="$uri" --db="$store/plain" scan

# A damaged table: sst_dump ends with 1, as docs/rocksdb.md says.
engine ldb --fs_uri="$uri" --db="$store/db" compact >/dev/null
tables=("$store/db/"*.sst)
mkdir "$store/damaged"
cp "${tables[0]}" "$store/damaged/000001.sst"
printf '\xff\xff\xff\xff' | dd of="$store/damaged/000001.sst" bs=1 seek=4200 conv=notrunc status=none
status=0
engine sst_dump --fs_uri="$uri" --file="$store/damaged/000001.sst" --command=check >"$scratch/damaged.txt" 2>&1 || status=$?
((status == 1)) || fail "sst_dump of a damaged table ended with $status"
expect_in "$scratch/damaged.txt" "$store/damaged/000001.sst"
rm -r "$store/damaged"

# Both copies of the key ring damaged, then one.
cp -r "$store/.keyhold" "$scratch/saved"
damage() {
  printf '\xff\xff\xff\xff' | dd of="$1" bs=1 seek=100 conv=notrunc status=none
}
damage "$store/.keyhold/keyring.a"
damage "$store/.keyhold/keyring.b"
refused "key ring" -- "${bench[@]}" --fs_uri="$uri" --db="$store/db" --use_existing_db
cp "$scratch/saved/keyring.a" "$store/.keyhold/keyring.a"
engine "${bench[@]}" --fs_uri="$uri" --db="$store/db" >/dev/null 2>&1 || fail "one good copy is enough"

# The KMS says no; then yes again.
"$keyhold" kms key disable "$scratch/kms" orders >/dev/null
refused "disabled" "Only the owner of the key can help: enable it" -- \
  "${bench[@]}" --fs_uri="$uri" --db="$store/db" --use_existing_db
refused "disabled" -- ldb --fs_uri="$uri" --db="$store/db" scan
refused "disabled" -- sst_dump --fs_uri="$uri" --file="$store/db"
"$keyhold" kms key enable "$scratch/kms" orders >/dev/null
engine ldb --fs_uri="$uri" --db="$store/db" scan >/dev/null || fail "it does not open after enable"

# A CMEK that is not the one: the same name in another KMS.
mv "$scratch/kms" "$scratch/kms-away"
"$keyhold" kms init "$scratch/kms" >/dev/null
"$keyhold" kms key create "$scratch/kms" orders >/dev/null
refused "Put back the one that belongs to the other" -- ldb --fs_uri="$uri" --db="$store/db" scan
rm -r "$scratch/kms"
mv "$scratch/kms-away" "$scratch/kms"

# The KMS does not answer: it waits, says so, and opens by itself when the KMS is back.
mv "$scratch/kms" "$scratch/kms-away"
KEYHOLD_KMS_WAIT=60s start "$scratch/waiting.txt" ldb --fs_uri="$uri" --db="$store/db" scan
await grep -q "keyhold warning" "$scratch/waiting.txt"
mv "$scratch/kms-away" "$scratch/kms"
wait "$started" || { cat "$scratch/waiting.txt" >&2; fail "it did not open when the KMS was back"; }
