import type { RandomAccessFile } from "@gpt/formats";
import { TrainError } from "../errors.ts";

export type TokenDType = "uint16" | "uint32";

export const tokenBytes: Readonly<Record<TokenDType, 2 | 4>> = { uint16: 2, uint32: 4 };

/** A part of a file's numbers. `start` counts bytes from the first number. */
interface Piece {
  readonly start: number;
  readonly view: DataView<ArrayBufferLike>;
}

/** A way to read bytes as ids. */
interface Reading {
  readonly name: string;
  readonly bytes: number;
  readonly read: (view: DataView, offset: number) => number;
}

const upper = 2 ** 32;
const uint16: Reading = { name: "16-bit numbers", bytes: 2, read: (view, i) => view.getUint16(i, true) };
const uint32: Reading = { name: "32-bit numbers", bytes: 4, read: (view, i) => view.getUint32(i, true) };
const uint64: Reading = {
  name: "64-bit numbers",
  bytes: 8,
  read: (view, i) => view.getUint32(i, true) + upper * view.getUint32(i + 4, true),
};
/** The wide ones first: 16 bits are below a vocabulary of more, whatever they hold. */
const readings: readonly Reading[] = [
  { name: "32-bit numbers, the most significant byte first", bytes: 4, read: (view, i) => view.getUint32(i) },
  uint64,
  uint32,
  uint16,
  { name: "16-bit numbers, the most significant byte first", bytes: 2, read: (view, i) => view.getUint16(i) },
];

const maxPieces = 16;
const pieceBytes = 2 ** 16;
/** With fewer numbers than this, their halves say nothing. */
const fewestNumbers = 16;
/** No tokenizer has more entries. */
const largestVocabulary = 2 ** 20;

/** The numbers that `checkDType` and `guessDType` look at: all of a short file, of others some everywhere. */
export async function sampleNumbers(file: RandomAccessFile, dataStart: number): Promise<Piece[]> {
  const size = file.size - dataStart;
  const count = Math.min(maxPieces, Math.ceil(size / pieceBytes));
  const pieces: Piece[] = [];
  for (let i = 0; i < count; i++) {
    // The last one ends with the last whole number of eight bytes.
    const spread = Math.floor(((size - pieceBytes) * i) / Math.max(1, count - 1) / 8) * 8;
    const start = count < maxPieces ? i * pieceBytes : spread;
    const { buffer, byteOffset, byteLength } = await file.read(dataStart + start, Math.min(pieceBytes, size - start));
    pieces.push({ start, view: new DataView(buffer, byteOffset, byteLength) });
  }
  return pieces;
}

/**
 * The dtype of numbers that no header describes. It is that which the vocabulary asks for: uint16 up to 65,536
 * entries, uint32 beyond; without one uint16. Numbers of 32 bits whose upper halves are empty are taken for what they
 * are. Refuses text, and numbers of 64 bits. Throws `unsupported-data`.
 */
export function guessDType(path: string, pieces: readonly Piece[], vocabSize: number | undefined): TokenDType {
  if (looksLikeText(pieces)) {
    throw new TrainError("unsupported-data", `${path} holds text, not token ids; tokenise it (as a file without .bin)`);
  }
  const limit = vocabSize ?? largestVocabulary;
  if (hasEmptyUpperHalves(pieces, uint64, limit)) {
    throw new TrainError(
      "unsupported-data",
      `${path} holds 64-bit numbers, as it seems; write them as 16 or 32 bits: ids.astype("uint32").tofile(…)`,
    );
  }
  if (vocabSize !== undefined && vocabSize > 2 ** 16) return "uint32";
  return hasEmptyUpperHalves(pieces, uint32, limit) ? "uint32" : "uint16";
}

/** Refuses numbers that are no ids of the vocabulary, and says as what they would be. Throws `token-out-of-range`. */
export function checkDType(path: string, pieces: readonly Piece[], dtype: TokenDType, vocabSize: number): void {
  const reading = dtype === "uint16" ? uint16 : uint32;
  const outside = firstFrom(pieces, reading, vocabSize);
  if (!outside) return;
  const other = readings.find((other) => other !== reading && !firstFrom(pieces, other, vocabSize));
  throw new TrainError(
    "token-out-of-range",
    `${path}: token ${outside.index} is ${outside.id}, but the model's vocabulary has ${vocabSize} entries; ` +
      (other
        ? `read as ${other.name}, all ids would be below: write the file as ${dtype}, least significant byte first`
        : `the data was tokenised with another tokenizer, or is no ${dtype}`),
  );
}

/** The first number from `limit` on. */
function firstFrom(pieces: readonly Piece[], { bytes, read }: Reading, limit: number): { index: number; id: number } | undefined {
  for (const { start, view } of pieces) {
    for (let i = 0; i + bytes <= view.byteLength; i += bytes) {
      const id = read(view, i);
      if (id >= limit) return { index: (start + i) / bytes, id };
    }
  }
  return undefined;
}

/**
 * Whether numbers are as wide as this reading: below the limit, which leaves their upper halves empty, or nearly so
 * where the vocabulary is unknown, while the lower ones are not. Of shorter numbers, every second one would be that.
 */
function hasEmptyUpperHalves(pieces: readonly Piece[], reading: Reading, limit: number): boolean {
  const { bytes, read } = reading;
  const half = 2 ** (4 * bytes);
  let [count, largestLower, largestUpper] = [0, 0, 0];
  for (const { view } of pieces) {
    if (view.byteLength % bytes !== 0) return false;
    for (let i = 0; i < view.byteLength; i += bytes, count++) {
      const id = read(view, i);
      if (id >= limit) return false;
      largestLower = Math.max(largestLower, id % half);
      largestUpper = Math.max(largestUpper, Math.floor(id / half));
    }
  }
  return count >= fewestNumbers && largestLower > 16 * largestUpper;
}

const shortestText = 64;

/** Whether the first bytes are UTF-8 of characters that print. */
function looksLikeText([first]: readonly Piece[]): boolean {
  if (first.view.byteLength < shortestText) return false;
  try {
    // As part of a stream, so that a character may be cut off at the end.
    const text = new TextDecoder("utf-8", { fatal: true }).decode(first.view, { stream: true });
    return !/(?![\t\n\f\r])\p{Cc}/u.test(text);
  } catch {
    return false;
  }
}
