/** Keeps what comes over the link, word for word, for whoever wonders why the probe was not understood. */
import { open } from 'node:fs/promises';

/** A guest may write without end. */
const KEPT_BYTES = 4 * 2 ** 20;

export async function* recorded(
  link: AsyncIterable<Uint8Array>,
  path: string,
): AsyncGenerator<Uint8Array, void> {
  await using file = await open(path, 'w');
  let left = KEPT_BYTES;
  for await (const bytes of link) {
    if (left > 0) await file.write(bytes.subarray(0, left));
    left -= bytes.length;
    yield bytes;
  }
}
