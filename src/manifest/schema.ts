/**
 * The manifest: everything that a user can say about an appliance. This schema is the only source of
 * the TypeScript types, the checks, the JSON Schema for editors and the reference page.
 */
import { z } from 'zod';
import { parseSize } from '../system/size.ts';

const GIB = 2 ** 30;
const MIB = 2 ** 20;

/** A size with a unit, read as a number of bytes. */
const size = (minimumBytes: number, minimum: string) =>
  z.string().transform((text, context) => {
    const bytes = parseSize(text);
    if (bytes === undefined) {
      context.addIssue({
        code: 'custom',
        message: `"${text}" is no size; write one with its unit, e.g. "${minimum}"`,
      });
      return z.NEVER;
    }
    if (bytes < minimumBytes) {
      context.addIssue({
        code: 'custom',
        message: `${text} is too small; at least ${minimum} is needed`,
      });
      return z.NEVER;
    }
    return bytes;
  });

export const manifestSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/),
  version: z.string().regex(/^[0-9A-Za-z][0-9A-Za-z.+~-]{0,63}$/),
  description: z.string().default(''),
  vendor: z.strictObject({ name: z.string(), url: z.string().optional() }).optional(),
  machine: z
    .strictObject({
      memory: size(512 * MIB, '512 MiB').default(GIB),
      cpus: z.int().min(1).max(64).default(2),
      disk: size(2 * GIB, '2 GiB').default(8 * GIB),
      firmware: z.enum(['bios', 'uefi']).default('bios'),
      network: z.enum(['nat', 'none']).default('nat'),
    })
    .prefault({}),
  repository: z
    .strictObject({
      suite: z.string().default('trixie'),
      mirror: z.string().default('http://deb.debian.org/debian'),
      components: z.array(z.string()).default(['main']),
      /** The security archive's URL, or false. */
      security: z
        .union([z.string(), z.literal(false)])
        .default('http://deb.debian.org/debian-security'),
      updates: z.boolean().default(true),
      extra: z
        .array(
          z.strictObject({
            url: z.string(),
            suite: z.string(),
            components: z.array(z.string()).default([]),
            /** The file of the repository's public key, beside the manifest. */
            key: z.string(),
          }),
        )
        .default([]),
    })
    .prefault({}),
  packages: z.array(z.string()).default([]),
  recommends: z.boolean().default(false),
  hostname: z.string().optional(),
  locale: z.string().default('C.UTF-8'),
  timezone: z.string().default('Etc/UTC'),
  keyboard: z.string().default('us'),
  users: z
    .array(
      z.strictObject({
        name: z.string(),
        'password-hash': z.string().optional(),
        'ssh-keys': z.array(z.string()).default([]),
        groups: z.array(z.string()).default([]),
        sudo: z.enum(['none', 'password', 'passwordless']).default('none'),
        shell: z.string().default('/bin/bash'),
      }),
    )
    .default([]),
  network: z
    .union([
      z.literal('dhcp'),
      z.strictObject({
        address: z.string(),
        gateway: z.string().optional(),
        dns: z.array(z.string()).default([]),
      }),
    ])
    .default('dhcp'),
  services: z.record(z.string(), z.enum(['on', 'off'])).default({}),
  files: z
    .array(
      z.strictObject({
        path: z.string(),
        content: z.string().optional(),
        source: z.string().optional(),
        owner: z.string().default('root:root'),
        mode: z.string().optional(),
      }),
    )
    .default([]),
  scripts: z
    .array(
      z.strictObject({
        name: z.string().optional(),
        run: z.string().optional(),
        file: z.string().optional(),
      }),
    )
    .default([]),
  checks: z
    .array(
      z.union([
        z.strictObject({ command: z.string() }),
        z.strictObject({ port: z.int().min(1).max(65535) }),
        z.strictObject({
          http: z.string(),
          status: z.int().default(200),
          contains: z.string().optional(),
        }),
      ]),
    )
    .default([]),
  exports: z
    .array(z.enum(['ova', 'qcow2', 'raw']))
    .min(1)
    .default(['ova']),
});

/** What the user wrote, checked, with the defaults filled in and sizes in bytes. */
export type Manifest = z.output<typeof manifestSchema>;
