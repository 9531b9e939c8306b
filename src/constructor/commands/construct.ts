/**
 * What the medium's service does: construct the appliance of the installation manifest. Success powers
 * the machine off; a failure leaves it on, with a shell on the console for whoever looks.
 */
import { run } from '../../system/run.ts';
import { construct } from '../construct.ts';
import { holdSession, type SessionOptions } from '../session.ts';

export async function constructFromMedium(
  options: SessionOptions & { readonly powerOff: boolean },
): Promise<number> {
  const verdict = await holdSession(options, ({ context, say, taker }) =>
    construct(context, say, taker),
  );
  if (verdict.ok && options.powerOff) await run(['systemctl', 'poweroff', '--no-block']);
  return verdict.ok ? 0 : 1;
}
