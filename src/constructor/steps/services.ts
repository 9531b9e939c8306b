/** Services that the manifest wants on or off from the first boot. */
import type { Step } from '../step.ts';

export const services: Step = {
  name: 'services',
  title: 'Switch services on and off',
  async run(context) {
    for (const [name, wanted] of Object.entries(context.manifest.appliance.services)) {
      const unit = name.includes('.') ? name : `${name}.service`;
      await context.runInRoot(['systemctl', wanted === 'on' ? 'enable' : 'disable', unit]);
    }
  },
};
