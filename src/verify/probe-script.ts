/**
 * The shell functions of the probe that verify brings into the appliance. They need a POSIX shell,
 * coreutils, gzip, grep and sed, all of which Debian calls essential, and systemctl; pages are asked
 * for with bash, since nothing else in a minimal system opens a connection.
 *
 * What is found is said on the link, in the link's own framing (see link/protocol.ts). Its checksum,
 * CRC-32, is what gzip writes before the last four bytes of its output. Texts travel as base64: there
 * is nothing in them then that JSON would have to escape.
 */

/** How often the probe says what the boot still waits for. */
const WAITING_SECONDS = 10;

/** Bytes of a check's output that are said; the end of it, where the reasons are. */
const OUTPUT_BYTES = 8192;
/** A page is read no further than this. */
const PAGE_BYTES = 1024 * 1024;

export const PROBE_FUNCTIONS = String.raw`
work=$RUNTIME_DIRECTORY

open_link() { exec 3<>"$PVMC_LINK" </dev/null; drain; }

# stty waits until what was written has gone out.
drain() { stty raw -echo <&3 2>/dev/null || :; }

send() {
  sum=$(printf %s "$1" | gzip -c | tail -c 8 | od -A n -t x4 -N 4 --endian=little | tr -d ' \n')
  printf '\036pvmc1 %s %s\n' "$sum" "$1" >&3
}

uptime() { read -r up _ </proc/uptime; printf %s "$up"; }

encoded() { tail -c ${OUTPUT_BYTES} | base64 -w 0; }

running_jobs() {
  timeout 10 systemctl list-jobs --plain --no-legend --no-pager 2>/dev/null |
    while read -r _ unit _ state; do [ "$state" = running ] && echo "$unit"; done
}

failed_units() {
  timeout 10 systemctl list-units --failed --plain --no-legend --no-pager 2>/dev/null |
    while read -r unit _; do echo "$unit"; done
}

# complaints UNITS: what the journal has of them, or of whatever went wrong.
complaints() {
  if [ -z "$1" ]; then
    timeout 20 journalctl -b -p warning -n 40 -o short-monotonic --no-pager 2>&1
    return
  fi
  set -f
  for unit in $1; do
    timeout 20 journalctl -b -u "$unit" -n 12 -o short-monotonic --no-pager 2>&1
  done
  set +f
}

# say TYPE STATE: with what has failed so far.
say() {
  failed=$(failed_units)
  journal=
  [ "$2" = running ] && [ -z "$failed" ] || journal=$(complaints "$failed" | encoded)
  send "{\"type\":\"$1\",\"uptime\":$(uptime),\"state\":\"$2\",\"failed\":\"$(echo "$failed" | encoded)\",\"journal\":\"$journal\"}"
}

wait_until_up() {
  state=starting
  while :; do
    state=$(timeout ${WAITING_SECONDS} systemctl is-system-running --wait 2>/dev/null)
    [ -n "$state" ] || state=$(timeout 10 systemctl is-system-running 2>/dev/null)
    case $state in
      running|degraded|maintenance|stopping) break ;;
    esac
    send "{\"type\":\"waiting\",\"uptime\":$(uptime),\"jobs\":\"$(running_jobs | encoded)\"}"
    sleep 1
  done
  say up "$state"
  [ "$state" = running ] || [ "$state" = degraded ]
}

# check NUMBER SECONDS FUNCTION ARGUMENTS...
check() {
  number=$1 limit=$2
  shift 2
  send "{\"type\":\"check-started\",\"uptime\":$(uptime),\"check\":$number}"
  "$@" >"$work/output" 2>&1
  status=$?
  send "{\"type\":\"check-finished\",\"uptime\":$(uptime),\"check\":$number,\"status\":$status,\"output\":\"$(encoded <"$work/output")\"}"
}

seconds() { read -r up _ </proc/uptime; printf %s "${'$'}{up%%.*}"; }

check_command() {
  timeout -k 5 "$limit" sh -c "$1" 3>&-
  status=$?
  case $status in 124|137) echo "it was ended after $limit s" ;; esac
  return "$status"
}

# A service may be started before it listens, so that a port gets its time.
check_port() {
  until_then=$(($(seconds) + limit))
  hex=$(printf %04X "$1")
  until cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
      grep -Eq "^ *[0-9]+: [0-9A-F]+:$hex [0-9A-F]+:0000 0A "; do
    if [ "$(seconds)" -ge "$until_then" ]; then
      echo "nothing listens on port $1"
      return 1
    fi
    sleep 1
  done
}

# check_http SCHEME HOST PORT HOST-HEADER PATH STATUS TEXT
check_http() {
  until_then=$(($(seconds) + limit))
  while :; do
    ask_page "$@" || return
    case $got in
      ''|502|503|504) ;;
      *) break ;;
    esac
    [ "$got" != "$6" ] && [ "$(seconds)" -lt "$until_then" ] || break
    sleep 1
  done
  judge_page "$6" "$7"
}

ask_page() {
  got=
  request=$(printf 'GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: pvmc-verify\r\nAccept: */*\r\nConnection: close\r\n\r\n.' "$5" "$4")
  request=${'$'}{request%.}
  left=$((until_then - $(seconds)))
  [ "$left" -ge 1 ] || left=1
  if [ "$1" = https ]; then
    ask_https "$2" "$3" || return
  else
    ask_plainly "$2" "$3" || return
  fi
  LC_ALL=C sed -n '1s|^HTTP/[0-9.]* \([0-9][0-9][0-9]\).*|\1|p' "$work/answer" >"$work/status"
  read -r got <"$work/status" || :
}

ask_plainly() {
  if ! command -v bash >/dev/null; then
    echo 'there is no bash in the appliance to ask for a page with'
    return 1
  fi
  PVMC_REQUEST=$request timeout -k 5 "$left" bash -c \
    'exec 4<>"/dev/tcp/$0/$1" && printf %s "$PVMC_REQUEST" >&4 && head -c ${PAGE_BYTES} <&4' \
    "$1" "$2" >"$work/answer" 2>"$work/trouble"
  return 0
}

ask_https() {
  if ! command -v openssl >/dev/null; then
    echo 'there is no openssl in the appliance to ask for an https page with'
    return 1
  fi
  case $1 in
    *:*) at="[$1]:$2" name= ;;
    *[!0-9.]*) at=$1:$2 name=$1 ;;
    *) at=$1:$2 name= ;;
  esac
  # The certificate is not judged: an appliance makes its own, for a name that we do not call it by.
  # With -ign_eof it waits for the answer although the request has ended.
  printf %s "$request" |
    timeout -k 5 "$left" openssl s_client -quiet -ign_eof -connect "$at" ${'$'}{name:+-servername "$name"} \
    2>"$work/trouble" | head -c ${PAGE_BYTES} >"$work/answer"
  return 0
}

judge_page() {
  if [ -z "$got" ]; then
    if [ -s "$work/answer" ]; then
      echo 'the answer is not HTTP; it begins with:'
      head -c 200 "$work/answer" | tr -cd '[:print:]\n'
    else
      echo 'there was no answer'
      tail -n 3 "$work/trouble"
    fi
    return 1
  fi
  if [ "$got" != "$1" ]; then
    echo "the answer's status is $got, not $1"
    tr -d '\r' <"$work/answer" | sed -n 's/^[Ll]ocation: /it points to /p;/^$/q'
    return 1
  fi
  [ -n "$2" ] || return 0
  LC_ALL=C
  page=$(tr -d '\000' <"$work/answer" | sed '1,/^\r*$/d')
  case $page in
    *"$2"*) return 0 ;;
  esac
  echo "the answer, of status $got, does not have the text in it; it begins with:"
  printf %s "$page" | head -c 500
  return 1
}
`;
