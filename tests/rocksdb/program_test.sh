#!/usr/bin/env bash
# A program that links the plugin (plugin_program.cc), and how it ends.
# shellcheck source=tests/rocksdb/engine.sh
. "$(dirname "$0")/engine.sh"

"$helper" share "$uri" "$store/db" || fail "two FileSystems of one store in one process"
"$helper" refuse "keyhold://$scratch/nothing" || fail "the status of a store that is not there"

# exit() while RocksDB flushes and compacts, with each back end: no crash, and every write is there.
for backend in openssl ipsec-mb; do
  for round in 1 2 3 4 5 6 7 8; do
    status=0
    KEYHOLD_AEAD=$backend "$helper" exit "$uri" "$store/exit" >"$scratch/exit.txt" 2>&1 || status=$?
    if grep -q KEYHOLD_AEAD "$scratch/exit.txt"; then break; fi # this machine has no such back end
    [[ $status == 0 ]] || { cat "$scratch/exit.txt" >&2; fail "exit, round $round with $backend: $status"; }
  done
done
[[ $(engine ldb --fs_uri="$uri" --db="$store/exit" scan | grep -c ' : v') == 3000 ]] || fail "writes lost at exit"
