import { createHash } from 'node:crypto';
import { rename, truncate } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ReportJob } from '../../server/reports/report-jobs.ts';
import type { ReportOutput } from '../../shared/report.ts';
import { linkOf } from '../support/report-client.ts';
import { startServerProcess } from '../support/server-process.ts';
import { storeReport } from '../support/stored-report.ts';
import { openFilesOf } from '../support/open-files.ts';
import { tempFolder } from '../support/temp-folder.ts';

const TEXT = Buffer.from('timestamp|type\n1|T\n2|T\n3|ü\n');
const DIGEST = createHash('sha256').update(TEXT).digest();

interface Stored {
  readonly link: string;
  readonly source: string;
  readonly pid: number;
  readonly file: string;
}

async function serve(
  content: Uint8Array = TEXT,
  output: Partial<ReportOutput> = {},
  changes?: Partial<ReportJob>,
): Promise<Stored> {
  const dataFolder = await tempFolder();
  const source = await storeReport(dataFolder, content, output, changes);
  const { url, pid } = await startServerProcess({ dataFolder });
  const link = await linkOf(url, source);
  const name = path.basename(new URL(link).pathname);
  return { link, source, pid, file: path.join(dataFolder, 'reports', name) };
}

/** Without anything that `fetch` adds by itself. */
function plain(
  link: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(link, { method, headers }, resolve).once('error', reject).end();
  });
}

