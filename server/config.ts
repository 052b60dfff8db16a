import { DEFAULT_LIMITS, type Limits } from '../shared/limits.ts';
import { storeFolder } from './store/open-store.ts';

/** Everything that an operator can set, read once at start. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly storeUrl: string;
  /** Bytes at which a log segment is complete. */
  readonly segmentBytes: number;
  /** Folder of users, jobs, secrets and report files. */
  readonly dataFolder: string;
  readonly admin: { readonly id: string; readonly password: string } | undefined;
  /** Path of a catalog that is then strict; `none` for no catalog; undefined for the bundled example. */
  readonly catalog: string | undefined;
  /** Origins that may call from a browser; undefined is any. */
  readonly origins: readonly string[] | undefined;
  /** Base of the links in answers; undefined is the address that the caller used. */
  readonly publicUrl: string | undefined;
  readonly environment: string;
  readonly reportWorkers: number;
  readonly reportTimeoutMs: number;
  /** Days after its end that the file of a report is kept; 0 is for ever. */
  readonly reportTtlDays: number;
  readonly linkTtlMs: number;
  /** Days that events are kept besides today; undefined is for ever. */
  readonly retentionDays: number | undefined;
  readonly logLevel: string;
  readonly limits: Limits;
}

interface Setting {
  readonly name: string;
  readonly fallback: string;
  readonly help: string;
}

const LOG_LEVELS = ['silent', 'error', 'info', 'debug'];

const SETTINGS = {
  host: { name: 'HOST', fallback: '127.0.0.1', help: 'address to listen on' },
  port: { name: 'PORT', fallback: '8080', help: 'port to listen on; 0 takes a free one' },
  store: { name: 'WAYBILL_STORE', fallback: 'file:./data', help: 'where events are stored: file:DIR' },
  segmentBytes: {
    name: 'WAYBILL_SEGMENT_BYTES',
    fallback: '67108864',
    help: 'bytes at which a log segment is complete, and is sealed',
  },
  data: { name: 'WAYBILL_DATA', fallback: './data', help: 'folder of users, jobs and reports' },
  admin: {
    name: 'WAYBILL_ADMIN',
    fallback: '',
    help: 'user:password; creates or updates that administrator',
  },
  catalog: {
    name: 'WAYBILL_CATALOG',
    fallback: '',
    help: 'path of a catalog, which is then strict; none for no catalog; default: the bundled example, for columns only',
  },
  origins: {
    name: 'WAYBILL_ORIGINS',
    fallback: '*',
    help: 'origins that may call, separated by commas; * is any',
  },
  publicUrl: {
    name: 'WAYBILL_PUBLIC_URL',
    fallback: '',
    help: 'base of the links in answers, if not the address called',
  },
  environment: { name: 'WAYBILL_ENVIRONMENT', fallback: 'development', help: 'shown by /service/version' },
  reportWorkers: { name: 'WAYBILL_REPORT_WORKERS', fallback: '2', help: 'reports made at the same time' },
  reportTimeoutMs: {
    name: 'WAYBILL_REPORT_TIMEOUT_MS',
    fallback: '3600000',
    help: 'after which a report ends as TIMEOUT',
  },
  reportTtlDays: {
    name: 'WAYBILL_REPORT_TTL_DAYS',
    fallback: '30',
    help: 'days for which finished reports are kept; 0 keeps them for ever',
  },
  linkTtlMs: { name: 'WAYBILL_LINK_TTL_MS', fallback: '900000', help: 'for which a download link is good' },
  retentionDays: {
    name: 'WAYBILL_RETENTION_DAYS',
    fallback: '',
    help: 'days for which events are kept, by their timestamps; default: for ever',
  },
  logLevel: { name: 'WAYBILL_LOG_LEVEL', fallback: 'info', help: `one of ${LOG_LEVELS.join(', ')}` },
  maxBodyBytes: limit('WAYBILL_MAX_BODY_BYTES', 'maxBodyBytes', 'bytes of a body after inflating'),
  maxEvents: limit('WAYBILL_MAX_EVENTS', 'maxEvents', 'events in a batch'),
  maxContextItems: limit('WAYBILL_MAX_CONTEXT_ITEMS', 'maxContextItems', "items of an event's context"),
  maxStringLength: limit('WAYBILL_MAX_STRING_LENGTH', 'maxStringLength', 'UTF-16 units of a context item'),
  maxCodeLength: limit('WAYBILL_MAX_CODE_LENGTH', 'maxCodeLength', 'UTF-16 units of a code'),
  maxEventBytes: limit('WAYBILL_MAX_EVENT_BYTES', 'maxEventBytes', 'bytes of an event as JSON'),
  maxFutureMs: limit('WAYBILL_MAX_FUTURE_MS', 'maxFutureMs', 'how far ahead of now a timestamp may lie'),
} satisfies Readonly<Record<string, Setting>>;

