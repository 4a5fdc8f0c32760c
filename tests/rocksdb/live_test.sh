#!/usr/bin/env bash
# Tools and a second engine beside a running database: they get the keys from its host.
# shellcheck source=tests/rocksdb/engine.sh
. "$(dirname "$0")/engine.sh"

engine ldb --fs_uri="$uri" --db="$store/db" --create_if_missing put first value >/dev/null
start "$scratch/bench.txt" db_bench --fs_uri="$uri" --db="$store/db" --use_existing_db \
  --benchmarks=readwhilewriting --num=100000 --duration=300
bench=$started
await bench_is_host
await grep -q 'finished [0-9]' "$scratch/bench.txt"

# The lock of the database is RocksDB's own; a reader needs none.
if engine ldb --fs_uri="$uri" --db="$store/db" put x y >"$scratch/put.txt" 2>&1; then
  fail "two writers of one database"
fi
expect_in "$scratch/put.txt" "has the database open"
[[ $(engine ldb --fs_uri="$uri" --db="$store/db" get first) == value ]] || fail "ldb get beside the writer"
engine ldb --fs_uri="$uri" --db="$store/db" --hex scan --max_keys=100 >"$scratch/scan.txt"
[[ $(grep -c ' : ' "$scratch/scan.txt") == 100 ]] || fail "ldb scan beside the writer"
engine ldb --fs_uri="$uri" --db="$store/db" --secondary_path="$store/secondary" scan --max_keys=10 >/dev/null ||
  fail "ldb as a secondary"

# Another database of the same store, in a process that is not the host.
engine db_bench --fs_uri="$uri" --db="$store/other" --benchmarks=fillrandom,readrandom --num=10000 \
  >"$scratch/other.txt" 2>&1 || { tail -5 "$scratch/other.txt" >&2; fail "a second engine"; }

# A new DEK generation reaches files that the running engine makes from now on.
"$keyhold" store rotate "$store" >/dev/null
"$keyhold" store status "$store" --json | grep >/dev/null '"generation": *2' || fail "no second generation"
kill -0 "$bench" || fail "db_bench did not survive its neighbours"

# SIGINT ends it without a crash; what it had written is there.
kill -INT "$bench"
status=0
wait "$bench" || status=$?
[[ $status == 130 ]] || fail "db_bench ended with $status after SIGINT"
[[ $(engine ldb --fs_uri="$uri" --db="$store/db" get first) == value ]] || fail "lost after SIGINT"

# kill -9 of the host: the next process becomes the host.
start "$scratch/bench.txt" db_bench --fs_uri="$uri" --db="$store/db" --use_existing_db \
  --benchmarks=overwrite --num=10000000
await bench_is_host
await grep -q 'finished [0-9]' "$scratch/bench.txt"
kill -9 "$started"
wait "$started" 2>/dev/null || true
[[ $(engine ldb --fs_uri="$uri" --db="$store/db" get first) == value ]] || fail "lost after SIGKILL"
