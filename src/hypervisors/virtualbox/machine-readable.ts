/**
 * What `VBoxManage … --machinereadable` prints: one `name=value` a line. Names and values may stand in
 * double quotes, within which a backslash protects quotes and backslashes; numbers have none.
 */

const LINE = /^(?:"((?:[^"\\]|\\.)*)"|([^"=]+))=(?:"((?:[^"\\]|\\.)*)"|(.*))$/;

/** The values by their names; a name that comes twice has its last value. Other lines are passed over. */
export function parseMachineReadable(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const [, quotedName, name, quotedValue, value = ''] = LINE.exec(line) ?? [];
    const key = quotedName === undefined ? name : unescaped(quotedName);
    if (key !== undefined)
      values.set(key, quotedValue === undefined ? value : unescaped(quotedValue));
  }
  return values;
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/g, '$1');
}
