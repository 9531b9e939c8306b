/** What is wrong with a file as YAML, in words for people who write manifests rather than parsers. */
import { type Document, visit, type YAMLError } from 'yaml';
import type { Complaint } from './field.ts';

export interface SyntaxProblem extends Complaint {
  /** In the text, in UTF-16 units. */
  readonly offset: number;
}

interface Source {
  readonly parsed: Document.Parsed;
  readonly text: string;
}

export function syntaxProblem(error: YAMLError, source: Source): SyntaxProblem {
  return { offset: placeOfError(error, source), ...syntaxComplaint(error) };
}

const OPEN_QUOTE = /^Missing closing ['"]quote/;

/** Where a person would look: the library tells where it noticed. */
function placeOfError(error: YAMLError, { parsed, text }: Source): number {
  const [noticed] = error.pos;
  if (OPEN_QUOTE.test(error.message)) {
    let quoteStart = noticed;
    visit(parsed, {
      Scalar(_, { type, range }) {
        if (range && type?.startsWith('QUOTE') && range[0] < noticed) quoteStart = range[0];
      },
    });
    return quoteStart;
  }
  if (error.code !== 'BAD_INDENT') return noticed;
  const indentation = /^ */.exec(text.slice(noticed))?.[0].length ?? 0;
  return noticed + indentation;
}

const QUOTE_IT = 'put a text that has special characters in it in quotes';

/** The library's words for what people do wrong most are for those who know YAML's grammar. */
const SYNTAX_COMPLAINTS: Partial<Record<YAMLError['code'], Complaint>> = {
  TAB_AS_INDENT: { message: 'a tab cannot indent a line in YAML', hint: 'use spaces' },
  MULTIPLE_DOCS: {
    message: 'the file has more than one document; a manifest is one',
    hint: 'remove what begins with this line of dashes',
  },
  BAD_INDENT: {
    message: 'the line is indented neither like the one above nor like its parent',
    hint: 'keys that belong together begin in the same column',
  },
  BLOCK_AS_IMPLICIT_KEY: { message: 'a line can hold only one "key: value"', hint: QUOTE_IT },
  NON_STRING_KEY: { message: 'a key must be a plain word' },
  TAG_RESOLVE_FAILED: { message: 'a tag (!name) means nothing in a manifest', hint: QUOTE_IT },
};

/** Errors that mostly come from a text that YAML takes for something else. */
const WANTS_QUOTES: ReadonlySet<YAMLError['code']> = new Set([
  'BAD_SCALAR_START',
  'MULTILINE_IMPLICIT_KEY',
  'UNEXPECTED_TOKEN',
]);

function syntaxComplaint({ code, message }: YAMLError): Complaint {
  if (OPEN_QUOTE.test(message)) return { message: 'the quote that begins here has no end' };
  if (message.startsWith('Flow sequence in block')) {
    return { message: 'a list that begins above has no closing bracket: ]' };
  }
  if (message.startsWith('Flow map in block')) {
    return { message: 'keys with values that begin above have no closing brace: }' };
  }
  const hint = WANTS_QUOTES.has(code) ? QUOTE_IT : undefined;
  // What follows a colon is from the file, perhaps from a password.
  const words = lowerFirst(message.split(':')[0] ?? '');
  return SYNTAX_COMPLAINTS[code] ?? { message: words, hint };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
