/** A folder for one test file's tests, and stand-ins for programs that would need a network. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

export interface ScratchFolder {
  /** A path in the folder of the running test. */
  path(...names: string[]): string;
  /** Puts a shell script in front of the program of that name, until the test ends. */
  standIn(program: string, script: string): Promise<void>;
}

export function scratchFolder(): ScratchFolder {
  let folder = '';
  const { PATH } = process.env;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pvmc-test-'));
  });
  afterEach(async () => {
    process.env['PATH'] = PATH;
    await rm(folder, { recursive: true, force: true });
  });
  return {
    path: (...names) => join(folder, ...names),
    async standIn(program, script) {
      const programs = join(folder, 'programs');
      await mkdir(programs, { recursive: true });
      await writeFile(join(programs, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      process.env['PATH'] = `${programs}:${PATH}`;
    },
  };
}
