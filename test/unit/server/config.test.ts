import { describe, expect, it } from 'vitest';
import { readConfig, settingsHelp } from '../../../server/config.ts';
import { DEFAULT_LIMITS } from '../../../shared/limits.ts';

describe('readConfig', () => {
  it('needs nothing', () => {
    expect(readConfig({})).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      storeUrl: 'file:./data',
      dataFolder: './data',
      origins: undefined,
      catalog: undefined,
      reportWorkers: 2,
      reportTtlDays: 30,
      linkTtlMs: 900_000,
      retentionDays: undefined,
      limits: DEFAULT_LIMITS,
    });
  });

  it('takes an empty variable for none', () => {
    expect(readConfig({ PORT: '', WAYBILL_ADMIN: ' ' })).toMatchObject({ port: 8080, admin: undefined });
  });

  it('reads what is set', () => {
    const config = readConfig({
      WAYBILL_ADMIN: 'root:a:b',
      WAYBILL_ORIGINS: 'https://a.example, http://b.example:81',
      WAYBILL_PUBLIC_URL: 'https://c.example/base/',
      WAYBILL_MAX_EVENTS: '5',
      WAYBILL_REPORT_TTL_DAYS: '0',
    });
    expect(config.admin).toEqual({ id: 'root', password: 'a:b' });
    expect(config.origins).toEqual(['https://a.example', 'http://b.example:81']);
    expect(config.publicUrl).toBe('https://c.example/base');
    expect(config.limits.maxEvents).toBe(5);
    expect(config.reportTtlDays).toBe(0);
  });

  it('reports all problems together', () => {
    const bad = {
      PORT: '99999',
      WAYBILL_STORE: 'mysql:x',
      WAYBILL_ORIGINS: 'https://a.example/path',
      WAYBILL_ADMIN: 'x',
      WAYBILL_REPORT_TTL_DAYS: '-1',
    };
    let message = '';
    try {
      readConfig(bad);
    } catch (error) {
      message = String(error);
    }
    for (const name of Object.keys(bad)) expect(message).toContain(name);
  });
});

describe('settingsHelp', () => {
  it('lists the settings with their defaults', () => {
    expect(settingsHelp()).toMatch(/PORT .*\[8080\]/);
    expect(settingsHelp()).toMatch(/WAYBILL_REPORT_TTL_DAYS .*\[30\]/);
    expect(settingsHelp()).toMatch(/WAYBILL_LINK_TTL_MS .*\[900000\]/);
  });
});
