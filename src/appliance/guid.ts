/** UUIDs as Microsoft's and VirtualBox's formats store them: the first three fields little-endian. */
export function guidBytes(uuid: string): Buffer {
  const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}

/** The UUID that such bytes stand for, in lower case. */
export function guidText(bytes: Buffer): string {
  const hex = guidBytes(bytes.toString('hex')).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
