declare module 'fs-native-extensions' {
  /** Whether the exclusive lock on the whole file was granted; never waits. */
  export function tryLock(fd: number): boolean;
}
