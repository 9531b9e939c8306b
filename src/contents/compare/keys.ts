/** Two flat lists of what is called something and has a value. */
export interface KeyChange {
  readonly key: string;
  /** Undefined where it is not. */
  readonly old: string | undefined;
  readonly new: string | undefined;
}

/** In the order of the new list; what has gone comes last. */
export function compareKeys(
  old: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
): readonly KeyChange[] {
  const keys = new Set([...now.keys(), ...old.keys()]);
  return [...keys]
    .map((key) => ({ key, old: old.get(key), new: now.get(key) }))
    .filter((one) => one.old !== one.new);
}
