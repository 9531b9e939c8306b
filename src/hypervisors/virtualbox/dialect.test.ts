import { describe, expect, it } from 'vitest';
import { dialectOf } from './dialect.ts';

const WARNING =
  'WARNING: The character device /dev/vboxdrv does not exist.\n\t Please install the virtualbox-dkms package and the appropriate\n\t headers, most likely linux-headers-amd64.\n';

describe('the version', () => {
  it.each([
    ['6.1.50r161033', '6.1.50'],
    ['7.0.20_Debianr163906', '7.0.20'],
    ['7.1.12r169651', '7.1.12'],
    [`${WARNING}7.2.22_Debianr175245`, '7.2.22'],
    ['7.2.22_Debianr175245\r', '7.2.22'],
  ])('of %j is %s', (said, version) => {
    expect(dialectOf(said).version).toBe(version);
  });

  it('may be too old, or none', () => {
    expect(() => dialectOf('5.2.44r139111')).toThrow('VirtualBox 5.2.44 is too old');
    expect(() => dialectOf(WARNING)).toThrow('does not tell its version');
  });
});

it('has words of its own for some things', () => {
  expect(dialectOf('6.1.50r161033')).toMatchObject({
    noAudio: ['--audio', 'none'],
    hostReachable: [],
    sharesWithKvm: false,
  });
  expect(dialectOf('7.2.22r175245')).toMatchObject({
    noAudio: ['--audio-enabled', 'off'],
    hostReachable: ['--natlocalhostreachable1', 'on'],
    sharesWithKvm: true,
  });
});
