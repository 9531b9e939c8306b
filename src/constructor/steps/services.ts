/** Services that the manifest wants on or off from the first boot. */
import type { Step } from '../step.ts';

export const services: Step = {
  name: 'services',
  title: 'Switch services on and off',
  plan: ({ appliance }) =>
    Object.entries(appliance.services).map(
      ([name, wanted]) => `systemctl ${verbOf(wanted)} ${unitOf(name)}`,
    ),
  async run(context) {
    for (const [name, wanted] of Object.entries(context.manifest.appliance.services)) {
      await context.runInRoot(['systemctl', verbOf(wanted), unitOf(name)]);
    }
  },
};

function verbOf(wanted: 'on' | 'off'): string {
  return wanted === 'on' ? 'enable' : 'disable';
}

function unitOf(name: string): string {
  return name.includes('.') ? name : `${name}.service`;
}
