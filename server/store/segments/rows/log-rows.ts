import type { SnapshotSegment } from '../../event-store.ts';
import { checkedFields } from '../checked-line.ts';
import type { LineEvents } from '../sealed/line-events.ts';
import { FIELDS_AT, hasChecksum, LineScanner } from '../sealed/line-scanner.ts';
import type { DamageReports } from './damage-reports.ts';
import { LineMatches } from './line-matches.ts';
import { newLogBuffer, readLogLines, type LogLines } from './log-reader.ts';
import type { CheckedLines } from './log-thread-reader.ts';
import { openIfThere } from './open-files.ts';
import type { RowFilter } from './row-filter.ts';
import type { RowSorter } from './row-sorter.ts';
import { ArenaWriter } from './arena-writer.ts';

const NEWLINE = 0x0a;

/** Events found in a line that are not all in the arena yet. */
interface Unfinished {
  readonly view: DataView;
  readonly events: LineEvents;
  readonly group: number;
  /** How many are done. */
  readonly done: number;
}

/** Takes the rows that a report gets out of log segments; lines without any are only checked. */
export class LogRows {
  readonly #sorter: RowSorter;
  readonly #damage: DamageReports;
  readonly #onRead: (bytes: number) => void;
  readonly #scanner = new LineScanner();
  readonly #matches: LineMatches;
  readonly #writer: ArenaWriter;
  readonly #buffer: Buffer;
  /** Of the chunk in hand. */
  #badLines: CheckedLines['badLines'];
  #unfinished: Unfinished | undefined;

  /**
   * @param chunkBytes - Bytes that are read at once, if lines are not longer.
   * @param onRead - Told of bytes that have been read.
   */
  constructor(
    filter: RowFilter,
    sorter: RowSorter,
    damage: DamageReports,
    chunkBytes: number,
    onRead: (bytes: number) => void,
  ) {
    this.#buffer = newLogBuffer(chunkBytes);
    const { customer, product } = filter;
    this.#sorter = sorter;
    this.#damage = damage;
    this.#onRead = onRead;
    this.#matches = new LineMatches(Buffer.from(JSON.stringify({ customer, product }).slice(0, -1)));
    this.#writer = new ArenaWriter(filter, sorter.arena);
  }

  /**
   * Adds the rows of a segment to the sorter.
   *
   * @param ahead - Lines from its beginning on that somebody has read before; what they leave out is read here.
   */
  async add({ path, length, dropped }: SnapshotSegment, ahead?: AsyncIterable<CheckedLines>): Promise<void> {
    const isDropped = new Set(dropped);
    let read = 0;
    const addLines = async ({ lines, badLines }: CheckedLines): Promise<void> => {
      this.#badLines = badLines;
      await this.#addLines(path, lines, length, isDropped);
      const end = lines.offset + lines.length - lines.start;
      this.#onRead(end - read);
      read = end;
    };
    if (ahead !== undefined) for await (const lines of ahead) await addLines(lines);
    if (read === length) return;
    const file = await openIfThere(path);
    if (file === undefined) this.#damage.missing(path);
    else {
      for await (const lines of readLogLines(file, read, length, () => this.#buffer))
        await addLines({ lines, badLines: undefined });
      if (read < length) this.#damage.endsEarly(path, read);
    }
    this.#onRead(length - read);
  }

  /** @param end - Of the segment. */
  async #addLines(path: string, lines: LogLines, end: number, isDropped: ReadonlySet<number>): Promise<void> {
    const { bytes, offset, start, length } = lines;
    this.#matches.begin(lines, start);
    for (let at = start; at < length;) {
      const newline = bytes.indexOf(NEWLINE, at);
      const isEnded = newline >= 0 && newline < length;
      const lineEnd = isEnded ? newline : length;
      const lineOffset = offset + at - start;
      // That the file ends too early is told of it as a whole.
      const isCut = !isEnded && offset + length - start < end;
      if (!isCut && !isDropped.has(lineOffset)) {
        if (!isEnded || !this.#addLine(lines, at, lineEnd))
          this.#damage.add({ path, offset: lineOffset, reason: 'the line is damaged' });
        while (this.#unfinished !== undefined) await this.#goOn(this.#unfinished);
      }
      at = lineEnd + 1;
    }
  }

  /** Adds the rows of a line, as long as there is room; returns whether the line is whole. */
  #addLine(lines: LogLines, start: number, end: number): boolean {
    const isChecked =
      this.#badLines === undefined ? hasChecksum(lines, start, end) : !this.#badLines.has(start);
    if (this.#matches.next(lines, start) >= end)
      return isChecked || checkedFields(lines.bytes.subarray(start, end)) !== undefined;
    if (isChecked && this.#matches.find(lines, start + FIELDS_AT, end)) {
      const { header, events } = this.#matches;
      this.#writer.beginPlain(lines.view, header);
      this.#addEvents(lines.view, events);
      return true;
    }
    const batch = this.#scanner.scan(lines, start, end);
    if (batch === undefined) return false;
    this.#writer.begin(batch);
    this.#addEvents(batch.view, batch.events);
    return true;
  }

  #addEvents(view: DataView, events: LineEvents, group = this.#sorter.newGroup(), from = 0): void {
    const done = this.#writer.add(view, events, from, group);
    this.#unfinished = done < events.count ? { view, events, group, done } : undefined;
  }

  async #goOn({ view, events, group, done }: Unfinished): Promise<void> {
    await this.#sorter.makeRoom(this.#writer.maxBytesOf(events, done));
    this.#addEvents(view, events, group, done);
  }
}
