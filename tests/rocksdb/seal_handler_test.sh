#!/usr/bin/env bash
# An engine's seal handler through the C API: one that closes in time lives on and hears of the unseal, one that hangs or was taken
# back costs the process its life, within the bound.
# shellcheck source=tests/rocksdb/engine.sh
. "$(dirname "$0")/engine.sh"

# engine_with WHAT: plugin_user with a handler that does so, its database in use.
engine_with() {
  rm -rf "$store/db" "$scratch/in"
  mkfifo "$scratch/in"
  "$helper" "$store" "$1" <"$scratch/in" >"$scratch/out" 2>"$scratch/errors" &
  started=$!
  children+=("$started")
  exec 3>"$scratch/in"
  echo use >&3
  await grep -qx used "$scratch/out"
}
is_over() { ! kill -0 "$started"; }

engine_with returns
"$keyhold" kms key disable "$scratch/kms" orders >/dev/null
echo refused >&3
await grep -qx refused "$scratch/out"
"$keyhold" kms key enable "$scratch/kms" orders >/dev/null
printf 'served\nresumed\n' >&3
await grep -qx resumed "$scratch/out"
kill -0 "$started" || fail "an engine whose handler closed in time was ended"
exec 3>&-
wait "$started" || fail "the engine: $(<"$scratch/errors")"

for does in hangs none; do
  engine_with "$does"
  SECONDS=0
  "$keyhold" kms key disable "$scratch/kms" orders >/dev/null
  await is_over
  ((SECONDS <= 11)) || fail "with a handler \"$does\" the engine lived $SECONDS s after the denial"
  status=0
  wait "$started" 2>/dev/null || status=$?
  ((status == 137)) || fail "with a handler \"$does\" the engine ended with $status, not by SIGKILL"
  exec 3>&-
  "$keyhold" kms key enable "$scratch/kms" orders >/dev/null
done
