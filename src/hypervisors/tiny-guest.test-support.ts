/**
 * Real guests of one boot sector, for the tests: they write to the two serial lines and then end in
 * the way that the test is about, or say again what they are told on the second line (`echo`).
 */

export interface TinyGuest {
  /** ASCII for the first serial line. */
  readonly console?: string;
  /** ASCII for the second. */
  readonly link?: string;
  readonly ending: keyof typeof ENDINGS;
}

const COM1 = 0x3f8;
const COM2 = 0x2f8;
/** Where a PC's firmware loads the boot sector. */
const LOAD_ADDRESS = 0x7c00;
const TEXT_OFFSET = 0x80;

/**
 * mov dx, port; mov ax, value; out dx, ax: through ACPI's PM1a control register, which is at 0x604 in QEMU's
 * q35 and at 0x4004 in VirtualBox; the value is the sleep type of S5 and "now".
 */
const SOFT_OFF = [0xba, 0x04, 0x06, 0xb8, 0, 0x20, 0xef, 0xba, 0x04, 0x40, 0xb8, 0, 0x34, 0xef];

/**
 * mov ax, 0x0301; mov bx, 0x7c00; mov cx, 1; mov dx, 0x80; int 0x13: the BIOS writes this very sector to the
 * first disk.
 */
const COPY_TO_DISK = [0xb8, 0x01, 0x03, 0xbb, 0, 0x7c, 0xb9, 1, 0, 0xba, 0x80, 0, 0xcd, 0x13];

/** x86 real-mode code. */
const ENDINGS = {
  'power-off': SOFT_OFF,
  // mov dx, 0xcf9; mov al, 6; out dx, al: the chipset's reset control register
  // mov al, 0xfe; out 0x64, al: the keyboard controller's way, for chipsets without one
  reset: [0xba, 0xf9, 0x0c, 0xb0, 0x06, 0xee, 0xb0, 0xfe, 0xe6, 0x64],
  // mov dx, 0x505; mov al, 1; out dx, al: the pvpanic device
  panic: [0xba, 0x05, 0x05, 0xb0, 0x01, 0xee],
  // mov ax, 0x0201; mov bx, 0x8000; mov cx, 2; mov dx, 0x80; int 0x13: the BIOS reads the second sector
  'read-disk': [0xb8, 0x01, 0x02, 0xbb, 0, 0x80, 0xb9, 2, 0, 0xba, 0x80, 0, 0xcd, 0x13],
  // mov dx, 0x2fd; in al, dx; test al, 1; jz -8; mov dx, 0x2f8; in al, dx; out dx, al; jmp -15
  echo: [0xba, 0xfd, 2, 0xec, 0xa8, 1, 0x74, 0xf8, 0xba, 0xf8, 2, 0xec, 0xee, 0xeb, 0xf1],
  'copy-and-power-off': [...COPY_TO_DISK, ...SOFT_OFF],
  hang: [],
} as const;

/** cli; cld; xor ax, ax; mov ds, ax; mov es, ax */
const SET_UP = [0xfa, 0xfc, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0];

const HALT_FOR_EVER = [0xf4, 0xeb, 0xfd];

/** The first 512 bytes of a disk. */
export function tinyGuest({ console = '', link = '', ending }: TinyGuest): Buffer {
  const sector = Buffer.alloc(512);
  const consoleAddress = LOAD_ADDRESS + TEXT_OFFSET;
  const linkAddress = consoleAddress + console.length + 1;
  Buffer.from([
    ...SET_UP,
    ...print(COM1, consoleAddress),
    ...print(COM2, linkAddress),
    0xfb, // sti
    ...ENDINGS[ending],
    ...HALT_FOR_EVER,
  ]).copy(sector);
  const text = `${console}\0${link}\0`;
  if (TEXT_OFFSET + text.length > 510) throw new RangeError('the texts do not fit into a sector');
  sector.write(text, TEXT_OFFSET, 'latin1');
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

/**
 * mov si, address; then for each character until a zero: lodsb; test al, al; jz; mov ah, al; wait until the
 * line takes one (mov dx, port + 5; in al, dx; test al, 0x20; jz); mov al, ah; mov dx, port; out dx, al;
 * jmp. At the end it waits until the line is empty: a machine that is off sends nothing any more.
 */
function print(port: number, address: number): number[] {
  const word = (value: number) => [value & 0xff, value >> 8];
  const waitFor = (bit: number) => [0xba, ...word(port + 5), 0xec, 0xa8, bit, 0x74, 0xfb];
  const send = [0x88, 0xc4, ...waitFor(0x20), 0x88, 0xe0, 0xba, ...word(port), 0xee];
  const loop = [0xac, 0x84, 0xc0, 0x74, send.length + 2, ...send];
  return [0xbe, ...word(address), ...loop, 0xeb, 0xfe - loop.length, ...waitFor(0x40)];
}
