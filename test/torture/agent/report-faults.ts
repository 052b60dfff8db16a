/** Tells of every error and rejection that nobody handles, in a page as in a worker. */
export function reportFaults(report: (message: string) => void): void {
  addEventListener('error', (event) => {
    // An element that can't be loaded says `error` as well, without being one.
    if (event instanceof ErrorEvent) report(`${event.message} (${event.filename}:${event.lineno})`);
  });
  addEventListener('unhandledrejection', (event) => {
    const reason: unknown = event.reason;
    report(
      `unhandled rejection: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}`,
    );
  });
}
