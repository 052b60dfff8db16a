/** What the compiler's worker library doesn't know about the scope that this bundle runs in. */
declare global {
  interface WorkerGlobalScopeEventMap {
    install: ExtendableEvent;
    activate: ExtendableEvent;
    message: ExtendableMessageEvent;
    sync: SyncEvent;
  }

  /** Background Sync; only in Chromium. */
  interface ServiceWorkerRegistration {
    readonly sync?: {
      register(tag: string): Promise<void>;
      getTags(): Promise<readonly string[]>;
    };
  }

  interface SyncEvent extends ExtendableEvent {
    readonly tag: string;
    readonly lastChance: boolean;
  }
}

declare const self: ServiceWorkerGlobalScope;

/** The scope that this bundle runs in. */
export const worker: ServiceWorkerGlobalScope = self;
