/** What this project uses of the interface of WebAssembly, which Node has and its types do not declare. */
declare namespace WebAssembly {
  interface Module {
    readonly [Symbol.toStringTag]: string;
  }

  interface Memory {
    readonly buffer: ArrayBuffer;
  }

  interface Instance {
    readonly exports: Readonly<Record<string, unknown>>;
  }

  const Module: new (bytes: Uint8Array) => Module;
  /** Sizes are in pages of 64 KiB. */
  const Memory: new (descriptor: { readonly initial: number; readonly maximum?: number }) => Memory;
  const Instance: new (
    module: Module,
    imports: Readonly<Record<string, Readonly<Record<string, Memory>>>>,
  ) => Instance;

  /** Whether it can be compiled here. */
  function validate(bytes: Uint8Array): boolean;
}
