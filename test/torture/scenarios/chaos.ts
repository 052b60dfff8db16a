import type { Arrival, Reply } from '../../support/client-collector.ts';
import type { Lab } from '../lab.ts';
import { createRandom, type Random } from '../random.ts';
import type { Scenario } from '../scenario.ts';

/** Of one life of the browser: its start, its pages, and what they do until it is killed. */
const LIFE_LIMIT_MS = 12_000;

/** A batch that has failed again and again waits up to 300 seconds by itself, and may fail once more in the end. */
const REST_LIMIT_MS = 400_000;

/** More than any page lives to track. */
const MANY = 5_000;

/**
 * A browser that is killed again and again, at any moment, while pages with and without the worker track events and
 * the collector cuts answers, is slow, unavailable, over its limit, or away.
 *
 * The seed decides what goes wrong, but not what the machine is doing just then.
 */
export function chaos(kills: number, seed: number): Scenario {
  return {
    name: 'chaos',
    title: `${kills} times SIGKILL of the browser at any moment, and a collector with every trouble`,
    variants: ['worker'],
    limitMs: kills * LIFE_LIMIT_MS + REST_LIMIT_MS + 20_000,
    restLimitMs: REST_LIMIT_MS,
    async run(lab) {
      const random = createRandom(seed);
      const collector = troubleCollector(lab, createRandom(seed + 1));
      try {
        for (let round = 0; round < kills; round++) await liveAndDie(lab, random, round);
      } finally {
        await collector.end();
      }
    },
  };
}

async function liveAndDie(lab: Lab, random: Random, round: number): Promise<void> {
  const tabs = random.between(1, 2);
  for (let tab = 0; tab < tabs; tab++) {
    const variant = random.isChance(0.7) ? 'worker' : 'page';
    const page = await lab.openUnready(variant);
    lab.startTracking(page, `life${round}-${tab}-`, MANY, {
      perTask: random.between(1, 20),
      everyMs: random.between(0, 60),
    });
    // Else most are killed before the first event.
    if (random.isChance(0.8))
      await lab.until('the page to be there', async () => (await page.status()).events >= 0);
    if (tabs > 1 && random.isChance(0.2)) await page.close();
  }
  await lab.sleep(random.between(100, 2_500));
  await lab.kill();
}

/** Answers in every way that there is, and is away now and then. */
function troubleCollector(lab: Lab, random: Random): { readonly end: () => Promise<void> } {
  const { collector } = lab;
  collector.reply = (arrival) => randomReply(random, arrival);
  let isOver = false;
  const comings = (async () => {
    while (!isOver) {
      await lab.sleep(random.between(500, 4_000));
      await collector.stop();
      await lab.sleep(random.between(100, 1_500));
      await collector.start();
    }
  })().catch(() => undefined);
  return {
    async end() {
      isOver = true;
      await comings;
      collector.reply = () => 'receipt';
    },
  };
}

function randomReply(random: Random, { count }: Arrival): Reply {
  const dice = random.next();
  if (dice < 0.2) return 'cut';
  if (dice < 0.3) return { status: 503 };
  if (dice < 0.4) return { status: 429, headers: { 'Retry-After': '1' } };
  if (dice < 0.45) return { status: 200, body: '<html>' };
  if (dice < 0.5 && count > 20) return { status: 413 };
  if (dice < 0.6) return { cutAfterMs: random.between(50, 1_500) };
  if (dice < 0.75) return { afterMs: random.between(50, 1_500) };
  return 'receipt';
}
