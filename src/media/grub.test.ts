import { expect, test } from 'vitest';
import { efiStartConfiguration, grubConfiguration, mediumMarkerPath } from './grub.ts';
import { MEDIUM_PATHS } from './layout.ts';
import { MODES } from './modes.ts';

test('the menu starts the kernel with the id of its own medium', () => {
  const configuration = grubConfiguration('abc');
  const kernels = configuration.match(/^ {2}linux .*$/gm) ?? [];
  expect(kernels).toHaveLength(MODES.length);
  for (const line of kernels) {
    expect(line).toContain(`linux /${MEDIUM_PATHS.kernel} pvmc.medium=abc `);
    // The last console is the one that /dev/console is: the host's console log.
    expect(line.trimEnd()).toMatch(/console=tty0 console=ttyS0,115200n8 pvmc\.mode=\w+$/);
  }
  expect(kernels.map((line) => line.split('pvmc.mode=')[1])).toEqual([
    'install',
    'diagnose',
    'show',
    'check',
  ]);
});

test('blocks and quotes are balanced, and the default entry is there', () => {
  const configuration = grubConfiguration('abc');
  const count = (pattern: RegExp) => configuration.match(pattern)?.length ?? 0;
  expect(count(/\{/g)).toBe(count(/\}/g));
  expect(count(/'/g) % 2).toBe(0);
  expect(count(/\bif\b/g)).toBe(count(/\bfi\b/g));
  const wanted = /set default=(\w+)/.exec(configuration)?.[1];
  expect(configuration).toContain(`--id ${wanted} {`);
});

test('the EFI program looks for the file that only its medium has', () => {
  expect(efiStartConfiguration('abc')).toContain(`--set=root /${mediumMarkerPath('abc')}\n`);
});
