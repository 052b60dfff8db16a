import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventProblemCode } from '../../../../shared/error-codes.ts';
import type { BatchRecord, StoredRecord } from '../../../../server/store/segments/batch-record.ts';
import {
  encodeIdLine,
  idOfLine,
  isSplitLine,
  parseIdLine,
} from '../../../../server/store/segments/ids/id-line.ts';

const ID = '0193d5a2-7b1c-7def-8abc-0123456789ab';
const FINGERPRINT = `1:${'0123456789abcdef'.repeat(2)}`;

const refusal = fc.record({
  sequence: fc.nat(),
  code: fc.constantFrom<EventProblemCode>('EVENT_TYPE_UNKNOWN', 'REQUEST_PARAMETER_MISSING'),
  path: fc.oneof(fc.constantFrom('', 'context[3]'), fc.string({ unit: 'binary' })),
});
const stored: fc.Arbitrary<StoredRecord> = fc
  .record({
    count: fc.nat(),
    parents: fc.option(fc.array(fc.uuid(), { minLength: 1, maxLength: 3 }), { nil: undefined }),
    offset: fc.option(fc.nat(), { nil: undefined }),
    rejected: fc.option(fc.array(refusal, { minLength: 1, maxLength: 4 }), { nil: undefined }),
  })
  .map(({ count, parents, offset, rejected }) => ({
    fingerprint: FINGERPRINT,
    count,
    ...(parents === undefined ? {} : { parents }),
    ...(offset === undefined ? {} : { offset }),
    ...(rejected === undefined ? {} : { rejected }),
  }));
const record: fc.Arbitrary<BatchRecord> = fc.oneof(fc.constant('split' as const), stored);

describe('a line of an id file', () => {
  it('names neighbours that were refused for the same once', () => {
    const refused = (sequence: number, path: string) =>
      ({ sequence, code: 'EVENT_TOO_LARGE', path }) as const;
    const rejected = [refused(0, ''), refused(2, ''), refused(3, ''), refused(4, ''), refused(5, 'x')];
    const whole = { fingerprint: FINGERPRINT, count: 6, rejected };
    const line = encodeIdLine(ID, whole);

    expect(line).toContain(
      '"rejected":[[0,"EVENT_TOO_LARGE",""],[2,"EVENT_TOO_LARGE","",4],[5,"EVENT_TOO_LARGE","x"]]',
    );
    expect(parseIdLine(line)).toEqual({ id: ID, record: whole });
    expect(parseIdLine(line.replace('"",4]', '"",2]'))).toBeUndefined();
    expect(parseIdLine(line.replace('"",4]', '"",9000000]'))).toBeUndefined();
  });

  it('is as it is documented', () => {
    expect(encodeIdLine(ID, 'split')).toBe(`["${ID}"]`);
    expect(encodeIdLine(ID, { fingerprint: FINGERPRINT, count: 7 })).toBe(`["${ID}","${FINGERPRINT}",7]`);
    const rejected = [{ sequence: 2, code: 'EVENT_TYPE_UNKNOWN', path: 'type' }] as const;
    expect(encodeIdLine(ID, { fingerprint: FINGERPRINT, count: 7, parents: [ID], offset: 0, rejected })).toBe(
      `["${ID}","${FINGERPRINT}",7,{"parents":["${ID}"],"offset":0,"rejected":[[2,"EVENT_TYPE_UNKNOWN","type"]]}]`,
    );
  });

  it('leaves out what is empty', () => {
    const line = encodeIdLine(ID, { fingerprint: FINGERPRINT, count: 1, parents: [], rejected: [] });
    expect(line).toBe(`["${ID}","${FINGERPRINT}",1]`);
  });

  it('is read to what was written, whatever that is', () => {
    fc.assert(
      fc.property(fc.uuid(), record, (id, written) => {
        const line = encodeIdLine(id, written);
        expect(line).not.toContain('\n');
        expect(parseIdLine(line)).toEqual({ id, record: written });
        expect(idOfLine(line)).toBe(id);
        expect(isSplitLine(line)).toBe(written === 'split');
      }),
    );
  });

  it.each([
    '',
    '[]',
    '{}',
    'null',
    `["${ID}"`,
    `["${ID}"] `,
    `["${ID.toUpperCase()}"]`,
    `["${ID.slice(1)}"]`,
    `["${ID}",null]`,
    `["${ID}","${FINGERPRINT}"]`,
    `["${ID}","${FINGERPRINT.slice(1)}",1]`,
    `["${ID}","${FINGERPRINT}","1"]`,
    `["${ID}","${FINGERPRINT}",-1]`,
    `["${ID}","${FINGERPRINT}",1.5]`,
    `["${ID}","${FINGERPRINT}",01]`,
    `["${ID}","${FINGERPRINT}",1,{}]`,
    `["${ID}","${FINGERPRINT}",1,null]`,
    `["${ID}","${FINGERPRINT}",1,[]]`,
    `["${ID}","${FINGERPRINT}",1,{"parents":"${ID}"}]`,
    `["${ID}","${FINGERPRINT}",1,{"parents":[1]}]`,
    `["${ID}","${FINGERPRINT}",1,{"offset":null}]`,
    `["${ID}","${FINGERPRINT}",1,{"offset":0,"rejectee":[]}]`,
    `["${ID}","${FINGERPRINT}",1,{"rejected":[[0,"EVENT_TYPE_UNKNOWN"]]}]`,
    `["${ID}","${FINGERPRINT}",1,{"rejected":[["0","EVENT_TYPE_UNKNOWN",""]]}]`,
    `["${ID}","${FINGERPRINT}",1,{"rejected":[[0,1,""]]}]`,
    `["${ID}","${FINGERPRINT}",1,{"rejected":[[0,"EVENT_TYPE_UNKNOWN",null]]}]`,
    `["${ID}","${FINGERPRINT}",1,{"rejected":{}}]`,
    `["${ID}","${FINGERPRINT}",1,{"offset":0},1]`,
  ])('is damaged if it is %s', (line) => {
    expect(parseIdLine(line)).toBeUndefined();
  });
});
