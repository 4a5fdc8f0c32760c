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
expect share/man/man5/keyhold.toml.5
expect share/bash-completion/completions/keyhold
expect share/zsh/site-functions/_keyhold
expect share/fish/vendor_completions.d/keyhold.fish
expect share/doc/keyhold/LICENSE
expect share/doc/keyhold/docs/rocksdb.md
expect share/doc/keyhold/examples/keyhold.toml

# The program runs from there, a shell takes its completion, a loader takes the plugin.
"$prefix/bin/keyhold" --version | grep -q '[0-9]\.[0-9]'
bash -n "$prefix/share/bash-completion/completions/keyhold"
LD_PRELOAD=$prefix/$libdir/libkeyhold_rocksdb.so LD_BIND_NOW=1 /bin/true

# Each installed header compiles with nothing but the prefix to find it in.
for header in "$prefix"/include/keyhold/*.h; do
  printf '#include <keyhold/%s>\n' "${header##*/}" |
    "$cxx" -std=c++20 -fsyntax-only -Wall -Wextra -Werror -I "$prefix/include" -x c++ -
done

# No document leads to a file that was not installed with it.
doc=$prefix/share/doc/keyhold
while IFS=: read -r from to; do
  target=$(dirname "$from")/${to%%#*}
  [[ -e $target ]] || {
    printf '%s leads to %s, which is not installed\n' "${from#"$prefix/"}" "$to"
    failures=$((failures + 1))
  }
done < <(grep -roP --include='*.md' '\]\(\K(?!https?:|#)[^)]+(?=\))' "$doc")

# The example of the settings has each of them, with a value that holds.
settings=$("$prefix/bin/keyhold" config check "$doc/examples/keyhold.toml")
if tail -n +4 <<<"$settings" | grep -v "$doc/examples/keyhold.toml:[0-9]"; then
  printf 'a setting is missing in examples/keyhold.toml\n'
  failures=$((failures + 1))
fi

# The programs of docs/rocksdb.md, against what is installed, on a store.
snippet() { sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" "$doc/docs/rocksdb.md" | sed '1d;$d' | sed "s|/srv/store|$prefix/store|g"; }
libraries=(-L "$prefix/$libdir" -lkeyhold_rocksdb -lrocksdb "-Wl,-rpath,$prefix/$libdir")
snippet cpp >"$prefix/orders.cc"
"$cxx" -std=c++17 -Wall -Wextra -Werror -I "$prefix/include" "$prefix/orders.cc" "${libraries[@]}" -o "$prefix/orders"
snippet c >"$prefix/orders.c"
cc -std=c11 -Wall -Wextra -Werror -I "$prefix/include" "$prefix/orders.c" "${libraries[@]}" -o "$prefix/orders-c"
if "$prefix/orders-c" 2>"$prefix/refused" || ! grep -q "no store at $prefix/store" "$prefix/refused"; then
  cat "$prefix/refused"
  printf 'the C program does not say that there is no store\n'
  failures=$((failures + 1))
fi
"$prefix/bin/keyhold" kms init "$prefix/kms" >/dev/null
"$prefix/bin/keyhold" kms key create "$prefix/kms" orders >/dev/null
"$prefix/bin/keyhold" store init "$prefix/store" --kms-uri "local://$prefix/kms/orders" >/dev/null
[[ $("$prefix/orders") == '42 apples' ]]
[[ $("$prefix/orders-c") == stored ]]
"$prefix/bin/keyhold" store verify "$prefix/store" >/dev/null
if grep -rq apples "$prefix/store"; then
  printf 'plaintext in the store\n'
  failures=$((failures + 1))
fi

((failures == 0))
