#!/bin/sh
# Runs a program in the small root that root.ts makes, with this computer's own folders in it: a path
# means the same inside and outside. Everything that is mounted goes with the program, since it happens
# in a mount namespace of its own; an ordinary user gets a user namespace for it.
#
# usage: enter.sh ROOT PROGRAM [ARGUMENT]...
set -eu

if [ "${1-}" != --inside ]; then
  [ "$(id -u)" -eq 0 ] || exec unshare --user --map-root-user --mount sh "$0" --inside "$@"
  exec unshare --mount sh "$0" --inside "$@"
fi
root=$2
shift 2

for folder in /*; do
  case $folder in /bin | /boot | /etc | /lib* | /sbin | /usr) continue ;; esac
  [ -d "$folder" ] && [ ! -L "$folder" ] || continue
  mkdir -p "$root$folder"
  mount --rbind "$folder" "$root$folder"
done
# VirtualBox's NAT asks the name servers of this computer.
cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
exec chroot "$root" "$@"
