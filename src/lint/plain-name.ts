/** The last part of a name that leads into a folder: what the file is called in an OVA. */
export function plainNameOf(name: string): string {
  return name.replace(/^.*[/\\]/, '');
}
