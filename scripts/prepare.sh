#!/bin/sh
# Makes a clone ready: the Debian packages, the npm packages, the bundles. It says what it will do and
# why before it does it, asks once (default yes) when there is somebody to ask, and is silent and quick
# when nothing is to do. Everything is said on standard error: standard output is the program's.
#
# usage: prepare.sh program|main|tests [ask|yes]
#   program  what `pvmc --help` and `pvmc doctor` need: Node.js, npm packages, the bundles
#   main     and what building an appliance needs
#   tests    and what the tests need
set -eu

root=$(dirname "$(dirname "$(readlink -f -- "$0")")")
level=${1-main}
answer=${2-ask}
case $level in
  program) levels=' program ' ;;
  main) levels=' program main ' ;;
  tests) levels=' program main tests ' ;;
  *) echo "usage: prepare.sh program|main|tests [ask|yes]" >&2; exit 2 ;;
esac

# An ordinary user's PATH lacks the folders of mkfs and its like; pvmc adds them too when it starts
# programs.
search_path=$PATH:/usr/sbin:/sbin
# Seconds to wait for another apt or dpkg.
lock_timeout=600

main() {
  find_missing_packages
  case " $missing " in *' nodejs '*) ;; *) check_node ;; esac
  [ -z "$missing" ] || ensure_that_apt_can_help
  npm_needed && npm=yes || npm=no
  if [ -n "$missing" ] || [ "$npm" = yes ]; then
    explain
    ask
  fi
  [ -z "$missing" ] || install_packages
  [ "$npm" = no ] || locked install_npm_packages
  ! bundles_needed || locked make_bundles
}

say() { printf '%s\n' "$*" >&2; }

# fail LINE...: ends the run. The status is the one that pvmc has for faults of this computer.
fail() {
  say "pvmc: $1"
  shift
  for line in "$@"; do say "  $line"; done
  exit 4
}

# Sets `missing` (names) and `reasons` (lines for a person). The list is JSON, because pvmc reads it
# too, formatted with one key a line; reading it here takes no other program.
find_missing_packages() {
  missing=
  reasons=
  while IFS= read -r line; do
    value=${line#*: \"}
    value=${value%\"*}
    case $line in
      *'"package": '*) package=$value ;;
      *'"look": '*) look=$value ;;
      *'"for": '*) for=$value ;;
      *'"why": '*)
        case $levels in
          *" $for "*) present "$look" || not_needed "$package" || add_missing "$package" "$look" "$value" ;;
        esac
        ;;
    esac
  done <"$root/scripts/debian-packages.json"
}

# npm only installs packages, and there may be none to install.
not_needed() { [ "$1" = npm ] && ! npm_needed; }

add_missing() {
  missing="$missing${missing:+ }$1"
  reasons="$reasons$(printf '    %-23s %s (no %s)' "$1" "$3" "${2#*:}")
"
}

present() {
  case $1 in
    command:*) (PATH=$search_path; command -v "${1#command:}") >/dev/null 2>&1 ;;
    file:*) [ -e "${1#file:}" ] ;;
  esac
}

check_node() {
  version=$(node --version 2>/dev/null) || version=unknown
  numbers=${version#v}
  major=${numbers%%.*}
  minor=${numbers#*.}
  minor=${minor%%.*}
  case $major$minor in
    *[!0-9]* | '') ;;
    *) [ "$major" -lt 20 ] || { [ "$major" -eq 20 ] && [ "$minor" -lt 19 ]; } || return 0 ;;
  esac
  fail "Node.js 20.19 or later is needed, and $(command -v node) is $version" \
    "Debian 13 has a new enough one: apt-get install nodejs npm" \
    "For older systems see https://nodejs.org/en/download"
}

# Only Debian's own apt is used: other distributions name and split these packages differently.
ensure_that_apt_can_help() {
  # shellcheck disable=SC1091
  distribution=$(. /etc/os-release 2>/dev/null && echo "${ID-} ${VERSION_ID-}") || distribution=unknown
  case $distribution in
    'debian '*) command -v apt-get >/dev/null || fail_not_debian ;;
    *) fail_not_debian ;;
  esac
  case " $missing " in *' nodejs '*) ;; *) return 0 ;; esac
  case $distribution in
    'debian '[0-9] | 'debian 1'[0-2])
      fail "Node.js 20.19 or later is needed, and Debian ${distribution#debian } has only an older one" \
        "Install it (with npm) as https://nodejs.org/en/download tells, or use Debian 13."
      ;;
  esac
}

fail_not_debian() {
  say "pvmc: these programs or files are missing; Debian has them in the packages named first:"
  printf '%s' "$reasons" >&2
  say "  Only on Debian are they installed for you. Install them, then run this again."
  exit 4
}

npm_needed() {
  # shellcheck disable=SC3013 # -nt: in POSIX since 2024, in dash and busybox long before
  [ ! -e "$root/node_modules/.package-lock.json" ] ||
    [ "$root/package-lock.json" -nt "$root/node_modules/.package-lock.json" ]
}

# build.mjs touches the stamp last, with the time at which it began to read the sources.
bundles_needed() {
  [ ! -e "$root/dist/.stamp" ] ||
    [ -n "$(find "$root/src" "$root/build.mjs" "$root/package.json" "$root/package-lock.json" \
      "$root/scripts/debian-packages.json" ! -name '*.test.ts' -newer "$root/dist/.stamp" -print -quit)" ]
}

