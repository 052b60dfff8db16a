import { describe, expect, it } from 'vitest';
import { echoOf } from '../../../server/http/echo.ts';
import { joinTexts } from '../../../server/ingest/event-texts.ts';
import { anEvent } from '../../support/events.ts';

const batch = '00000000-0000-4000-8000-000000000001';
const refused = (sequence: number) => ({ sequence, code: 'EVENT_TOO_LARGE', path: '', message: '' }) as const;

describe('echoOf', () => {
  it('puts batch and sequence behind each stored event, leaving out the numbers of the rejected ones', () => {
    const events = [anEvent({ context: ['ü', '😀'] }), anEvent({ timestamp: 2 }), anEvent({ context: [] })];
    const stored = joinTexts(events.map((event) => JSON.stringify(event)));

    const echo: unknown = JSON.parse(
      echoOf({ batch, stored, rejected: [refused(0), refused(2), refused(3), refused(6)] }).toString(),
    );

    expect(echo).toEqual([
      { ...events[0], batch, sequence: 1 },
      { ...events[1], batch, sequence: 4 },
      { ...events[2], batch, sequence: 5 },
    ]);
  });

  it('moves each of a thousand texts to its place, whatever the lengths of text and number', () => {
    const events = Array.from({ length: 1000 }, (_, index) =>
      anEvent({ context: ['😀'.repeat(index % 7), null], timestamp: index }),
    );
    const stored = joinTexts(events.map((event) => JSON.stringify(event)));

    const echo: unknown = JSON.parse(echoOf({ batch, stored, rejected: [] }).toString());

    expect(echo).toEqual(events.map((event, sequence) => ({ ...event, batch, sequence })));
  });

  it('is an empty array if nothing is stored', () => {
    expect(echoOf({ batch, stored: joinTexts([]), rejected: [refused(0)] }).toString()).toBe('[]');
  });
});
