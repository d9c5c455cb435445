#!/usr/bin/env bash
# Brings a machine that has Swift and git to where `make build` works: installs the Debian packages
# that are missing and checks the compiler. Says one line per thing done, nothing when nothing was.
set -euo pipefail

packages=(
  libopenmpi-dev openmpi-bin libzstd-dev libdnnl-dev libturbojpeg0-dev libspng-dev zlib1g-dev zstd
  pkg-config)

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

# Prints the packages of the list that dpkg does not hold as installed.
missing_packages() {
  local installed
  # dpkg-query fails when it has never heard of a package; what it does know, it still prints.
  # shellcheck disable=SC2016 # ${…} is dpkg-query's own form.
  installed=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' "${packages[@]}" \
    2>/dev/null || true)
  local package
  for package in "${packages[@]}"; do
    case $'\n'"$installed"$'\n' in
      *$'\n'"installed $package"$'\n'*) ;;
      *) echo "$package" ;;
    esac
  done
}

install_packages() {
  local root=() log
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
      fail "Debian packages are missing and this user may not install them; run this, then again:" \
        "  sudo apt-get update && sudo apt-get install -y $*"
    fi
    root=(sudo -n)
  fi
  log=$(mktemp)
  echo "installing $*"
  if ! {
    "${root[@]}" apt-get -q update \
      && "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -q install -y --no-install-recommends "$@"
  } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    fail "apt-get could not install $*; its last lines stand above, all of them in $log."
  fi
  rm -f "$log"
}

# The engine speaks the C interface of oneDNN 2; version 3 removed it.
check_onednn() {
  local version
  # shellcheck disable=SC2016
  version=$(dpkg-query --show --showformat='${Version}' libdnnl-dev)
  case $version in
    2.*) ;;
    *) fail "libdnnl-dev is $version, but Edgewise needs oneDNN 2 (Debian 12 has 2.6.3)." ;;
  esac
}

check_swift() {
  local advice="get it at https://www.swift.org/install and put it on PATH." version major minor
  command -v swift >/dev/null || fail "Swift 6.2 or later is needed, and no swift is on PATH; $advice"
  version=$(swift --version 2>/dev/null) || fail "swift --version fails; $advice"
  [[ $version =~ Swift\ version\ ([0-9]+)\.([0-9]+) ]] \
    || fail "swift --version says \"${version%%$'\n'*}\", which names no version; $advice"
  major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]}
  if ((major < 6 || (major == 6 && minor < 2))); then
    fail "Swift 6.2 or later is needed, and swift on PATH is $major.$minor; $advice"
  fi
}

if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
  mapfile -t missing < <(missing_packages)
  if ((${#missing[@]} > 0)); then
    install_packages "${missing[@]}"
  fi
  check_onednn
elif ! { command -v mpirun && command -v pkg-config; } >/dev/null; then
  fail "This is no Debian, and mpirun or pkg-config is missing; install what there stands for" \
    "  ${packages[*]}" \
    "that is, Open MPI 4.1, zstd, oneDNN 2 and libjpeg-turbo's TurboJPEG with their headers, libspng, zlib, pkg-config." \
    "Fedora: openmpi-devel libzstd-devel onednn-devel turbojpeg-devel libspng-devel zlib-devel zstd pkgconf" \
    "Arch: openmpi zstd onednn libjpeg-turbo libspng zlib pkgconf (these names are not tried)"
fi
check_swift
