#!/usr/bin/env bash
# Installs what Evenkeel needs to build (and, with --tests, to test) on Debian 12. Safe to run again:
# it does nothing when everything is there. Needs root, or sudo.
set -euo pipefail

here="$(cd "$(dirname "$0")/.." && pwd)"
with_tests=false
for argument in "$@"; do
    case "$argument" in
        --tests) with_tests=true ;;
        *) echo "usage: scripts/setup.sh [--tests]" >&2; exit 2 ;;
    esac
done

step() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

packages=(
    ca-certificates ccache clang-19 cmake libboost-json1.81-dev libboost1.81-dev libcli11-dev
    libclang-rt-19-dev libcurl4-openssl-dev libfmt-dev libre2-dev libspdlog-dev libsqlite3-dev
    libssl-dev libsystemd-dev libyaml-cpp-dev lld-19 ninja-build pkg-config prometheus-cpp-dev tzdata
    zlib1g-dev
)
if $with_tests; then
    # The Python modules are what cloud-init's own schema check imports.
    packages+=(
        chromium libgtest-dev librapidcheck-dev python3-configobj python3-jinja2 python3-jsonpatch
        python3-jsonschema python3-requests python3-venv python3-yaml shellcheck sqlite3
        valgrind
    )
    # Any Node from 18 on will do; Debian's own only where there is none.
    if ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 18 ? 0 : 1)' \
        2>/dev/null; then
        packages+=(nodejs npm)
    elif ! command -v npm >/dev/null; then
        packages+=(npm)
    fi
fi

missing=()
for package in "${packages[@]}"; do
    status="$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)"
    [ "$status" = installed ] || missing+=("$package")
done

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
if [ "${#missing[@]}" -eq 0 ]; then
    step "Debian packages: all ${#packages[@]} present"
else
    command -v apt-get >/dev/null || die "this needs Debian 12 (no apt-get here)"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "run as root, or install sudo: packages are missing: ${missing[*]}"
    fi
    step "installing ${#missing[@]} Debian packages: ${missing[*]}"
    apt() {
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq \
            -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
    }
    apt update >/dev/null || die "apt-get update failed: is the network up?"
    apt install --no-install-recommends -y "${missing[@]}" >/dev/null ||
        die "apt-get install failed for: ${missing[*]}"
fi

# Programs whose packages would start a service: unpacked for the tests, never installed.
unpack() { # package, a file that must be there afterwards
    local folder="$here/build/tools/$1"
    if [ -e "$folder/$2" ]; then
        step "$1: unpacked"
        return
    fi
    step "unpacking $1 into build/tools"
    rm -rf "$folder" "$folder.new"
    mkdir -p "$folder.new"
    if ! (cd "$folder.new" && apt-get -qq download "$1" >/dev/null 2>&1); then
        "${as_root[@]}" apt-get -qq update >/dev/null || die "apt-get update failed: is the network up?"
        (cd "$folder.new" && apt-get -qq download "$1" >/dev/null) || die "$1 cannot be downloaded"
    fi
    dpkg-deb -x "$folder.new"/*.deb "$folder.new" || die "$1 cannot be unpacked"
    rm -f "$folder.new"/*.deb
    [ -e "$folder.new/$2" ] || die "the package $1 has no $2"
    mv "$folder.new" "$folder"
}
if $with_tests; then
    unpack nginx usr/sbin/nginx
    unpack prometheus usr/bin/promtool
    unpack cloud-init usr/lib/python3/dist-packages/cloudinit/cmd/main.py
fi

npm_packages() { # folder
    local folder="$here/$1" lock="$here/$1/package-lock.json"
    local stamp="$here/$1/node_modules/.evenkeel-lock"
    if cmp -s "$lock" "$stamp"; then
        step "npm packages of $1: present"
        return
    fi
    step "installing the npm packages of $1"
    (cd "$folder" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error) ||
        die "npm ci failed in $1"
    cp "$lock" "$stamp"
}
if $with_tests; then
    npm_packages tests/clients
    npm_packages tests/browser
    [ "$(uname -m)" = x86_64 ] ||
        step "no llama-server for tests: its package is for x86-64; those tests are skipped"
fi

# The vendors' Python SDKs and a llama-server, in a folder of their own: nothing is installed into
# the system's Python.
if $with_tests; then
    wanted="$here/tests/clients/requirements.txt"
    venv="$here/build/clients-venv"
    if cmp -s "$wanted" "$venv/.evenkeel-requirements"; then
        step "Python packages: present"
    else
        step "installing the Python packages of tests/clients into build/clients-venv"
        rm -rf "$venv"
        python3 -m venv "$venv" || die "python3 -m venv failed"
        "$venv/bin/pip" install -q --disable-pip-version-check --no-deps -r "$wanted" ||
            die "pip install failed for tests/clients/requirements.txt"
        cp "$wanted" "$venv/.evenkeel-requirements"
    fi
fi
step "done"
