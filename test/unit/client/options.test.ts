import { describe, expect, it } from 'vitest';
import { readOptions } from '../../../client/page/options.ts';

const OPTIONS = { customer: 'C', product: 'P', version: '1.0' };

describe('options', () => {
  it('sends to the origin of the script and loads from beside it by default', () => {
    const config = readOptions(OPTIONS, 'https://cdn.example/js/waybill.js?x', 'https://site.example/a/b');
    expect([config.endpoint, config.assets, config.worker]).toEqual([
      'https://cdn.example/events',
      'https://cdn.example/js/',
      '',
    ]);
  });

  it('takes addresses relative to the page', () => {
    const given = { ...OPTIONS, endpoint: '/collect', worker: '/sw.js', assets: 'https://other.example/w/' };
    const config = readOptions(given, 'https://cdn.example/waybill.js', 'https://site.example/a/b');
    expect([config.endpoint, config.assets, config.worker]).toEqual([
      'https://site.example/collect',
      'https://other.example/w/',
      'https://site.example/sw.js',
    ]);
  });
});
