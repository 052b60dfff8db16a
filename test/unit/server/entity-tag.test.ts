import { describe, expect, it } from 'vitest';
import { namesTag, namesTagStrongly } from '../../../server/http/entity-tag.ts';

describe('a list of entity tags', () => {
  it.each([
    ['"a"', true, true],
    ['W/"a"', true, false],
    ['"b", "a"', true, true],
    ['"b" ,W/"c",\t"a" ', true, true],
    ['"b,"a"', false, false],
    ['*', true, true],
    ['', false, false],
    ['a', false, false],
    ['"A"', false, false],
    ['w/"a"', false, false],
    ['"a" "b"', false, false],
    ['"a-gzip"', false, false],
  ])('%j names "a" weakly: %s, strongly: %s', (header, isWeakly, isStrongly) => {
    expect(namesTag(header, '"a"')).toBe(isWeakly);
    expect(namesTagStrongly(header, '"a"')).toBe(isStrongly);
  });
});
