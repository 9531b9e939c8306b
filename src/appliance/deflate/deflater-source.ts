/**
 * The deflater, put together: for use here, and as source text for worker threads. A worker cannot load a
 * module of ours by its path, as pvmc is one bundled file, so it gets the text of the classes; they
 * refer to each other through their constructors only.
 */
import { BlockSplitter } from './block-splitter.ts';
import { CodeDescription } from './code-description.ts';
import { Deflater, type Wrapping } from './deflater.ts';
import { LzParser } from './lz-parser.ts';
import { PrefixCode } from './prefix-code.ts';
import { SymbolTables } from './symbol-tables.ts';

const CLASSES = { BlockSplitter, CodeDescription, Deflater, LzParser, PrefixCode, SymbolTables };

type Classes = typeof CLASSES;

/**
 * `deflated`: what a VMDK holds, a zlib stream whose window is 32 KiB. `deflatedSmall`: what a qcow2
 * holds, bare deflate whose window is 4 KiB.
 */
export type GrainForm = 'deflated' | 'deflatedSmall';

/** A deflater for inputs of up to `maximumBytes` (65,536 at most). */
export function makeDeflater(maximumBytes: number, form: GrainForm = 'deflated'): Deflater {
  return assemble(CLASSES, maximumBytes, FORMS[form]);
}

/** An expression that gives the same deflater elsewhere. */
export function deflaterSource(maximumBytes: number, form: GrainForm = 'deflated'): string {
  const classes = Object.entries(CLASSES).map(([name, text]) => `${name}: ${text.toString()}`);
  const parts = [`{ ${classes.join(',\n')} }`, maximumBytes, JSON.stringify(FORMS[form])];
  return `(${assemble.toString()})(${parts.join(', ')})`;
}

interface Form {
  readonly windowBytes: number;
  readonly wrapping: Wrapping;
}

const FORMS: Readonly<Record<GrainForm, Form>> = {
  deflated: { windowBytes: 32_768, wrapping: 'zlib' },
  deflatedSmall: { windowBytes: 4096, wrapping: 'raw' },
};

function assemble(classes: Classes, maximumBytes: number, form: Form): Deflater {
  // More effort was measured to gain little: 64 and 128 take 0.3 % off the size and add a tenth to the time.
  const parser = new classes.LzParser(maximumBytes, form.windowBytes, { depth: 24, nice: 64 });
  const tables = new classes.SymbolTables();
  return new classes.Deflater({
    parser,
    tables,
    splitter: new classes.BlockSplitter(parser, tables),
    literals: new classes.PrefixCode(286, 15),
    distances: new classes.PrefixCode(30, 15),
    description: new classes.CodeDescription(new classes.PrefixCode(19, 7)),
    wrapping: form.wrapping,
  });
}
