/** Language, time and keyboard of the appliance. */
import type { TextCheck } from '../field.ts';
import { quote } from '../quote.ts';
import { didYouMean, suggest } from '../suggest.ts';

/** `C.UTF-8` or language_COUNTRY.UTF-8 with an optional @modifier, as glibc names them. */
export const LOCALE = /^(?:C|[a-z]{2,3}(?:_[A-Z]{2})?)\.UTF-8(?:@[a-z]+)?$/;

export const locale: TextCheck = (name) => {
  if (LOCALE.test(name)) return undefined;
  return { message: `${quote(name)} is not a locale`, hint: localeHint(name) };
};

function localeHint(name: string): string {
  const match = /^([a-z]{2,3})(?:[_-]([a-z]{2}))?(?:\.utf-?8)?$/i.exec(name.trim());
  if (/^(?:c|posix)(?:\.utf-?8)?$/i.test(name.trim())) return 'did you mean C.UTF-8?';
  if (!match) return 'write language_COUNTRY.UTF-8, e.g. en_US.UTF-8, or C.UTF-8';
  const language = (match[1] ?? '').toLowerCase();
  const country = (match[2] ?? (language === 'en' ? 'us' : language)).toUpperCase().slice(0, 2);
  return `did you mean ${language}_${country}.UTF-8?`;
}

/** Names for time zones of old that Debian 13 has moved to tzdata-legacy, by their first part. */
const LEGACY_ZONES = /^(?:US|Canada|Brazil|Chile|Mexico)\//;

export const timezone: TextCheck = (name) => {
  const known = Intl.supportedValuesOf('timeZone');
  if (known.includes(name)) return undefined;
  const message = `${quote(name)} is not a time zone`;
  if (LEGACY_ZONES.test(name)) {
    return { message, hint: 'write the name with a city, e.g. America/New_York' };
  }
  const otherwiseWritten = known.find((zone) => zone.toLowerCase() === name.toLowerCase());
  if (otherwiseWritten === undefined && isZoneAlias(name)) return undefined;
  return {
    message,
    hint:
      didYouMean(name, [...known, 'Etc/UTC']) ??
      'write a name of the IANA database, e.g. Etc/UTC or Europe/Berlin',
  };
};

/** Names that ICU knows but does not list, such as Etc/UTC and Asia/Kolkata. */
function isZoneAlias(name: string): boolean {
  if (!/^[A-Z][A-Za-z0-9_+-]*(?:\/[A-Z][A-Za-z0-9_+-]*)+$|^UTC$/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** The layouts of xkb-data, by their XKB names. */
const LAYOUTS: readonly string[] = (
  'af al am ara at au az ba bd be bg br brai bt bw by ca cd ch cm cn cz de dk dz ee epo es et eu fi fo fr gb ge ' +
  'gh gn gr hr hu id ie il in iq ir is it jp jv ke kg kh kr kz la latam lk lt lv ma mao md me mk ml mm mn mt mv ' +
  'my ng nl no np nz ph pk pl pt ro rs ru se si sk sn sy tg th tj tm tr tw tz ua us uz vn za'
).split(' ');

/** What people write for a layout whose XKB name is another. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ['uk', 'gb'],
  ['en', 'us'],
  ['english', 'us'],
  ['german', 'de'],
  ['french', 'fr'],
  ['spanish', 'es'],
  ['swiss', 'ch'],
  ['japanese', 'jp'],
  ['sv', 'se'],
  ['da', 'dk'],
]);

export const keyboard: TextCheck = (layout) => {
  if (LAYOUTS.includes(layout)) return undefined;
  const word = layout.toLowerCase();
  const base = word.split(/[-_(: ]/)[0] ?? '';
  const near =
    OTHER_NAMES.get(word) ?? LAYOUTS.find((known) => known === base) ?? suggest(word, LAYOUTS);
  return {
    message: `${quote(layout)} is not a keyboard layout`,
    hint:
      near === undefined ? 'write an XKB layout, e.g. us, gb, de or fr' : `did you mean ${near}?`,
  };
};
