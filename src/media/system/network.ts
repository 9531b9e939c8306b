/**
 * The network: DHCP on every wired link, by systemd-networkd. The name servers that it learns are
 * written to resolv.conf by a few lines of shell, because a resolver of its own would cost a second
 * of boot and serve one program.
 */
import type { SystemFile } from './tree.ts';
import { unitFiles } from './units.ts';

/** Exists as soon as a link has an address and the name servers are known. */
export const NETWORK_READY_PATH = '/run/pvmc/resolv.conf';

/** Looks at what the network has learned, and writes that file if it is up. */
export const WRITE_NAME_SERVERS = '/usr/lib/pvmc/write-resolv-conf';

const NETWORKD_SERVICE = `[Unit]
Description=Network Configuration
DefaultDependencies=no
Before=network.target
Wants=network.target

[Service]
Type=notify
ExecStart=/usr/lib/systemd/systemd-networkd
Restart=on-failure
RestartSec=1
`;

const WIRED = `[Match]
Type=ether
Kind=!*

[Network]
DHCP=ipv4
# An address that leads nowhere is worse than none: the constructor would try it first.
IPv6AcceptRA=no
LinkLocalAddressing=no

[DHCPv4]
ClientIdentifier=mac
SendHostname=no
`;

const RESOLVER_PATH = `[Unit]
Description=Watch the name servers of the network
DefaultDependencies=no

[Path]
PathChanged=/run/systemd/netif/state
`;

const RESOLVER_SERVICE = `[Unit]
Description=Write the name servers of the network
DefaultDependencies=no
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=${WRITE_NAME_SERVERS}
`;

const WRITE_RESOLV_CONF = `#!/bin/sh
# Turns what systemd-networkd knows into ${NETWORK_READY_PATH}, which /etc/resolv.conf points at.
state=/run/systemd/netif/state
output=${NETWORK_READY_PATH}
[ -r "$state" ] || exit 0
. "$state" 2>/dev/null
[ "$OPER_STATE" = routable ] || exit 0
mkdir -p "\${output%/*}"
{
  for server in $DNS; do echo "nameserver $server"; done
  [ -z "$DOMAINS" ] || echo "search $DOMAINS"
} > "$output.$$"
mv "$output.$$" "$output"
`;

export function networkFiles(): readonly SystemFile[] {
  return [
    ...unitFiles({
      'systemd-networkd.service': NETWORKD_SERVICE,
      'pvmc-resolver.path': RESOLVER_PATH,
      'pvmc-resolver.service': RESOLVER_SERVICE,
    }),
    { path: 'etc/systemd/network/80-wired.network', content: WIRED },
    { path: WRITE_NAME_SERVERS.slice(1), content: WRITE_RESOLV_CONF, executable: true },
    { path: 'etc/resolv.conf', target: NETWORK_READY_PATH },
  ];
}
