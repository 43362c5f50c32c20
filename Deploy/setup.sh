#!/usr/bin/env bash
# Makes a machine fit to build and test Apus: checks the Swift toolchain, then installs what packages.txt names.
# May be run any number of times; does nothing where nothing is missing.
set -eu

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
swift_wanted=6.2

complain() { # what, where, what to do next
  printf 'setup: %s\n  where: %s\n  next:  %s\n' "$1" "$2" "$3" >&2
}

check_swift() {
  local path words version older
  if ! path=$(command -v swift); then
    complain "no Swift toolchain found" "\$PATH ($PATH)" \
      "install Swift $swift_wanted or newer (www.swift.org/install/linux) and put its bin folder on \$PATH"
    return 1
  fi
  words=$("$path" --version 2>/dev/null) || words=
  version=$(sed -nE 's/.*Swift version ([0-9]+(\.[0-9]+)*).*/\1/p' <<<"$words" | head -n 1)
  if [ -z "$version" ]; then
    complain "the Swift toolchain does not tell its version" "$path" \
      "run \`swift --version\`; often a library that the toolchain itself needs is missing"
    return 1
  fi
  older=$(printf '%s\n%s\n' "$version" "$swift_wanted" | sort -V | head -n 1)
  if [ "$older" != "$swift_wanted" ]; then
    complain "Swift $version is too old" "$path" \
      "install Swift $swift_wanted or newer (www.swift.org/install/linux)"
    return 1
  fi
}

wanted_packages() { sed -e 's/#.*//' "$here/packages.txt" | awk 'NF { print $1 }'; }

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

check_swift

if ! command -v dpkg-query >/dev/null; then
  complain "this is no Debian, so packages cannot be checked or installed" "$here/packages.txt" \
    "install what that file names, then build with \`swift build -c release\` directly"
  exit 1
fi

missing=()
for package in $(wanted_packages); do
  is_installed "$package" || missing+=("$package")
done
if [ "${#missing[@]}" -eq 0 ]; then exit 0; fi

install=(apt-get install -y --no-install-recommends "${missing[@]}")
if [ "$(id -u)" -ne 0 ]; then
  complain "missing packages: ${missing[*]}" "this machine; only root may install them" "sudo ${install[*]}"
  exit 1
fi

echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
if ! apt-get update -q; then
  echo "setup: the list of packages could not be renewed; going on with the one that is here" >&2
fi
if ! "${install[@]}"; then
  complain "apt-get could not install: ${missing[*]}" "its own words are above" \
    "mend the machine's package sources (or the network) and run \`make setup\` again"
  exit 1
fi
