/** `1 package`, `2 packages`, `0 packages`. Only words that take an s, unless the other one is given. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
