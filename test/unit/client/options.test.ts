import { describe, expect, it } from 'vitest';
import { readDataset, readOptions } from '../../../client/page/options.ts';

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

  it('takes any word but granted for pending consent', () => {
    const words = [undefined, '', 'granted', 'pending', 'denied'];
    const read = (consent?: string) =>
      readOptions({ ...OPTIONS, consent }, 'https://a.example/', 'https://b.example/');
    expect(words.map((word) => read(word).isPending)).toEqual([false, false, false, true, true]);
  });

  it('takes the script tag’s attributes for what init leaves out', () => {
    const tag = readDataset({ customer: 'C', consent: 'pending', honourGpc: 'false', worker: '/sw.js' });
    const config = readOptions({ ...tag, ...OPTIONS }, 'https://cdn.example/w.js', 'https://site.example/');
    expect([config.isPending, config.isGpc, config.worker, config.version]).toEqual([
      true,
      false,
      'https://site.example/sw.js',
      '1.0',
    ]);
    expect(tag.honourGpc).toBe(false);
    expect(readDataset({}).honourGpc).toBe(true);
  });
});
