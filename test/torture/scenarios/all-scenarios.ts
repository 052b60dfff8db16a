import type { Scenario } from '../scenario.ts';
import { ANSWERS } from './answers.ts';
import { CLOCKS } from './clocks.ts';
import { LEAVING } from './leaving.ts';
import { MANY } from './many.ts';
import { SERVER } from './server.ts';
import { STORAGE } from './storage.ts';
import { WORKERS } from './workers.ts';

/** Everything that the lab does to the client, in the order in which it is run. */
export const SCENARIOS: readonly Scenario[] = [
  ...LEAVING,
  ...ANSWERS,
  ...MANY,
  ...STORAGE,
  ...WORKERS,
  ...CLOCKS,
  ...SERVER,
];
