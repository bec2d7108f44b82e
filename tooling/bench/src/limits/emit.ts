const [i32, v128] = [0x7f, 0x7b];

/** Instructions of WebAssembly, as bytes. */
export const localGet = (index: number): number[] => [0x20, ...leb(index)];
export const localSet = (index: number): number[] => [0x21, ...leb(index)];
export const advance = (local: number, bytes: number): number[] => [
  ...localGet(local),
  0x41,
  ...leb(bytes),
  0x6a,
  ...localSet(local),
];
/** An instruction on vectors, by its number. */
export const simd = (opcode: number, ...immediates: number[]): number[] => [0xfd, ...leb(opcode), ...immediates];
export const splat = (value: number): number[] => [
  0x43,
  ...new Uint8Array(Float32Array.of(value).buffer),
  ...simd(0x13),
];

export interface Loop {
  readonly body: readonly number[];
  /** Runs after the loop and leaves a vector, so that nothing is optimised away; its first element is returned. */
  readonly last: readonly number[];
  /** Local 0 counts down, locals from 1 are so many vectors, the one behind them is an i32 that starts at 0. */
  readonly vectors: number;
  /** Pages of the memory that is imported as `env.memory`. Default: none. */
  readonly pages?: number;
}

/** A module with one function, `run(count)`, that executes the body so many times. */
export function loopModule({ body, last, vectors, pages = 0 }: Loop): Uint8Array<ArrayBuffer> {
  const code = [
    ...[2, ...leb(vectors), v128, 1, i32],
    ...[0x03, 0x40, ...body],
    ...[...localGet(0), 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b],
    ...[...last, ...simd(0x1b, 0), 0x0b],
  ];
  const memory = [1, ...name("env"), ...name("memory"), 2, 1, ...leb(pages), ...leb(pages)];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, i32, 1, i32]),
    ...(pages > 0 ? section(2, memory) : []),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name("run"), 0, 0]),
    ...section(10, [1, ...leb(code.length), ...code]),
  ]);
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...leb(content.length), ...content];
}

function name(text: string): number[] {
  return [text.length, ...Buffer.from(text)];
}

/** A whole number from 0 in LEB128. As an i32 constant it must be below 64, or have a last byte below 64. */
export function leb(value: number): number[] {
  const bytes: number[] = [];
  do {
    const rest = Math.floor(value / 128);
    bytes.push((value % 128) | (rest > 0 ? 128 : 0));
    value = rest;
  } while (value > 0);
  return bytes;
}