# ── Before anything is done ───────────────────────────────────────────────────────────────────────

explain() {
  say "pvmc: something is to be installed before this can run."
  if [ -n "$missing" ]; then
    say "  Debian packages:"
    printf '%s' "$reasons" >&2
    choose_root_command
  fi
  if [ "$npm" = yes ]; then
    say "  npm packages, into $root/node_modules, as package-lock.json pins them:"
    say "    the libraries that pvmc is bundled from, and the tools that bundle and test it"
  fi
  say "  by these commands:"
  [ -z "$missing" ] || say "    $(install_command)"
  [ "$npm" = no ] || say "    cd $root && npm ci"
}

ask() {
  [ "$answer" = ask ] && [ -t 0 ] && [ -t 2 ] || return 0
  printf 'Install now? [Y/n] ' >&2
  read -r reply || reply=n
  case $reply in
    '' | [Yy]*) ;;
    *) fail "nothing was installed, so this cannot run" ;;
  esac
}

# Sets `as_root`, what apt-get must be started with.
choose_root_command() {
  if [ "$(id -u)" -eq 0 ]; then
    as_root=
  elif ! command -v sudo >/dev/null; then
    as_root=
    fail "Debian packages can be installed only by root, and there is no sudo" \
      "Let an administrator run:" "  apt-get update && $(install_command)"
  elif ! { [ -t 0 ] && [ -t 2 ]; } && ! sudo -n true 2>/dev/null; then
    as_root=
    fail "sudo would ask for a password, and there is no terminal to ask on" \
      "Run this on a terminal, or run first:" \
      "  sudo apt-get update && sudo $(install_command)"
  else
    as_root=sudo
  fi
}

install_command() {
  echo "${as_root:+$as_root }apt-get install --yes --no-install-recommends $missing"
}

# ── Debian packages ───────────────────────────────────────────────────────────────────────────────

# The package lists are fetched only when they do not know a package, or led to a failure: they may
# be old and name files that the archive no longer has.
install_packages() {
  if packages_known; then
    apt_install || { update_lists && apt_install; } || explain_apt_failure
  else
    update_lists
    apt_install || explain_apt_failure
  fi
  was_missing=$missing
  find_missing_packages
  [ -z "$missing" ] || fail "after installing $was_missing this is still not there:" "$reasons"
  check_node
}

packages_known() {
  for package in $missing; do
    apt-cache policy "$package" 2>/dev/null | grep -q '^  Candidate: [^(]' || return 1
  done
}

apt_install() {
  # shellcheck disable=SC2086 # names of packages, without blanks
  apt_get install --yes --no-install-recommends $missing >&2
}

# A source that does not answer is no reason to stop: the packages may come from another, and apt-get
# itself calls it a warning.
update_lists() {
  say "pvmc: fetching the package lists (apt-get update)"
  waited=0
  until output=$(apt_get update 2>&1); do
    # apt-get waits by itself for dpkg's lock, but not for the one on the lists.
    case $output in *'Could not get lock /var/lib/apt/lists'*) ;; *) break ;; esac
    [ $waited -lt $lock_timeout ] || break
    [ $waited -gt 0 ] || say "pvmc: another program is fetching them; waiting for it"
    sleep 5
    waited=$((waited + 5))
  done
  printf '%s\n' "$output" | grep '^[WE]: ' >&2 || true
}

apt_get() {
  $as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get --quiet \
    -o "DPkg::Lock::Timeout=$lock_timeout" -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold \
    "$@" </dev/null
}

explain_apt_failure() {
  broken=$(dpkg --audit 2>&1) || true
  if [ -n "$broken" ] || [ -n "$(find /var/lib/dpkg/updates -type f 2>/dev/null)" ]; then
    say "$broken"
    fail "apt-get failed, and dpkg says that packages are half installed" \
      "Repair them, then run this again:" \
      "  ${as_root:+$as_root }dpkg --configure -a" "  ${as_root:+$as_root }apt-get --fix-broken install"
  fi
  fail "apt-get could not install what is missing; its reason is above" \
    "When the archive does not answer, look at the network and at /etc/apt/sources.list*." \
    "By hand: ${as_root:+$as_root }apt-get update && $(install_command)"
}

# ── npm packages and bundles ──────────────────────────────────────────────────────────────────────

# locked FUNCTION: of several runs in one fresh clone one does the work, and the others wait.
locked() {
  [ -w "$root" ] || fail "$root must be prepared once by somebody who may write there" \
    "Let the owner run: $root/pvmc --help"
  exec 9<"$root/package-lock.json"
  if command -v flock >/dev/null && ! flock --nonblock 9; then
    say "pvmc: another pvmc is preparing this clone; waiting for it"
    flock 9
  fi
  "$1"
  exec 9<&-
}

install_npm_packages() {
  npm_needed || return 0
  say "pvmc: installing the npm packages (npm ci)"
  # No package of ours needs its install script, and a script can do anything.
  (cd "$root" && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier 9<&- </dev/null >&2) ||
    fail "npm ci failed; its reason is above" "To repeat it: cd $root && npm ci"
}

make_bundles() {
  bundles_needed || return 0
  (cd "$root" && node build.mjs 9<&- </dev/null >&2) ||
    fail "the sources could not be bundled; the reason is above" "To repeat it: cd $root && node build.mjs"
}

main
