/** Small VMDKs that are made by hand, whole ones and broken ones. */
import { deflateSync } from 'node:zlib';
import {
  encodeGrain,
  encodeHeader,
  encodeMarker,
  GRAIN_BYTES,
  GRAIN_SECTORS,
  SECTOR_BYTES,
} from '../vmdk/format.ts';

/** A VMDK of 64 MiB, made by hand from these grains. */
export interface Fake {
  readonly capacitySectors?: number;
  readonly grains?: readonly { readonly at: number; readonly data: Buffer }[];
  readonly edit?: (pieces: Piece[]) => void;
}
type PieceName = 'preamble' | 'grain' | 'table' | 'directory' | 'footer' | 'end';
interface Piece {
  readonly name: PieceName;
  bytes: Buffer;
}

export const CAPACITY = 64 * 2 ** 20;

export function fake({
  capacitySectors = CAPACITY / SECTOR_BYTES,
  grains = [0, 3].map((grain) => ({
    at: grain * GRAIN_SECTORS,
    data: deflateSync(Buffer.alloc(GRAIN_BYTES, 'x')),
  })),
  edit = () => {},
}: Fake = {}): Buffer {
  const preamble = Buffer.alloc(128 * SECTOR_BYTES);
  encodeHeader({ capacitySectors, directorySector: undefined }).copy(preamble);
  preamble.write('createType="streamOptimized"\n', SECTOR_BYTES);
  const pieces: Piece[] = [{ name: 'preamble', bytes: preamble }];
  const table = Buffer.alloc(4 * SECTOR_BYTES);
  let sector = 128;
  const add = (name: PieceName, bytes: Buffer) => {
    pieces.push({ name, bytes });
    sector += bytes.length / SECTOR_BYTES;
  };
  for (const { at, data } of grains) {
    if (at / GRAIN_SECTORS < 512) table.writeUInt32LE(sector, Math.floor(at / GRAIN_SECTORS) * 4);
    add('grain', encodeGrain(at, data));
  }
  const directory = Buffer.alloc(SECTOR_BYTES);
  directory.writeUInt32LE(sector + 1);
  add('table', Buffer.concat([encodeMarker('grain-table', 4), table]));
  const directorySector = sector + 1;
  add('directory', Buffer.concat([encodeMarker('grain-directory', 1), directory]));
  add(
    'footer',
    Buffer.concat([encodeMarker('footer', 1), encodeHeader({ capacitySectors, directorySector })]),
  );
  add('end', encodeMarker('end-of-stream', 0));
  edit(pieces);
  return Buffer.concat(pieces.map(({ bytes }) => bytes));
}

/** Changes one piece's bytes in place. */
export const change = (name: PieceName, work: (bytes: Buffer) => unknown) =>
  fake({
    edit: (pieces) => work(pieces.find((piece) => piece.name === name)?.bytes ?? Buffer.alloc(0)),
  });
export const without = (name: PieceName) =>
  fake({
    edit: (pieces) =>
      pieces.splice(
        pieces.findIndex((piece) => piece.name === name),
        1,
      ),
  });
