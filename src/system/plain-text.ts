/** Text of a guest or a program, freed from what would steer a terminal: it is shown, logged and sent. */
import { stripVTControlCharacters } from 'node:util';

/** Keeps tabs and line ends; drops escape sequences and all other control characters. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text).replace(/[^\P{Cc}\t\n]/gu, '');
}
