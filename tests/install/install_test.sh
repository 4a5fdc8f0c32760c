#!/usr/bin/env bash
# install_test.sh CMAKE BUILD LIBDIR CXX: installs into a fresh prefix, then uses what is there.
set -euo pipefail

cmake=$1 build=$2 libdir=$3 cxx=$4
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT

"$cmake" --install "$build" --prefix "$prefix" >"$prefix/log" || {
  cat "$prefix/log"
  exit 1
}

failures=0
expect() {
  if ! compgen -G "$prefix/$1" >/dev/null; then
    printf 'not installed: %s\n' "$1"
    failures=$((failures + 1))
  fi
}
expect bin/keyhold
expect "$libdir/libkeyhold_rocksdb.so"
expect 'include/keyhold/*.h'
expect share/man/man1/keyhold.1
expect share/bash-completion/completions/keyhold
expect share/zsh/site-functions/_keyhold
expect share/fish/vendor_completions.d/keyhold.fish
expect share/doc/keyhold/LICENSE

# The program runs from there, a shell takes its completion, a loader takes the plugin.
"$prefix/bin/keyhold" --version | grep -q '[0-9]\.[0-9]'
bash -n "$prefix/share/bash-completion/completions/keyhold"
LD_PRELOAD=$prefix/$libdir/libkeyhold_rocksdb.so LD_BIND_NOW=1 /bin/true

# Each installed header compiles with nothing but the prefix to find it in.
for header in "$prefix"/include/keyhold/*.h; do
  printf '#include <keyhold/%s>\n' "${header##*/}" |
    "$cxx" -std=c++20 -fsyntax-only -Wall -Wextra -Werror -I "$prefix/include" -x c++ -
done

((failures == 0))
