import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QmpClient, type QmpEvent } from './qmp.ts';

const GREETING = '{"QMP": {"version": {}, "capabilities": []}}\r\n';

let folder: string;
let server: Server;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-test-'));
});

afterEach(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

/** A stream whose other end speaks as it is told: the first words, then an answer to each line. */
async function otherEnd(
  first: string,
  answer: (line: { execute: string; id: number }, socket: Socket) => string,
): Promise<Socket> {
  const path = join(folder, 'qmp');
  server = createServer((socket) => {
    socket.write(first);
    socket.on('data', (data) => {
      for (const line of data.toString().trim().split('\n'))
        socket.write(answer(JSON.parse(line), socket));
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return dial(path);
}

const agree = ({ id }: { id: number }) => `{"return": {}, "id": ${id}}\r\n`;

describe('the QMP client', () => {
  it('matches answers to commands by id, whatever comes between', async () => {
    const events: QmpEvent[] = [];
    const waiting: string[] = [];
    const stream = await otherEnd(GREETING, ({ execute, id }) => {
      if (execute === 'qmp_capabilities') return agree({ id });
      // Answers both, in the other order, with an event and an empty line before.
      waiting.unshift(`{"return": "${execute}", "id": ${id}}\r\n`);
      if (waiting.length < 2) return '';
      return `\r\n{"event": "STOP", "timestamp": {}}\r\n${waiting.join('')}`;
    });
    const client = await QmpClient.connect(stream, (event) => events.push(event));
    const answers = await Promise.all([client.execute('one'), client.execute('two')]);
    expect(answers).toEqual(['one', 'two']);
    expect(events).toEqual([{ name: 'STOP', data: {} }]);
    stream.destroy();
    await client.closed;
  });

  it("passes on QEMU's words when it refuses", async () => {
    const stream = await otherEnd(GREETING, ({ execute, id }) =>
      execute === 'qmp_capabilities'
        ? agree({ id })
        : `{"error": {"class": "GenericError", "desc": "no such disk"}, "id": ${id}}\n`,
    );
    const client = await QmpClient.connect(stream, () => {});
    await expect(client.execute('eject')).rejects.toMatchObject({
      code: 'qmp-error',
      message: 'QEMU refused eject: no such disk',
    });
    stream.destroy();
  });

  it('does not wait for ever: not for the greeting, not for an answer', async () => {
    const silent = await otherEnd('', () => '');
    await expect(QmpClient.connect(silent, () => {}, 0.05)).rejects.toMatchObject({
      code: 'qmp-timeout',
    });
    silent.destroy();
    server.close();
    await rm(join(folder, 'qmp'), { force: true });
    const deaf = await otherEnd(GREETING, ({ execute, id }) =>
      execute === 'qmp_capabilities' ? agree({ id }) : '',
    );
    const client = await QmpClient.connect(deaf, () => {});
    await expect(client.execute('stop', {}, 0.05)).rejects.toMatchObject({
      message: 'QEMU did not give its answer to stop within 0.05 s',
    });
    deaf.destroy();
  });

  it('tells everybody who waits when the stream ends', async () => {
    const stream = await otherEnd(GREETING, ({ execute, id }, socket) => {
      if (execute === 'qmp_capabilities') return agree({ id });
      socket.destroy();
      return '';
    });
    const client = await QmpClient.connect(stream, () => {});
    const closed = { code: 'qmp-closed' };
    await expect(client.execute('quit')).rejects.toMatchObject(closed);
    await client.closed;
    await expect(client.execute('cont')).rejects.toMatchObject(closed);
  });

  it('is not confused by what is no QMP', async () => {
    const stream = await otherEnd(`noise\n[1]\nnull\n{"event": 7}\n${GREETING}`, agree);
    const client = await QmpClient.connect(stream, () => {});
    expect(await client.execute('cont')).toEqual({});
    stream.destroy();
  });
});
