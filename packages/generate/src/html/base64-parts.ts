/** Bytes of a part: 1 MiB of base64, which browsers were seen to read faster than shorter and longer ones. */
const partBytes = 3 * 2 ** 18;
/** Bytes that become text at once: a multiple of 3. */
const stepBytes = 3 * 2 ** 12;

const encoder = new TextEncoder();

/** Bytes of all that `base64Parts` gives for so many. */
export function base64Length(byteLength: number, before: string, behind: string): number {
  return Math.ceil(byteLength / partBytes) * (before.length + behind.length) + 4 * Math.ceil(byteLength / 3);
}

/** Bytes as base64, cut into parts, each between two texts. */
export async function* base64Parts(chunks: AsyncIterable<Uint8Array>, before: string, behind: string): AsyncGenerator<Uint8Array> {
  for await (const part of partsOf(chunks)) yield encoder.encode(before + base64(part) + behind);
}

/** Bytes in parts of one size, of which the last may be shorter; each is overwritten by the next one. */
async function* partsOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const part = new Uint8Array(partBytes);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + partBytes - filled);
      part.set(piece, filled);
      filled += piece.length;
      at += piece.length;
      if (filled < partBytes) continue;
      yield part;
      filled = 0;
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += stepBytes) text += btoa(String.fromCharCode(...bytes.subarray(at, at + stepBytes)));
  return text;
}
