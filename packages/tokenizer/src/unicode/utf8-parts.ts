/** UTF-16 units of a part; it goes on to the next place where a text can be cut. */
const partLength = 2 ** 15;
/** Bytes behind a part that readers of several bytes at once may read, though they mean nothing. */
const padding = 16;
const keptCapacity = 4 * partLength + padding;

/** A text as UTF-8, part by part, each of which can be pre-tokenised alone. */
export class Utf8Parts {
  #bytes = new Uint8Array(keptCapacity);
  /** The part that was read last, and bytes that mean nothing. */
  view = new DataView(this.#bytes.buffer);
  /** Bytes of the part. */
  length = 0;
  readonly #encoder = new TextEncoder();

  /**
   * Reads the part that begins at `start`, and gives where it ends: at `end` at the latest, which is taken for the end
   * of the text. Halves of surrogate pairs become U+FFFD. `whole`: all up to there is one part.
   */
  read(text: string, start: number, end: number, whole = false): number {
    const stop = whole ? end : partEnd(text, start, end);
    const capacity = Math.max(3 * (stop - start) + padding, keptCapacity);
    if (capacity !== this.#bytes.length) {
      this.#bytes = new Uint8Array(capacity);
      this.view = new DataView(this.#bytes.buffer);
    }
    const part = start === 0 && stop === text.length ? text : text.slice(start, stop);
    this.length = this.#encoder.encodeInto(part, this.#bytes).written;
    return stop;
  }
}

/**
 * The first place far enough from the start where a text can be cut: between a letter or digit and white space, both
 * of ASCII. No pre-token goes across, and none depends on what is on the other side.
 */
function partEnd(text: string, start: number, end: number): number {
  for (let at = start + partLength; at < end; at++) {
    if (isSpace(text.charCodeAt(at)) && isAlphanumeric(text.charCodeAt(at - 1))) return at;
  }
  return end;
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d);
}

function isAlphanumeric(unit: number): boolean {
  const small = unit | 0x20;
  return (small >= 0x61 && small <= 0x7a) || (unit >= 0x30 && unit <= 0x39);
}
