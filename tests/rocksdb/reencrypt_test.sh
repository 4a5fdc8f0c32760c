#!/usr/bin/env bash
# Re-encryption by a running engine, killed in its midst, gone on with, and shredding after it.
# shellcheck source=tests/rocksdb/engine.sh
. "$(dirname "$0")/engine.sh"

older() {
  "$keyhold" store coverage "$store" --json | tr -d ' \n' | sed 's/.*"older":{"bytes":[0-9]*,"files":\([0-9]*\)}.*/\1/'
}
less_than() { [[ $(older) -lt $1 ]]; }

engine db_bench --fs_uri="$uri" --db="$store/db" --benchmarks=fillrandom --num=200000 \
  --write_buffer_size=1000000 >"$scratch/fill.txt" 2>&1 || fail "fill"
engine ldb --fs_uri="$uri" --db="$store/db" put first value >/dev/null
table=$(find "$store/db" -name '*.sst' | sort | head -1)
cp "$table" "$scratch/old.sst"

# The engine reads and writes while it re-encrypts, slowly; kill -9 in the midst.
start "$scratch/bench.txt" db_bench --fs_uri="$uri" --db="$store/db" --use_existing_db \
  --benchmarks=readwhilewriting --num=200000 --duration=300
await bench_is_host
await grep -q 'finished [0-9]' "$scratch/bench.txt"
"$keyhold" store reencrypt "$store" --rotate --rate 1MiB/s --no-wait >/dev/null
before=$(older)
[[ $before -gt 5 ]] || fail "only $before files to re-encrypt"
await less_than "$before"
kill -9 "$started"
wait "$started" 2>/dev/null || true
left=$(older)
[[ $left -gt 0 ]] || fail "it was done before the kill: the test shows nothing"

# The wish is still there: the next engine goes on by itself, and its own files are new.
start "$scratch/bench.txt" db_bench --fs_uri="$uri" --db="$store/db" --use_existing_db \
  --benchmarks=readwhilewriting --num=200000 --duration=300
await bench_is_host
"$keyhold" store reencrypt "$store" >"$scratch/reencrypt.txt"
await less_than 1
kill -0 "$started" || fail "db_bench did not survive its re-encryption"
[[ -z $(find "$store" -name '.keyhold-tmp-*') ]] || fail "a leftover"

# Beside the running engine: the old generation goes, readers and writers do not notice.
"$keyhold" store shred "$store" >"$scratch/shred.txt" 2>&1 || { cat "$scratch/shred.txt" >&2; fail "shred"; }
expect_in "$scratch/shred.txt" "shredded 1 DEK generation before 2"
reads=$(grep -o 'finished [0-9]*' "$scratch/bench.txt" | tail -1)
more_reads() { [[ $(grep -o 'finished [0-9]*' "$scratch/bench.txt" | tail -1) != "$reads" ]]; }
await more_reads
kill -INT "$started"
wait "$started" 2>/dev/null || true
[[ $(engine ldb --fs_uri="$uri" --db="$store/db" get first) == value ]] || fail "lost a key"
# db_bench dies of SIGINT; the table it was writing stays unclosed until an engine opens to write.
engine ldb --fs_uri="$uri" --db="$store/db" put last value >/dev/null
"$keyhold" store verify "$store" >/dev/null || fail "verify"

# The copy from before is worth nothing any more.
cp "$scratch/old.sst" "$store/db/copy.sst"
if "$keyhold" store cat "$store/db/copy.sst" >"$scratch/cat.txt" 2>&1; then fail "a shredded file was read"; fi
expect_in "$scratch/cat.txt" "DEK generation 1 was shredded"
