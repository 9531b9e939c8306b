/** The manifest's files, with their owners and modes. */
import { basename, dirname, join } from 'node:path';
import type { Context, Step } from '../step.ts';

export const files: Step = {
  name: 'files',
  title: 'Copy the files',
  plan: ({ files: listed }) =>
    listed.map(({ path, owner, mode }) => `install --owner ${owner} --mode ${mode} ${path}`),
  async run(context) {
    const { files: listed } = context.manifest;
    if (listed.length === 0) return;
    const inside = await bindPayload(context);
    let done = 0;
    for (const file of listed) {
      await context.runInRoot(['mkdir', '-p', dirname(file.path)]);
      // Runs inside the root, so that links lead where they will lead, and owners are the appliance's.
      const [owner = 'root', group = owner] = file.owner.split(':');
      const own = ['--owner', owner, '--group', group, '--mode', file.mode];
      await context.runInRoot(['install', '-T', ...own, join(inside, file.payload), file.path]);
      done += 1;
      context.progress.amount({ done, total: listed.length, unit: 'files' });
    }
  },
};

/** Makes the medium's payload visible inside the root; returns its path there. */
export async function bindPayload(context: Context): Promise<string> {
  const inside = join('/run', `pvmc-${basename(context.payloadFolder)}`);
  const outside = join(context.workspace.root, inside);
  const { status } = await context.run(['mountpoint', '--quiet', outside], { accept: [0, 1, 32] });
  if (status === 0) return inside;
  await context.run(['mkdir', '-p', outside]);
  await context.run(['mount', '--bind', context.payloadFolder, outside]);
  context.workspace.holdsRoot.add('the payload in the root', async () => {
    await context.run(['umount', outside]);
  });
  return inside;
}
