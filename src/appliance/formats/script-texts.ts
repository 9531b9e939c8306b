/** A manifest's texts inside of the scripts that go with an appliance: whatever they hold, they stay texts. */

/** A word of a POSIX shell. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * A string of PowerShell that is taken as it stands. PowerShell ends it not only at an apostrophe but also at
 * the quotation marks that word processors put in its place.
 */
export function powerShellString(text: string): string {
  return `'${text.replaceAll(/['\u2018-\u201b]/g, '$&$&')}'`;
}

/** A text within a comment: one line, and nothing that could end the comment. */
export function commentText(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ').replaceAll('#>', '# >');
}
