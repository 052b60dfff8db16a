/** The browsers that the lab drives. */
export type EngineName = 'chromium' | 'firefox' | 'webkit';

/** What not every engine can be made to do; the methods of `Browser` or `Engine` that do it are missing there. */
export type Ability =
  | 'backgroundSync'
  | 'clearStorage'
  | 'closeLastTab'
  | 'damageDatabases'
  | 'launchWithQuota'
  | 'limitQuota'
  | 'setOffline'
  | 'stopWorkers'
  | 'tearDatabases';

export interface Engine {
  readonly name: EngineName;
  /** Why it can't be made to do something; an ability that is not named here is there. */
  readonly lacks: Readonly<Partial<Record<Ability, string>>>;
  /** Path of its program; undefined if it is not installed. */
  find(): string | undefined;
  /** What it has noted of databases that it made because there were none, a text each; missing where it notes nothing. */
  newDatabases?(profile: string): Promise<readonly string[]>;
  /** Does to the databases in a profile what a kill or a disk may do to them; while it isn't running. */
  damageDatabases?(profile: string): Promise<void>;
  /** Does to them what a kill in the middle of a write does. */
  tearDatabases?(profile: string): Promise<void>;
  /**
   * Starts it in a process group of its own, headless or in a virtual display.
   *
   * @param profile - Folder that it keeps everything in; the same one again restarts the same user's browser.
   * @param url - Opened in its first tab.
   */
  launch(profile: string, url: string, options?: LaunchOptions): Promise<Browser>;
}

export interface LaunchOptions {
  /**
   * Bytes that the origin of the first tab may store (Chromium) or all of the profile (Firefox). WebKit knows no limit.
   */
  readonly quotaBytes?: number;
}

/** A running browser. Pages report to the lab by themselves (see the page agent); this is what they can't do. */
export interface Browser {
  readonly first: Tab;
  openTab(url: string): Promise<Tab>;
  /** For pages and workers, as far as the engine can; see `Engine.lacks`. */
  setOffline?(isOffline: boolean): Promise<void>;
  /** Undefined lifts the limit. Chromium takes up to half a minute to heed it where a database is open. */
  limitQuota?(origin: string, bytes: number | undefined): Promise<void>;
  /** Everything of the origin, while its pages are open. */
  clearStorage?(origin: string): Promise<void>;
  /** Ends running service workers, as the browser itself does with idle ones. */
  stopWorkers?(): Promise<void>;
  /** Ends it as a user does, with time to write what it has. */
  close(): Promise<void>;
  /** SIGKILL of the whole group; resolves when the profile can be used again. */
  kill(): Promise<void>;
}

export interface Tab {
  /** As a user does: `pagehide` fires, `beforeunload` asks nobody. */
  close(): Promise<void>;
}
