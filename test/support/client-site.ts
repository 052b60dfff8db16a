import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { buildClient } from '../../scripts/build-client.ts';
import { openChromium } from '../../scripts/open-chromium.ts';
import { RecordingCollector } from './client-collector.ts';
import { makeTempFolder } from './temp-folder.ts';

/** A site with the present client, and a browser without a past; both are new in each test. */
export interface ClientSite {
  readonly site: RecordingCollector;
  readonly browser: Awaited<ReturnType<typeof openChromium>>;
}

/** Sets the tests of this `describe` up with a site, which is there once a test has begun. */
export function useClientSite(): ClientSite {
  let assets: Awaited<ReturnType<typeof makeTempFolder>>;
  let site: RecordingCollector;
  let browser: ClientSite['browser'];

  beforeAll(async () => {
    assets = await makeTempFolder();
    await buildClient(assets.path);
  });
  afterAll(() => assets.remove());

  beforeEach(async () => {
    site = new RecordingCollector(assets.path);
    await site.start();
    browser = await openChromium();
  });
  afterEach(async () => {
    await browser.close();
    await site.stop();
  });

  return {
    get site() {
      return site;
    },
    get browser() {
      return browser;
    },
  };
}