function limit(name: string, key: keyof Limits, help: string): Setting {
  return { name, fallback: String(DEFAULT_LIMITS[key]), help };
}

/** The settings as lines of `--help`. */
export function settingsHelp(): string {
  return Object.values(SETTINGS)
    .map(({ name, fallback, help }: Setting) => {
      const shown = fallback === '' ? '' : ` [${fallback}]`;
      return `  ${name.padEnd(26)} ${help}${shown}`;
    })
    .join('\n');
}

/**
 * Reads the configuration from environment variables; an empty one counts as not set.
 *
 * @throws Error that names every setting that is wrong, a line each.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const text = ({ name, fallback }: Setting): string => environment[name]?.trim() || fallback;
  const integer = (setting: Setting, min: number, max: number): number => {
    const given = text(setting);
    const value = /^\d{1,15}$/.test(given) ? Number(given) : NaN;
    if (!(value >= min && value <= max)) {
      problems.push(`${setting.name} must be an integer from ${min} to ${max}, not "${given}"`);
    }
    return value;
  };
  const check = (setting: Setting, isRight: boolean, rule: string): void => {
    if (!isRight) problems.push(`${setting.name} must be ${rule}`);
  };

  const storeUrl = text(SETTINGS.store);
  check(SETTINGS.store, storeFolder(storeUrl) !== undefined, 'a store URL such as file:./data');
  const logLevel = text(SETTINGS.logLevel);
  check(SETTINGS.logLevel, LOG_LEVELS.includes(logLevel), `one of ${LOG_LEVELS.join(', ')}`);
  const publicUrl = text(SETTINGS.publicUrl).replace(/\/+$/, '');
  check(SETTINGS.publicUrl, publicUrl === '' || isHttpUrl(publicUrl), 'an http or https URL');
  const adminText = text(SETTINGS.admin);
  const admin = parseAdmin(adminText);
  check(
    SETTINGS.admin,
    adminText === '' || admin !== undefined,
    'user:password, both without control characters',
  );
  const origins = parseOrigins(text(SETTINGS.origins));
  check(
    SETTINGS.origins,
    origins !== false,
    '* or origins such as https://shop.example, separated by commas',
  );

  const maximum = Number.MAX_SAFE_INTEGER;
  const size = (setting: Setting, max: number): number => integer(setting, 1, max);
  const config: Config = {
    host: text(SETTINGS.host),
    port: integer(SETTINGS.port, 0, 65_535),
    storeUrl,
    // Sealing needs the memory of a whole segment.
    segmentBytes: integer(SETTINGS.segmentBytes, 4_096, 67_108_864),
    dataFolder: text(SETTINGS.data),
    admin,
    catalog: text(SETTINGS.catalog) || undefined,
    origins: origins === false ? undefined : origins,
    publicUrl: publicUrl || undefined,
    environment: text(SETTINGS.environment),
    reportWorkers: integer(SETTINGS.reportWorkers, 1, 64),
    // Node's timers take no more.
    reportTimeoutMs: integer(SETTINGS.reportTimeoutMs, 1, 2_147_483_647),
    reportTtlDays: integer(SETTINGS.reportTtlDays, 0, 36_500),
    linkTtlMs: integer(SETTINGS.linkTtlMs, 1, maximum),
    retentionDays:
      text(SETTINGS.retentionDays) === '' ? undefined : integer(SETTINGS.retentionDays, 1, 36_500),
    logLevel,
    limits: {
      // A batch must fit a segment with room to spare.
      maxBodyBytes: size(SETTINGS.maxBodyBytes, 16_777_216),
      maxEvents: size(SETTINGS.maxEvents, 100_000),
      maxContextItems: size(SETTINGS.maxContextItems, 10_000),
      maxStringLength: size(SETTINGS.maxStringLength, 16_777_216),
      maxCodeLength: size(SETTINGS.maxCodeLength, 4_096),
      maxEventBytes: size(SETTINGS.maxEventBytes, 16_777_216),
      maxFutureMs: integer(SETTINGS.maxFutureMs, 0, 8_640_000_000_000_000),
    },
  };
  if (problems.length > 0) throw new Error(`the settings are not right:\n  ${problems.join('\n  ')}`);
  return config;
}

function parseAdmin(text: string): Config['admin'] {
  const match = /^([^:\p{Cc}]+):([^\p{Cc}]+)$/u.exec(text);
  const [, id, password] = match ?? [];
  return id === undefined || password === undefined ? undefined : { id, password };
}

function parseOrigins(text: string): readonly string[] | undefined | false {
  const origins = text.split(',').map((origin) => origin.trim());
  if (origins.includes('*')) return undefined;
  return origins.every((origin) => isHttpUrl(origin) && new URL(origin).origin === origin) && origins;
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text);
}