async function bytesOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('a download', () => {
  it('says what it is, how long, how many rows, and by which digest it is known', async () => {
    const { link, source } = await serve();

    const response = await plain(link);
    const head = await plain(link, {}, 'HEAD');

    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-store',
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': `attachment; filename="${source}.csv"`,
      'content-length': String(TEXT.length),
      etag: `"${DIGEST.toString('hex')}"`,
      'repr-digest': `sha-256=:${DIGEST.toString('base64')}:`,
      'waybill-row-count': '3',
    });
    expect(response.headers).not.toHaveProperty('content-encoding');
    expect(await bytesOf(response)).toEqual(TEXT);
    const { date: _date, connection: _connection, ...headers } = response.headers;
    expect(head.statusCode).toBe(200);
    expect(head.headers).toMatchObject(headers);
    expect(await bytesOf(head)).toHaveLength(0);
  });

  it.each<[Partial<ReportOutput>, string, string]>([
    [{ header: false }, 'csv', 'text/csv; charset=utf-8; header=absent'],
    [{ format: 'ndjson' }, 'ndjson', 'application/x-ndjson'],
  ])('of %j is of its type', async (output, extension, type) => {
    const { link, source } = await serve(TEXT, output);
    const { headers } = await plain(link, {}, 'HEAD');
    expect(headers['content-type']).toBe(type);
    expect(headers['content-disposition']).toBe(`attachment; filename="${source}.${extension}"`);
  });

  it('of a job that does not know its digest has a tag, and leaves out what is not known', async () => {
    const { link } = await serve(TEXT, {}, {});
    const { headers } = await plain(link, {}, 'HEAD');
    expect(headers.etag).toMatch(/^"[0-9a-f]+-[0-9a-f]+"$/);
    expect(headers).not.toHaveProperty('repr-digest');
    expect(headers).not.toHaveProperty('waybill-row-count');
  });

  it('that was made with gzip is decoded where the client can do that, else the compressed file', async () => {
    const packed = gzipSync(TEXT);
    const { link, source } = await serve(packed, { compression: 'gzip' });
    const digest = `sha-256=:${createHash('sha256').update(packed).digest('base64')}:`;

    const asFile = await plain(link, { 'accept-encoding': 'gzip;q=0' });
    const coded = await plain(link, { 'accept-encoding': 'br, gzip' });

    expect(asFile.headers).toMatchObject({
      'content-type': 'application/gzip',
      'content-disposition': `attachment; filename="${source}.csv.gz"`,
      'repr-digest': digest,
      vary: expect.stringContaining('Accept-Encoding'),
    });
    expect(asFile.headers).not.toHaveProperty('content-encoding');
    expect(coded.headers).toMatchObject({
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': `attachment; filename="${source}.csv"`,
      'content-encoding': 'gzip',
      'content-length': String(packed.length),
      'repr-digest': digest,
      vary: expect.stringContaining('Accept-Encoding'),
    });
    expect(coded.headers.etag).not.toBe(asFile.headers.etag);
    expect(await bytesOf(asFile)).toEqual(packed);
    expect(gunzipSync(await bytesOf(coded))).toEqual(TEXT);
    expect(await (await fetch(link)).text()).toBe(TEXT.toString());
  });

  it('gives one range, with or without the version that it is of', async () => {
    const { link } = await serve();
    const tag = `"${DIGEST.toString('hex')}"`;
    const part = { 'content-range': `bytes 4-9/${TEXT.length}`, 'content-length': '6', etag: tag };
    for (const condition of [{}, { 'if-range': tag }]) {
      const response = await plain(link, { range: 'bytes=4-9', ...condition });
      expect(response.statusCode).toBe(206);
      expect(response.headers).toMatchObject(part);
      expect(response.headers).toHaveProperty('repr-digest');
      expect(await bytesOf(response)).toEqual(TEXT.subarray(4, 10));
    }
    const others = [
      { range: 'bytes=0-1,4-5' },
      { range: 'rows=1-2' },
      { range: 'bytes=4-9', 'if-range': '"another"' },
      { range: 'bytes=4-9', 'if-range': `W/${tag}` },
      { range: 'bytes=4-9', 'if-range': new Date().toUTCString() },
    ];
    for (const headers of others) {
      const response = await plain(link, headers);
      expect(response.statusCode).toBe(200);
      expect(response.headers).not.toHaveProperty('content-range');
      expect(await bytesOf(response)).toEqual(TEXT);
    }
    expect((await plain(link, { range: 'bytes=4-9' }, 'HEAD')).statusCode).toBe(200);
  });

  it('refuses a range that is not there, and a version that is not this one', async () => {
    const { link } = await serve();

    const outside = await plain(link, { range: `bytes=${TEXT.length}-` });
    const other = await plain(link, { 'if-match': '"another"' });

    expect(outside.statusCode).toBe(416);
    expect(outside.headers['content-range']).toBe(`bytes */${TEXT.length}`);
    expect(JSON.parse((await bytesOf(outside)).toString())).toMatchObject([
      { children: [{ value: { code: 'REQUEST_RANGE_UNSATISFIABLE', path: 'Range' } }] },
    ]);
    expect(other.statusCode).toBe(412);
    expect((await plain(link, { 'if-match': `"x", "${DIGEST.toString('hex')}"` })).statusCode).toBe(200);
  });

  it('is not sent again to whom has it', async () => {
    const { link, pid, file } = await serve();
    for (const tag of [`"x", W/"${DIGEST.toString('hex')}"`, '*']) {
      const response = await plain(link, { 'if-none-match': tag, range: 'bytes=0-1' });
      expect(response.statusCode).toBe(304);
      expect(response.headers).toMatchObject({ etag: `"${DIGEST.toString('hex')}"` });
      expect(await bytesOf(response)).toHaveLength(0);
    }
    expect((await plain(link, { 'if-none-match': '"another"' })).statusCode).toBe(200);
    await expect.poll(() => openFilesOf(pid, file)).toEqual([]);
  });

  it('can be read by pages of other origins, headers and all', async () => {
    const { link } = await serve();
    const response = await plain(link, { origin: 'https://shop.example' });
    const exposed = response.headers['access-control-expose-headers']?.split(',');
    expect(exposed).toEqual(expect.arrayContaining(['ETag', 'Content-Range', 'Repr-Digest', 'Retry-After']));
    const preflight = await plain(
      link,
      { origin: 'https://shop.example', 'access-control-request-method': 'GET' },
      'OPTIONS',
    );
    expect(preflight.headers['access-control-allow-headers']).toContain('If-Range');
  });

  it('closes the file of an empty report, of HEAD, of a refusal, and of a client that went away', async () => {
    const { link, pid, file } = await serve(Buffer.alloc(0));
    const empty = await plain(link);
    expect(empty.headers['content-length']).toBe('0');
    expect(await bytesOf(empty)).toHaveLength(0);
    expect((await plain(link, { range: 'bytes=0-' })).statusCode).toBe(416);
    expect((await plain(link, {}, 'HEAD')).statusCode).toBe(200);
    await expect.poll(() => openFilesOf(pid, file)).toEqual([]);

    const large = await serve(Buffer.alloc(30_000_000, 1));
    const gone = await plain(large.link);
    expect(await openFilesOf(large.pid, large.file)).toHaveLength(1);
    gone.destroy();
    await expect.poll(() => openFilesOf(large.pid, large.file)).toEqual([]);
  });

  it('that can not be read to its end is cut off, never short', async () => {
    const { link, pid, file } = await serve(Buffer.alloc(30_000_000, 1));
    const response = await plain(link);
    await truncate(file, 1_000_000);
    const cutMs = performance.now();

    await expect(bytesOf(response)).rejects.toMatchObject({ code: 'ECONNRESET' });

    // At once, and not after the 5 seconds in which Node would wait for another request.
    expect(performance.now() - cutMs).toBeLessThan(4_000);

    await expect.poll(() => openFilesOf(pid, file)).toEqual([]);
    await rename(file, `${file}.gone`);
    expect((await plain(link)).statusCode).toBe(404);
  });
});
