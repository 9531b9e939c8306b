/**
 * The script beside a qcow2 that makes a machine of it in Proxmox VE. What the manifest says stands at its
 * top; the rest is the same for every appliance.
 */
import type { Manifest } from '../../manifest/schema.ts';
import { commentText, shellWord } from './script-texts.ts';

const MIB = 2 ** 20;

/** @param imageName the qcow2, which lies beside the script */
export function proxmoxScript(manifest: Manifest, imageName: string): string {
  const { name, version, description, machine } = manifest;
  const about = commentText(`${name} ${version}`);
  return `#!/bin/sh
# Makes a virtual machine of the appliance ${about} in Proxmox VE 7.1 or later, on whose host it runs.
# It changes nothing that is there already, and removes what it has made when it fails.
set -eu

# The manifest's words are taken as they stand.
# shellcheck disable=SC1112,SC2016
{
name=${shellWord(name)}
description=${shellWord(description)}
image_name=${shellWord(imageName)}
}
memory=${Math.ceil(machine.memory / MIB)}
cores=${machine.cpus}
firmware=${machine.firmware}
network=${machine.network}
${BODY}`;
}

/** For /bin/sh, and silent under shellcheck. */
const BODY = `
usage() {
  cat <<END
usage: $0 [--dry-run] ID STORAGE [BRIDGE]
  ID         the number of the new machine; "pvesh get /cluster/nextid" tells a free one
  STORAGE    where its disk goes, e.g. local-lvm; "pvesm status --content images" lists them
  BRIDGE     what its network card is connected to; vmbr0 unless told
  --dry-run  shows the commands and runs none of them
END
}

# fail LINE...
fail() {
  printf '%s: %s\\n' "$0" "$1" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\\n' "$@" >&2
  exit 1
}

# A word as it can be pasted into a shell.
quoted() {
  case $1 in
    '' | *[!A-Za-z0-9_@%+=:,./-]*) printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\\\\\''/g")" ;;
    *) printf '%s' "$1" ;;
  esac
}

# run COMMAND...: shows it, and runs it.
run() {
  line=
  for word in "$@"; do
    line="$line\${line:+ }$(quoted "$word")"
  done
  printf '%s\\n' "$line"
  [ "$dry_run" = yes ] || "$@"
}

read_arguments() {
  dry_run=no
  case \${1-} in
    -h | --help)
      usage
      exit 0
      ;;
    --dry-run)
      dry_run=yes
      shift
      ;;
  esac
  if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    usage >&2
    exit 2
  fi
  id=$1
  storage=$2
  bridge=\${3-vmbr0}
  case $id in
    '' | [!1-9]* | *[!0-9]* | ? | ?? | ??????????*)
      fail "\\"$id\\" is no number of a machine: Proxmox VE has 100 to 999999999"
      ;;
  esac
  case $storage in
    [!A-Za-z]* | *[!A-Za-z0-9._-]* | '') fail "\\"$storage\\" is no name of a storage" ;;
  esac
  case $bridge in
    *[!A-Za-z0-9._-]* | '') fail "\\"$bridge\\" is no name of a bridge" ;;
  esac
  if [ $# -eq 3 ] && [ "$network" = none ]; then
    fail "this appliance has no network card that could be connected to $bridge"
  fi
}

look_first() {
  [ -f "$image" ] || fail "the disk is not there: $image" "Copy the whole folder, not only this script."
  [ "$dry_run" = no ] || return 0
  for program in qm pvesm; do
    command -v "$program" >/dev/null ||
      fail "this is no host of Proxmox VE: it has no $program" "Copy the folder to one, and run this script there as root."
  done
  [ "$(id -u)" -eq 0 ] || fail "only root may do this" "Run it with sudo, or in a shell of root."
  if qm config "$id" >/dev/null 2>&1 || pct config "$id" >/dev/null 2>&1; then
    fail "there is a machine $id already, and it stays as it is" "Give another number, e.g. the answer of: pvesh get /cluster/nextid"
  fi
  pvesm status --content images | awk -v wanted="$storage" '$1 == wanted && $3 == "active" { found = 1 } END { exit !found }' ||
    fail "the storage $storage is not there, not active, or not for disks" "These are: pvesm status --content images"
  [ ! -f "$image.sha256" ] || (cd "$folder" && sha256sum --check --quiet "$image_name.sha256") ||
    fail "the disk is not what it was when it was exported: $image" "Copy it anew."
}

make_machine() {
  set -- --memory "$memory" --cores "$cores" --ostype l26 --scsihw virtio-scsi-pci --serial0 socket
  [ "$network" = none ] || set -- "$@" --net0 "virtio,bridge=$bridge"
  # The boot loader bears no signature that Secure Boot knows, so no keys are enrolled.
  [ "$firmware" = bios ] ||
    set -- "$@" --bios ovmf --machine q35 --efidisk0 "$storage:1,efitype=4m,pre-enrolled-keys=0"
  [ -z "$description" ] || set -- "$@" "--description=$description"
  run qm create "$id" --name "$name" "$@"
  [ "$dry_run" = yes ] || made=yes
}

# What the storage calls the disk is told by the machine, which has it as unused.
attach_disk() {
  run qm importdisk "$id" "$image" "$storage"
  volume=VOLUME
  [ "$dry_run" = yes ] || volume=$(qm config "$id" | sed -n 's/^unused0: *//p')
  [ -n "$volume" ] || fail "Proxmox VE has imported the disk, but machine $id does not have it"
  run qm set "$id" --scsi0 "$volume,discard=on" --boot order=scsi0
}

clean_up() {
  status=$?
  trap - EXIT
  if [ "$made" = yes ]; then
    printf '%s: removing the unfinished machine %s\\n' "$0" "$id" >&2
    qm destroy "$id" --purge >&2 || true
  fi
  exit "$status"
}

read_arguments "$@"
folder=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
image=$folder/$image_name
made=no
look_first
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
make_machine
attach_disk
made=no
if [ "$dry_run" = yes ]; then
  echo "Nothing was run. VOLUME is what qm importdisk names."
else
  echo "Machine $id ($name) is ready. To start it: qm start $id"
fi
`;
