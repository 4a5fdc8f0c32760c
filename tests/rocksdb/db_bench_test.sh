#!/usr/bin/env bash
# Debian's db_bench, ldb and sst_dump on a store, one after the other.
# shellcheck source=tests/rocksdb/engine.sh
. "$(dirname "$0")/engine.sh"

bench() {
  engine db_bench --fs_uri="$uri" --seed=7 "$@" >"$scratch/bench.txt" 2>&1 ||
    { tail -5 "$scratch/bench.txt" >&2; fail "db_bench $*"; }
}

# The four of the issue.
bench --db="$store/db" --benchmarks=fillrandom,readrandom,readseq,overwrite --num=50000 \
  --write_buffer_size=1000000
for name in fillrandom readrandom readseq overwrite; do
  grep -q "^$name .*ops/sec" "$scratch/bench.txt" || fail "no result of $name"
done
bench --db="$store/db" --use_existing_db --benchmarks=readrandom,readseq --num=50000
[[ $(grep -oE '\([0-9]+ of 50000 found' "$scratch/bench.txt" | grep -oE '[0-9]+' | head -1) -gt 20000 ]] ||
  fail "few of the keys are found again"

# Direct I/O, batched reads, synced writes, blob files.
bench --db="$store/direct" --use_direct_reads --use_direct_io_for_flush_and_compaction --batch_size=16 \
  --multiread_batched --benchmarks=fillrandom,multireadrandom,compact,readseq --num=20000
bench --db="$store/sync" --benchmarks=fillsync,readrandom --num=300
bench --db="$store/blobs" --enable_blob_files=1 --min_blob_size=50 --benchmarks=fillrandom,flush,readrandom \
  --num=20000

# Without --db it works in the store too.
bench --benchmarks=fillseq --num=1000
[[ -d $store/test/dbbench ]] || fail "the default --db is not in the store"

# sst_dump checks every table, and finds the same number of tables as there are.
engine sst_dump --fs_uri="$uri" --file="$store/db" --command=verify >"$scratch/verify.txt" 2>&1
expect_in "$scratch/verify.txt" "The file is ok"
[[ $(grep -c "The file is ok" "$scratch/verify.txt") == $(find "$store/db" -name '*.sst' | wc -l) ]] ||
  fail "sst_dump did not verify every table"

# ldb writes and reads; nothing of it is on disk, and all of it is in a plain database beside it.
marked() {
  local number
  for ((number = 0; number < 2000; ++number)); do
    printf 'CONFIDENTIAL-KEY-%04d ==> CONFIDENTIAL-VALUE-%04d\n' "$number" "$number"
  done
}
marked | engine ldb --fs_uri="$uri" --db="$store/marked" --create_if_missing --disable_wal load
marked | ldb --db="$scratch/plain" --create_if_missing --disable_wal --compression_type=no load
engine ldb --fs_uri="$uri" --db="$store/marked" put CONFIDENTIAL-KEY-9999 CONFIDENTIAL-VALUE-9999 >/dev/null
engine ldb --fs_uri="$uri" --db="$store/marked" scan >"$scratch/scan.txt"
[[ $(grep -c '^CONFIDENTIAL-KEY-.* : CONFIDENTIAL-VALUE-' "$scratch/scan.txt") == 2001 ]] ||
  fail "ldb scan does not show what ldb loaded"

# A checkpoint, and a backup restored: each opens again with what the database has.
opens_alike() {
  engine ldb --fs_uri="$uri" --db="$1" scan | cmp - "$scratch/scan.txt" || fail "$1 has not the same keys"
}
# ldb_says TEXT ARGUMENT…: ldb succeeds, and says the text.
ldb_says() {
  local text=$1
  shift
  engine ldb --fs_uri="$uri" --db="$store/marked" "$@" >"$scratch/ldb.txt" 2>&1 ||
    { cat "$scratch/ldb.txt" >&2; fail "ldb $*"; }
  expect_in "$scratch/ldb.txt" "$text"
}
ldb_says "OK" checkpoint --checkpoint_dir="$store/checkpoint"
opens_alike "$store/checkpoint"
ldb_says "create new backup OK" backup --backup_fs_uri="$uri" --backup_dir="$store/backup"
ldb_says "restore from backup OK" --db="$store/restored" restore --backup_fs_uri="$uri" --backup_dir="$store/backup"
opens_alike "$store/restored"
[[ -n $(find "$store/backup" -name '*.sst' -size +8k) ]] || fail "the backup holds no table"

grep -rqa CONFIDENTIAL "$scratch/plain" || fail "the search finds nothing in a plain database either"
if grep -rqa CONFIDENTIAL "$store"; then fail "plaintext on disk"; fi
if grep -rqaE 'rocksdb\.|MANIFEST-|Options\.|BlockBasedTable' "$store"; then
  fail "the engine's own files are in plaintext"
fi

"$keyhold" store verify "$store" >"$scratch/verify.txt" || { cat "$scratch/verify.txt"; fail "store verify"; }
