/** What one more byte does to the sum, for each value of the last byte. */
const table = /* @__PURE__ */ Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

type CRC32 = (bytes: Uint8Array, before?: number) => number;

/** Node's own, which is many times faster, where this is Node. */
function ofNode(): CRC32 | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => { crc32?: CRC32 } | undefined } };
  return process?.getBuiltinModule?.("node:zlib")?.crc32;
}

/** CRC-32 (ISO 3309, as in zip and PNG) of bytes that come behind those whose sum is `before`. */
export function crc32(bytes: Uint8Array, before = 0): number {
  return (ofNode() ?? crc32Anywhere)(bytes, before);
}

/** The same, without Node. */
export function crc32Anywhere(bytes: Uint8Array, before = 0): number {
  let sum = ~before;
  for (const byte of bytes) sum = table[(sum ^ byte) & 255] ^ (sum >>> 8);
  return ~sum >>> 0;
}
