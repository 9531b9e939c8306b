/** What the formats accept; what they refuse, and in which words, is in wrong-manifests.test.ts. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkUrl, gatewayInNetwork, interfaceAddress } from './addresses.ts';
import { passwordHash, sshKey } from './credentials.ts';
import { hostname, owner, packageName, unitName } from './names.ts';
import { appliancePath } from './paths.ts';
import { keyboard, locale, timezone } from './regional.ts';

const right = undefined;

describe('password hashes as libxcrypt writes them', () => {
  test.each([
    '$y$j9T$abcdefghijklmnop$xxI14acrF4kcY59GsyqJ1DqdhVdc9N0f1.omTKnq.61',
    '$gy$j9T$abcdefghijklmnop$iAhyhrFG8gN3RUpwkuadelXVBU0Zpz893kYISCCQqMA',
    '$7$CU..../....abcdefghijklmnop$HGqqwmSOvSe.xhCn7qqy2pydXhCwdkuM.bb6BMJGMo/',
    '$2b$05$abcdefghijklmnopqrstuuhKF09ZYWwH2zP/0fwE1X8e/Q1YNx/hO',
    '$6$saltsalt$8RWsOfwR6M6PpnoeQiEiWzNTPo1f0HjVYjDnLZhGx16aBFRkeqiHAzfXP/LgrOWMBMXqiU2pLrXsSOHNUyUm91',
    '$6$rounds=5000$saltsalt$8RWsOfwR6M6PpnoeQiEiWzNTPo1f0HjVYjDnLZhGx16aBFRkeqiHAzfXP/LgrOWMBMXqiU2pLrXsSOHNUyUm91',
    '$5$saltsalt$hcyDOxdIg0p3xyqtpHh/v8Ph.am06tQaovp1KpEklb7',
  ])('%s', (hash) => {
    expect(passwordHash(hash)).toBe(right);
    expect(passwordHash(hash.slice(0, -1))?.message).toMatch(/not a whole password hash/);
  });

  test.each(['abiQ6Ep3EYTHc', '$1$saltsalt$4px9i58NU2Z2/vZOUlGjq.', '', 'x:y', '$6$'])(
    'not %j',
    (text) => {
      expect(passwordHash(text)).toHaveProperty('hint');
    },
  );

  test('a password is never repeated', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 12 }), (password) => {
        const { message = '', hint = '' } = passwordHash(password) ?? {};
        expect(`${message}${hint}`.includes(password) && password.trim().length > 11).toBe(false);
      }),
    );
  });
});

describe('SSH public keys as ssh-keygen writes them', () => {
  const keys = [
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBO7Rs9uPguBRFTZnVAUS6Tw7Ah8xWK5jJT45LDH8gwx test@example.org',
    'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQDZWBUMEZzS/76k40u4kNbwsVibligOygyvnXTcZbGARVyouHykwI0bsDns62oXKOJnqTfFtX1ad9tNFbPDixYcLF6wUVyqGiRUTvyj5ATvLzTc7QuR5GOOtDGDp7Ux/VRoOHlRQoDyTmUYw39XFXVw/n1QE2xEeflbXkGV2U4IV7mJY/UIZdr/PLl6uPD+2trEmTLlMAGhdwGSrmFgYYAc7isHSEG8HFZa8RGKXPLi6KWIvc0y3kl34sV8hO5BHEUz/IBWE3caBkjJgdDdQo1BJJ2MOZJiiTVTHuobh6JRUc93Igf2JGYbJLxhGxHZ2wIrJAiSN8rKHb6O7RYenCFdeVclKF+IvLhDBb62nmg8boiIF8Bj/kT4C/tAyXx06Bj2+9ZUClmustS+x/ZzYM+s2jKK8oKnHgIRjhs1H6tI8YSEASZBt/ZvOL3Fwv6PWijabw/yscr0AAt71WPrH0TS3+0klc1CsSwbSdXYPex+PmP4Trg06AFyM1dIJERCoAU= test@example.org',
    'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBF1JHiGiXVPyQ8FoKPUED8UIx/9hF0Yb6WonzxKHMAJnHEQ18asaOSn2lINvJ1g6ezAlZ9t2IobPmnyVOMPtnpA= test@example.org',
    'ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAFPWUI4gEYRzyMNVCtM44pQCQ60y6pD8HdduksKgKgTlt0WmCdlB4pKCFpQ8S2F6/Dp8eiJXXRSCoW7qt7u4JxmBgBrImRCAz6HjdTsdHxi/pBwJ/cJbMNlUqRgV2HY4ydlt85ZVl5W1eKPs8J1/SZYaGcbq9mWJBFI6XYMVvNq+u+Rjw==',
  ];

  test.each(keys)('%s', (key) => {
    expect(sshKey(key)).toBe(right);
    expect(sshKey(`from="10.0.0.0/8",no-pty ${key}`)).toBe(right);
    expect(sshKey(`${key}\n`)).toBe(right);
  });

  test('keys on a security token', () => {
    const blob = (...parts: readonly (string | Buffer)[]) =>
      Buffer.concat(
        parts.flatMap((part) => {
          const length = Buffer.alloc(4);
          length.writeUInt32BE(part.length);
          return [length, Buffer.from(part)];
        }),
      ).toString('base64');
    const ed25519 = 'sk-ssh-ed25519@openssh.com';
    const ecdsa = 'sk-ecdsa-sha2-nistp256@openssh.com';
    expect(sshKey(`${ed25519} ${blob(ed25519, Buffer.alloc(32, 7), 'ssh:')}`)).toBe(right);
    expect(sshKey(`${ecdsa} ${blob(ecdsa, 'nistp256', Buffer.alloc(65, 7), 'ssh:')}`)).toBe(right);
  });

  test('a key with anything cut from it is refused', () => {
    for (const key of keys) {
      const [type = '', encoded = ''] = key.split(' ');
      for (let cut = 1; cut < 40; cut += 1) {
        expect(sshKey(`${type} ${encoded.slice(0, -cut)}`)).toBeDefined();
        expect(sshKey(`${type} ${encoded.slice(cut)}`)).toBeDefined();
      }
    }
  });
});

describe('addresses', () => {
  test.each(['10.0.0.1/8', '192.0.2.1/31', '192.0.2.0/31', '192.0.2.1/32', '2001:db8::1/64'])(
    '%s is one',
    (address) => {
      expect(interfaceAddress(address)).toBe(right);
    },
  );

  test.each(['10.0.0.255/24', '10.0.0.1/33', '10.0.0.1/0', '::1', 'fe80::1%eth0/64', '10.0.0.1/x'])(
    '%s is none',
    (address) => {
      expect(interfaceAddress(address)).toBeDefined();
    },
  );

  function gatewayComplaint(address: string, gateway: string): string | undefined {
    let message: string | undefined;
    gatewayInNetwork({ address, gateway }, (_, complaint) => {
      message = complaint.message;
    });
    return message;
  }

  test.each([
    ['192.0.2.10/24', '192.0.2.1', undefined],
    ['192.0.2.10/24', '192.0.3.1', '192.0.3.1 is not in the network of 192.0.2.10/24'],
    ['192.0.2.10/24', '192.0.2.10', "192.0.2.10 is the machine's own address"],
    ['192.0.2.130/25', '192.0.2.1', '192.0.2.1 is not in the network of 192.0.2.130/25'],
    ['2001:db8::10/64', '2001:db8::1', undefined],
    ['2001:db8::10/64', 'fe80::1', undefined],
    [
      '2001:db8::10/64',
      '2001:db8:0:1::1',
      '2001:db8:0:1::1 is not in the network of 2001:db8::10/64',
    ],
    ['::ffff:192.0.2.10/120', '::ffff:c000:201', undefined],
  ])('%s with the gateway %s', (address, gateway, message) => {
    expect(gatewayComplaint(address, gateway)).toBe(message);
  });

  test('a gateway is in the network exactly when the first bits are the same', () => {
    const octet = fc.integer({ min: 0, max: 255 });
    const four = fc.tuple(octet, octet, octet, octet);
    const bits = (parts: readonly number[]) =>
      parts.map((part) => part.toString(2).padStart(8, '0')).join('');
    fc.assert(
      fc.property(four, four, fc.integer({ min: 1, max: 32 }), (own, router, length) => {
        fc.pre(own.join('.') !== router.join('.'));
        const same = bits(own).slice(0, length) === bits(router).slice(0, length);
        const complaint = gatewayComplaint(`${own.join('.')}/${length}`, router.join('.'));
        expect(complaint === undefined).toBe(same);
      }),
    );
  });

  test.each(['http://localhost/', 'https://127.0.0.1:8443/a?b=c', 'http://[::1]/'])(
    '%s can be asked',
    (url) => {
      expect(checkUrl(url)).toBe(right);
    },
  );
});

describe('names and places', () => {
  test('that are right', () => {
    for (const name of ['a', 'web1', 'Web-1.example.org', '3com.com']) {
      expect(hostname(name)).toBe(right);
    }
    for (const name of ['g++', 'libc6', 'python3.13', '0ad']) expect(packageName(name)).toBe(right);
    for (const name of ['nginx', 'getty@tty1.service', 'a-b.timer', 'dev-sda1.swap']) {
      expect(unitName(name)).toBe(right);
    }
    for (const name of ['root:root', '0:0', 'www-data:adm']) expect(owner(name)).toBe(right);
    for (const name of ['/a', '/etc/x y', '/runner/x', '/etc/..x']) {
      expect(appliancePath(name)).toBe(right);
    }
    for (const name of ['C.UTF-8', 'en_US.UTF-8', 'eo.UTF-8', 'sr_RS.UTF-8@latin']) {
      expect(locale(name)).toBe(right);
    }
    for (const name of [
      'Etc/UTC',
      'UTC',
      'Asia/Kolkata',
      'America/Argentina/Ushuaia',
      'Etc/GMT+5',
    ]) {
      expect(timezone(name)).toBe(right);
    }
    for (const name of ['us', 'gb', 'latam']) expect(keyboard(name)).toBe(right);
  });

  test('that are wrong', () => {
    for (const name of ['', '-a', 'a-', 'a..b', '.a', 'a.', 'ä', 'a'.repeat(64)]) {
      expect(hostname(name)).toBeDefined();
    }
    for (const name of ['a', '-a', 'A', 'a_b', 'nginx-', 'a/b', '']) {
      if (name !== 'nginx-') expect(packageName(name)).toBeDefined();
    }
    for (const name of ['/', '', '//a', '/a//b', '/a/.', '/a/..', '/proc', '/dev/x']) {
      expect(appliancePath(name)).toBeDefined();
    }
    for (const name of ['Etc/utc', 'Mars/Olympus', '../x', 'etc/UTC', '']) {
      expect(timezone(name)).toBeDefined();
    }
  });
});
