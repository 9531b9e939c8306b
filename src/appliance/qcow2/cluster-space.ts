/**
 * Hands out the clusters of a qcow2 file and counts how often each is referred to. Counts are kept in blocks
 * of one cluster each; a block is written as soon as nothing can be added to it, so that memory does not
 * grow with the file.
 */
import { type PlacedFile, writeWhole } from '../write-whole.ts';

export const CLUSTER_BYTES = 65536;
/** Of 16 bits each. */
const COUNTS_PER_BLOCK = CLUSTER_BYTES / 2;

export class ClusterSpace {
  readonly #file: PlacedFile;
  /** Where each block of counts is. */
  readonly table: Buffer;
  readonly #blocks = new Map<number, Buffer>();
  /** Clusters that are taken. */
  #clusters = 0;
  /** Room that the last compressed data has left in its cluster. */
  #looseFrom = 0;
  #looseTo = 0;

  /** @param mostClusters more than the file will ever have */
  constructor(file: PlacedFile, mostClusters: number) {
    this.#file = file;
    const blocks = Math.ceil(mostClusters / COUNTS_PER_BLOCK) + 1;
    this.table = Buffer.alloc(Math.ceil((blocks * 8) / CLUSTER_BYTES) * CLUSTER_BYTES);
  }

  get sizeBytes(): number {
    return this.#clusters * CLUSTER_BYTES;
  }

  /** Whole clusters, one behind the other; returns where the first begins. */
  takeClusters(count: number): number {
    const first = this.#clusters;
    this.#clusters += count;
    for (let cluster = first; cluster < this.#clusters; cluster += 1) this.#refer(cluster);
    return first * CLUSTER_BYTES;
  }

  /** Room for less than a cluster, which may begin in one and end in the next. */
  takeBytes(lengthBytes: number): number {
    const missing = lengthBytes - (this.#looseTo - this.#looseFrom);
    let at = this.#looseFrom;
    if (missing > 0) {
      const touches = this.#looseTo === this.sizeBytes && this.#looseFrom < this.#looseTo;
      if (!touches) at = this.sizeBytes;
      // Counted below, once for each datum that lies in it.
      this.#clusters += 1;
      this.#looseTo = this.sizeBytes;
    }
    this.#looseFrom = at + lengthBytes;
    const last = Math.floor((at + lengthBytes - 1) / CLUSTER_BYTES);
    for (let cluster = Math.floor(at / CLUSTER_BYTES); cluster <= last; cluster += 1) {
      this.#refer(cluster);
    }
    return at;
  }

  /** Writes the blocks of counts that are complete. */
  async writeFullBlocks(): Promise<void> {
    const hasLoose = this.#looseFrom < this.#looseTo;
    const open = hasLoose ? Math.floor(this.#looseFrom / CLUSTER_BYTES) : this.#clusters;
    for (const index of this.#blocks.keys()) {
      if ((index + 1) * COUNTS_PER_BLOCK <= open) await this.#writeBlock(index);
    }
  }

  /** Writes all blocks; nothing can be taken afterwards. */
  async finish(): Promise<void> {
    // A block takes a cluster, which may be the first one of another block.
    for (const index of this.#blocks.keys()) this.#place(index);
    for (const index of this.#blocks.keys()) await this.#writeBlock(index);
  }

  async #writeBlock(index: number): Promise<void> {
    const block = this.#blocks.get(index);
    if (!block) return;
    await writeWhole(this.#file, block, this.#place(index));
    this.#blocks.delete(index);
  }

  #place(index: number): number {
    const known = Number(this.table.readBigUInt64BE(index * 8));
    if (known > 0) return known;
    const place = this.takeClusters(1);
    this.table.writeBigUInt64BE(BigInt(place), index * 8);
    return place;
  }

  #refer(cluster: number): void {
    const index = Math.floor(cluster / COUNTS_PER_BLOCK);
    let block = this.#blocks.get(index);
    if (!block) {
      block = Buffer.alloc(CLUSTER_BYTES);
      this.#blocks.set(index, block);
    }
    const at = (cluster % COUNTS_PER_BLOCK) * 2;
    block.writeUInt16BE(block.readUInt16BE(at) + 1, at);
  }
}
