export interface Service {
  readonly service: {
    readonly name: string;
    readonly version: string;
    readonly description: string;
    readonly environment: string;
  };
}

/** Answer of `GET /service/authenticate`. */
export interface Authentication {
  readonly service: Service;
  readonly user: {
    readonly id: string;
    readonly context: string;
    /** The customers the user may report on, separated by commas; `*` is all; null is none. */
    readonly permissions: string | null;
  };
}
