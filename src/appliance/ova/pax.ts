/** The records of a pax header (POSIX.1-2001): `LENGTH KEY=VALUE` and a line feed, one after the other. */
export function paxRecords(bytes: Buffer): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const digits = /^\d{1,6} /.exec(bytes.toString('latin1', at, at + 7))?.[0];
    const length = Number(digits?.trim() ?? 0);
    if (digits === undefined || length <= digits.length || at + length > bytes.length) break;
    const record = bytes.toString('utf8', at + digits.length, at + length - 1);
    const equals = record.indexOf('=');
    if (equals > 0) records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}
