/** A way to show a run: the terminal view, plain lines, or JSON. */
import type { BuildEvent } from '../../pipeline/events.ts';

export interface View {
  show(event: BuildEvent): void;
  /** Leaves what was said as it stands and gives the terminal back. Safe to call twice. */
  close(): void;
}
