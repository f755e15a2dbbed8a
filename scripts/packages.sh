# Sourced by setup.sh and test.sh: what must be there before anything is built, and how it gets there.
# shellcheck shell=bash

# Services find their interpreters here and nowhere else, whatever the PATH of whoever deploys.
SERVICE_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
GO_MINIMUM=1.19

say() { printf '==> %s\n' "$*"; }

# fail MESSAGE HELP: to standard error, and out.
fail() {
  printf 'error: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf 'help: %s\n' "$2" >&2
  exit 1
}

# at_least VERSION MINIMUM
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

for_services() { PATH=$SERVICE_PATH command -v "$1" >/dev/null; }

has_program() { command -v "$1" >/dev/null; }

has_debian() { [ "$(dpkg-query --show --showformat='${db:Status-Abbrev}' "$1" 2>/dev/null)" = "ii " ]; }

has_go() {
  has_program go || return 1
  local version
  version=$(go env GOVERSION 2>/dev/null) || return 1
  at_least "${version#go}" "$GO_MINIMUM"
}

missing=()

# need PACKAGE TEST…: the package is missing when the test fails.
need() {
  local package=$1
  shift
  "$@" || missing+=("$package")
}

need_to_build_debian() {
  local library
  need ca-certificates has_debian ca-certificates
  need build-essential has_program cc
  need build-essential has_program make
  need curl has_program curl
  need git has_program git
  need pkg-config has_program pkg-config
  need golang-go has_go
  need nodejs for_services node
  need python3 for_services python3
  need ruby for_services ruby
  # What the check helper links, and what makes its bindings.
  for library in libclang-dev libxml2-dev libssl-dev liblzma-dev zlib1g-dev; do
    need "$library" has_debian "$library"
  done
}

need_to_test_debian() {
  need openssh-server test -x /usr/sbin/sshd
  need openssh-client has_program ssh
  need postgresql has_debian postgresql
  need iproute2 has_program ip
  need procps has_program ps
  # Sends calls elsewhere where caller and callee have the same port.
  need nftables test -x /usr/sbin/nft
  # Other tools that read our images.
  need umoci has_program umoci
  need runc has_program runc
  # What builds Dockerfiles.
  need buildah has_program buildah
  need shellcheck has_program shellcheck
  # The registry is tried with the tools that people have, and pulling against another registry.
  need skopeo has_program skopeo
  # Sign the archive that packages come from in tests.
  need gpg has_program gpg
  need gpgconf has_program gpgconf
  need podman has_program podman
  need docker-registry has_program docker-registry
  need ruby-minitest ruby_has_minitest
  # Other readers of the reports that we write.
  need python3-junitparser python_has junitparser
  need python3-jsonschema python_has jsonschema
  # `systemd-analyze verify` reads the unit that `node install` writes; nothing is started.
  need systemd has_program systemd-analyze
}

ruby_has_minitest() { PATH=$SERVICE_PATH ruby -e 'require "minitest"' 2>/dev/null; }

python_has() { /usr/bin/python3 -c "import $1" 2>/dev/null; }

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif has_program sudo; then
    sudo "$@"
  else
    fail "this needs root: $*" "run it as root, then run this script again"
  fi
}

# install_missing WHAT-FOR: installs what `need` found missing, if anything.
install_missing() {
  if [ ${#missing[@]} -eq 0 ]; then
    return
  fi
  local packages
  readarray -t packages < <(printf '%s\n' "${missing[@]}" | sort -u)
  say "installing $1: ${packages[*]}"
  as_root apt-get update --quiet --quiet
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --quiet --quiet --no-install-recommends "${packages[@]}" >/dev/null
  missing=()
  hash -r
}

install_to_build() {
  case "$(uname -s)" in
    Linux)
      if has_program apt-get; then
        need_to_build_debian
        install_missing "what the build needs"
      fi
      ;;
    Darwin) install_with_brew ;;
  esac
  local program
  for program in cc curl git pkg-config; do
    has_program "$program" || fail "\`$program\` is missing" "install it with your system's package manager"
  done
  has_go || fail "Go $GO_MINIMUM or newer is missing" "install it: https://go.dev/doc/install"
  for program in node python3 ruby; do
    for_services "$program" || [ "$(uname -s)" = Darwin ] ||
      fail "\`$program\` is in none of $SERVICE_PATH" "install it with your system's package manager"
  done
}

install_with_brew() {
  local formula
  has_program brew || fail "Homebrew is missing" "install it: https://brew.sh"
  for formula in go node python3 ruby pkg-config libxml2 openssl; do
    brew list "$formula" >/dev/null 2>&1 || {
      say "installing $formula"
      brew install --quiet "$formula"
    }
  done
}

install_to_test() {
  if has_program apt-get; then
    need_to_test_debian
    install_missing "what the tests need"
  fi
  install_actionlint
}

# Judges the workflows that `init --ci` writes. Where it cannot be had, that test says so.
install_actionlint() {
  has_program actionlint || [ -x target/tools/actionlint ] || {
    say "installing actionlint"
    GOBIN=$PWD/target/tools go install github.com/rhysd/actionlint/cmd/actionlint@v1.6.27 ||
      say "actionlint cannot be had: the test of workflows is skipped"
  }
}

# Rust as the workspace wants it: the newest that one of its crates asks for.
install_rust() {
  local minimum version
  minimum=$(sed -n 's/^rust-version = "\([0-9.]*\)".*/\1/p' Cargo.toml crates/*/Cargo.toml | sort -V | tail -n 1)
  PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
  export PATH
  if ! has_program cargo; then
    install_rustup
  fi
  version=$(cargo --version | cut -d ' ' -f 2)
  at_least "${version%%-*}" "$minimum" ||
    fail "cargo is $version; $minimum or newer is needed" "rustup update stable"
}

install_rustup() {
  if has_program apt-get && [ -n "$(apt-cache search --names-only '^rustup$' 2>/dev/null)" ]; then
    say "installing Rust: the package rustup, then the stable toolchain"
    missing=(rustup)
    install_missing "Rust"
    rustup default stable
  else
    say "installing Rust: https://rustup.rs"
    curl --proto '=https' --tlsv1.2 --silent --show-error --fail https://sh.rustup.rs |
      sh -s -- -y --no-modify-path --profile minimal --component clippy --component rustfmt
  fi
  hash -r
}
