import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { buildClient } from '../../scripts/build-client.ts';
import { openChromium } from '../../scripts/open-chromium.ts';
import { STUB } from '../../client/page/stub.ts';
import { RecordingCollector } from '../support/client-collector.ts';
import { openRawChromium } from '../support/client-raw-chromium.ts';
import { scriptTag, WAIT, waitForWorker } from '../support/client-tab.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const WORKER = 'data-worker="/waybill-sw.js"';

describe('the extras', () => {
  let assets: Awaited<ReturnType<typeof makeTempFolder>>;
  let browser: Awaited<ReturnType<typeof openChromium>>;
  let site: RecordingCollector;

  beforeAll(async () => {
    assets = await makeTempFolder();
    await buildClient(assets.path);
    browser = await openChromium({ ignoreDefaultArgs: ['--disable-back-forward-cache'] });
  });
  afterAll(async () => {
    await browser.close();
    await assets.remove();
  });

  // On a new port, so that no origin has a past.
  beforeEach(async () => {
    site = new RecordingCollector(assets.path);
    await site.start();
  });
  afterEach(async () => {
    for (const page of browser.context.pages()) await page.close();
    await site.stop();
  });

  const extrasTag = (attributes = ''): string =>
    `<script async src="${site.origin}/waybill-extras.js" ${attributes}></script>`;
  const core = (attributes = ''): string => scriptTag(site.origin, attributes);

  /** Opens a page with these contents; `lines` is its console, `problems` what it and its policy complain about. */
  async function open(
    body: string,
    policy?: string,
    prepare?: (page: Page) => Promise<unknown>,
  ): Promise<{ readonly page: Page; readonly lines: string[]; readonly problems: string[] }> {
    const headers: Record<string, string> = policy ? { 'Content-Security-Policy': policy } : {};
    site.files.set('/page', { body: `<!doctype html><title>Page</title>${body}`, headers });
    const page = await browser.context.newPage();
    const lines: string[] = [];
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (message.text().startsWith('waybill:')) lines.push(`${message.type()} ${message.text()}`);
      // Chromium asks for an icon that the site doesn't have.
      else if (message.type() === 'error' && !message.text().includes('404')) problems.push(message.text());
    });
    await prepare?.(page);
    await page.goto(`${site.origin}/page`);
    return { page, lines, problems };
  }

  async function expectStored(names: readonly string[]): Promise<void> {
    await vi.waitFor(() => expect(site.stored()).toEqual(names), WAIT);
    expect(site.conflicts).toEqual([]);
  }

  it('track elements, however they are used, under a strict policy', async () => {
    const { page, problems } = await open(
      `${core('nonce="r4nd0m"')}${extrasTag('nonce="r4nd0m"')}
       <button data-waybill-event="T" data-waybill-context='["button", 7]'><b><i>nested</i></b></button>
       <label data-waybill-event="T" data-waybill-context='["label"]'><u>label</u><input type="checkbox"></label>
       <select data-waybill-event="T" data-waybill-on="change" data-waybill-context='["select"]'>
         <option>a<option>b
       </select>
       <x-form></x-form>`,
      `default-src 'none'; script-src 'nonce-r4nd0m' 'strict-dynamic'; connect-src ${site.origin};
       require-trusted-types-for 'script'; trusted-types 'none'`.replaceAll('\n', ''),
    );
    await waitForWorker(page, 'none');
    await page.click('i');
    await page.focus('button');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Space');
    await page.click('u');
    await page.click('input');
    await page.selectOption('select', 'b');
    await page.evaluate(() => {
      const later = document.createElement('a');
      Object.assign(later, { href: '#later', textContent: 'later', id: 'later' });
      later.dataset['waybillEvent'] = 'T';
      later.dataset['waybillContext'] = '["later"]';
      document.body.append(later);
      const root = document.querySelector('x-form')?.attachShadow({ mode: 'open' });
      const [form, field] = [document.createElement('form'), document.createElement('input')];
      form.dataset['waybillEvent'] = 'T';
      form.dataset['waybillContext'] = '["shadow form"]';
      form.addEventListener('submit', (event) => event.preventDefault());
      form.append(field);
      root?.append(form);
    });
    await page.click('#later');
    expect(page.url()).toBe(`${site.origin}/page#later`);
    await page.click('x-form input');
    await page.keyboard.press('Enter');
    await expectStored(['button', 'button', 'button', 'label', 'label', 'select', 'later', 'shadow form']);
    expect(site.log.events()[0]).toMatchObject({ type: 'T', context: ['button', '7'] });
    expect(problems).toEqual([]);
  });

  it('give an element’s context by key, with what the page has set', async () => {
    const { page } = await open(
      `<script>${STUB}</script>${scriptTag(site.origin).replace('data-customer="C"', '')}${extrasTag()}
       <button data-waybill-event="T" data-waybill-context-user-id="42">x</button>
       <script>waybill.init({ customer: 'C', product: 'P', contextKeys: { T: ['userId', 'plan'] } });</script>`,
    );
    await waitForWorker(page, 'none');
    await page.evaluate(() => {
      if (window.waybill && 'setContext' in window.waybill) window.waybill.setContext({ plan: 'gold' });
    });
    await page.click('button');
    await expectStored(['42']);
    expect(site.log.events()).toMatchObject([{ context: ['42', 'gold'] }]);
  });

  it.each([
    { who: 'worker', state: 'active', attributes: WORKER },
    { who: 'page', state: 'none', attributes: '' },
  ] as const)(
    'lose nothing of a page that is left by its form or link, where the $who delivers',
    async (by) => {
      site.files.set('/next', { body: `<title>Next</title>${core(by.attributes)}` });
      const { page } = await open(
        `${core(by.attributes)}${extrasTag()}
       <form action="/next" data-waybill-event="T" data-waybill-context='["form"]'><input name="q"></form>
       <a href="/next" data-waybill-event="T" data-waybill-context='["link"]'>next</a>`,
      );
      await waitForWorker(page, by.state);
      await page.focus('input');
      await page.keyboard.press('Enter');
      await page.waitForURL('**/next?q=');
      await expectStored(['form']);
      await page.goto(`${site.origin}/page`);
      await waitForWorker(page, by.state);
      await page.click('a');
      await page.waitForURL('**/next');
      await expectStored(['form', 'link']);
    },
  );

  it.each(['with the Navigation API', 'without it'])('track the views of an application %s', async (how) => {
    const { page, problems } = await open(
      `${core()}${extrasTag('data-page-view="VIEWED" data-page-view-context="path title referrer"')}
       <a href="#place">place</a><a id="out" href="/elsewhere">out</a>`,
      undefined,
      how === 'without it'
        ? (created) => created.addInitScript(() => void Reflect.deleteProperty(window, 'navigation'))
        : undefined,
    );
    await waitForWorker(page, 'none');
    expect(await page.evaluate(() => 'navigation' in window)).toBe(how !== 'without it');
    await expectStored(['/page']);
    await page.evaluate(() => {
      history.pushState(null, '', '/a?secret=1');
      document.title = 'A';
    });
    await page.evaluate(() => history.replaceState({ open: true }, ''));
    await page.click('a');
    await expectStored(['/page', '/a']);
    await page.evaluate(() => history.replaceState(null, '', '/b'));
    await expectStored(['/page', '/a', '/b']);
    await page.evaluate(() => history.go(-2));
    await expectStored(['/page', '/a', '/b', '/page']);
    await page.evaluate(() => (location.hash = '#/route'));
    await expectStored(['/page', '/a', '/b', '/page', '/page']);
    expect(site.log.events().slice(0, 3)).toMatchObject([
      { type: 'VIEWED', context: ['/page', 'Page', null] },
      { type: 'VIEWED', context: ['/a', 'A', `${site.origin}/page`] },
      { type: 'VIEWED', context: ['/b', 'A', `${site.origin}/a`] },
    ]);

    await page.evaluate('window.isKept = true');
    site.files.set('/elsewhere', { body: '<title>Elsewhere</title>' });
    await page.click('#out');
    await page.waitForURL('**/elsewhere');
    await page.goBack({ waitUntil: 'commit' });
    // Out of the back/forward cache, not loaded again.
    expect(await page.evaluate('window.isKept')).toBe(true);
    await expectStored(['/page', '/a', '/b', '/page', '/page', '/page']);
    expect(problems).toEqual([]);
  });

  it('track the view of a prerendered page when it is shown', async () => {
    site.files.set('/start', {
      body: `
        <script type="speculationrules">{"prerender":[{"urls":["/next"],"eagerness":"immediate"}]}</script>
        <script>
          (async function obey() {
            const path = await (await fetch('/command')).text();
            if (path) location.href = path;
            else setTimeout(obey, 100);
          })();
        </script>`,
    });
    site.files.set('/command', { body: '' });
    site.files.set('/next', {
      body: `${core()}${extrasTag('data-page-view="VIEWED"')}
        <script>onload = () => fetch(document.prerendering ? '/prerendered' : '/opened')</script>`,
    });
    const close = await openRawChromium(`${site.origin}/start`);
    onTestFinished(close);
    await expect.poll(() => site.asked, WAIT).toContain('/prerendered');
    // Longer than a title is waited for.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const shownAt = Date.now();
    site.files.set('/command', { body: '/next' });
    await expectStored(['/next']);
    expect(site.asked).not.toContain('/opened');
    const [event] = site.log.events();
    expect(event).toMatchObject({ timestamp: expect.toSatisfy((at: number) => at >= shownAt) });
  });

  const button = `<button data-waybill-event="T" data-waybill-context='["early"]'>x</button>`;
  const press = `<script>document.querySelector('button').click()</script>`;
  const sync = (tag: string): string => tag.replace('async ', '');

  it.each([
    { order: 'before it', tags: () => sync(extrasTag('data-debug')) + press + sync(core()) },
    {
      order: 'before it and after the stub',
      tags: () => `<script>${STUB}</script>${sync(extrasTag('data-debug'))}${press}${sync(core())}`,
    },
    {
      order: 'before it and after a stub that can’t be redefined',
      tags: () =>
        `<script>var ${STUB.replace('window.', '')}</script>${sync(extrasTag('data-debug'))}${press}${sync(core())}`,
    },
    { order: 'after it', tags: () => sync(core()) + sync(extrasTag('data-debug')) + press },
    { order: 'twice', tags: () => sync(core()) + sync(extrasTag('data-debug')).repeat(2) + press },
  ])('explain and track when they come $order', async ({ tags }) => {
    const { page, lines, problems } = await open(button + tags());
    await waitForWorker(page, 'none');
    await page.click('button');
    await expectStored(['early', 'early']);
    const said = (text: string) => lines.filter((line) => line.includes(text));
    const delivered = /^log waybill: #\d delivered as event \d of batch [\da-f-]{36}, after \d+ ms$/;
    await vi.waitFor(() => expect(lines.filter((line) => delivered.test(line))).not.toEqual([]), WAIT);
    await vi.waitFor(() => expect(said('last answer 200 (delivered)')).not.toEqual([]), WAIT);
    expect(said('explaining a collector')).toHaveLength(1);
    expect(said('click on')).toHaveLength(2);
    expect(said('script http://').join()).toContain(`${site.origin}/waybill.js`);
    expect(problems).toEqual([]);
  });

  it('explain everything of a stub’s calls, and what the server refuses', async () => {
    site.refuses = (name) => name === 'bad';
    const { page, lines } = await open(
      `<script>${STUB} waybill.track('T', 'nonsense'); waybill.track('T', ['bad']);</script>
       ${sync(extrasTag('data-debug'))}${sync(core())}`,
    );
    await waitForWorker(page, 'none');
    await page.evaluate(() => {
      if (window.waybill && 'track' in window.waybill) window.waybill.track('', [], { timestamp: 1e15 });
    });
    const text = (): string => lines.join('\n');
    await vi.waitFor(() => expect(text()).toContain('#2 rejected by the server'), WAIT);
    expect(text()).toContain('log waybill: init() {customer: C, product: P}');
    expect(text()).toContain('warning waybill: #2 rejected by the server: SCHEMA_VALIDATION_FAILURE at');
    expect(text()).toContain('warning waybill: #3 rejected: ');
    expect(text()).toMatch(/warning waybill: batch [\da-f-]{36}: event \d rejected by the server/);
  });

  it('say nothing on a page that has not asked, and keep nothing on the device', async () => {
    const { page, lines } = await open(`${core()}${extrasTag('data-page-view="VIEWED"')}${button}`);
    await waitForWorker(page, 'none');
    await expectStored(['/page']);
    await page.click('button');
    await expectStored(['/page', 'early']);
    expect(lines).toEqual([]);
    expect(await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie])).toEqual([
      0,
      0,
      '',
    ]);
    await page.evaluate('waybillExtras.explain()');
    await page.click('button');
    await vi.waitFor(() => expect(lines.join('\n')).toContain('#1 delivered'), WAIT);
  });
});
