# What the script tests share. Sourced with the program, the plugin and the helper as arguments:
#   NAME_test.sh KEYHOLD PLUGIN PLUGIN_PROGRAM
# Makes a scratch directory with a software KMS (key "orders") and a store, and removes it at exit.
# shellcheck shell=bash
# shellcheck disable=SC2034  # each script uses what it needs
set -euo pipefail

keyhold=$1 plugin=$2 helper=$3
scratch=$(mktemp -d)
store=$scratch/store
uri=keyhold://$store
children=()

finish() {
  local child
  for child in "${children[@]}"; do
    kill -9 "$child" 2>/dev/null || true
  done
  rm -rf "$scratch"
}
trap finish EXIT

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

# Debian's own programs with the plugin in front.
engine() {
  LD_PRELOAD=$plugin "$@"
}

# start OUTPUT COMMAND…: the same in the background; $started is its process. A background process of
# a script ignores SIGINT unless it is told not to.
start() {
  local output=$1
  shift
  env --default-signal=INT LD_PRELOAD="$plugin" "$@" >"$output" 2>&1 &
  started=$!
  children+=("$started")
}

# expect_in FILE TEXT…: each text stands in the file.
expect_in() {
  local file=$1 text
  shift
  for text in "$@"; do
    grep -qF -- "$text" "$file" || { tail -20 "$file" >&2; fail "no \"$text\" in the output"; }
  done
}

# Waits until the command succeeds, a minute at most.
await() {
  local attempt
  for ((attempt = 0; attempt < 600; ++attempt)); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1 # bounded poll
  done
  fail "never came true: $*"
}

# db_bench is the store's host.
bench_is_host() {
  "$keyhold" store status "$store" | grep 'host .*db_bench' >/dev/null # -q would break the pipe
}

"$keyhold" kms init "$scratch/kms" >/dev/null
"$keyhold" kms key create "$scratch/kms" orders >/dev/null
"$keyhold" store init "$store" --kms-type LOCAL --kms-uri "local://$scratch/kms/orders" >/dev/null
