import { FormatError, JsonReader } from "@gpt/formats";
import { TrainError } from "../errors.ts";
import { readChunks } from "./data-file.ts";
import type { DataFile } from "./data-file.ts";
import { invalidRecord, tooLong } from "./found-record.ts";
import type { FoundRecord, ReadingOptions } from "./found-record.ts";
import { joined, lengthOf, markLength, placeOf, readLines } from "./text-records.ts";

/**
 * The objects of a JSON file: one a line, or, where the file begins with "[", an array of them. Text must be UTF-8, keys
 * differ, values are nested 32 deep at most.
 */
export async function* readJsonRecords(file: DataFile, options: ReadingOptions): AsyncGenerator<FoundRecord, void, undefined> {
  if (await beginsWithBracket(file)) {
    for await (const item of readItems(file, options)) yield { value: parse(file.name, item), line: item.line };
  } else {
    for await (const { bytes, line } of readLines(file, options)) yield { value: parse(file.name, { bytes, line, column: 1 }), line };
  }
}

/** An item of an array, or a line. */
interface JsonPiece {
  readonly bytes: Uint8Array;
  readonly line: number;
  readonly column: number;
}

async function beginsWithBracket(file: DataFile): Promise<boolean> {
  for await (const { bytes } of readChunks(file)) {
    for (let i = markLength(bytes); i < bytes.length; i++) {
      if (!isSpace(bytes[i])) return bytes[i] === open.bracket;
    }
  }
  return false;
}

const open = { bracket: 0x5b, brace: 0x7b };
const close = { bracket: 0x5d, brace: 0x7d };
const [quote, backslash, comma, newline] = [0x22, 0x5c, 0x2c, 0x0a];

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

/** The texts of the items of an array. */
async function* readItems(file: DataFile, { maxRecordBytes, onBytes }: ReadingOptions): AsyncGenerator<JsonPiece, void, undefined> {
  const cutter = new ItemCutter(file.name, maxRecordBytes);
  for await (const { bytes } of readChunks(file)) {
    yield* cutter.items(bytes);
    onBytes(bytes.length);
  }
  cutter.end();
}

/** Cuts the text of an array into items, of which it looks at brackets, strings and commas alone. */
class ItemCutter {
  readonly #path: string;
  readonly #maxBytes: number;
  #state: "before the array" | "before an item" | "within an item" | "behind the array" = "before the array";
  #items = 0;
  /** Brackets that are open within the item. */
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** Of the item: its bytes in the chunks before, and where it begins. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #itemPlace = { line: 1, column: 1 };
  /** The place up to which characters were counted. */
  #line = 1;
  #column = 1;
  #first = true;

  constructor(path: string, maxBytes: number) {
    this.#path = path;
    this.#maxBytes = maxBytes;
  }

  *items(chunk: Uint8Array): Generator<JsonPiece, void, undefined> {
    let counted = this.#first ? markLength(chunk) : 0;
    let itemStart = 0;
    const countTo = (i: number): void => {
      this.#column += lengthOf(chunk.subarray(counted, i));
      counted = i;
    };
    const begin = counted;
    this.#first = false;
    for (let i = begin; i < chunk.length; i++) {
      const byte = chunk[i];
      if (byte === newline) [this.#line, this.#column, counted] = [this.#line + 1, 1, i + 1];
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === backslash) this.#escaped = true;
        else if (byte === quote) this.#inString = false;
        continue;
      }
      if (this.#state !== "within an item") {
        if (isSpace(byte)) continue;
        countTo(i);
        if (this.#state === "behind the array") throw this.#error("there is more text behind the array");
        if (this.#state === "before the array") {
          this.#state = "before an item";
          continue;
        }
        if (byte === close.bracket && this.#items === 0) {
          this.#state = "behind the array";
          continue;
        }
        [this.#state, itemStart, this.#itemPlace] = ["within an item", i, { line: this.#line, column: this.#column }];
      }
      if (byte === quote) this.#inString = true;
      else if (byte === open.bracket || byte === open.brace) this.#depth++;
      else if (this.#depth > 0) this.#depth -= byte === close.bracket || byte === close.brace ? 1 : 0;
      else if (byte === comma || byte === close.bracket) {
        this.#items++;
        this.#state = byte === comma ? "before an item" : "behind the array";
        yield this.#take(chunk.subarray(itemStart, i));
      }
    }
    countTo(chunk.length);
    if (this.#state === "within an item") this.#hold(chunk.subarray(itemStart));
  }

  end(): void {
    if (this.#state !== "behind the array") throw this.#error("the file ends within the array; copy it again");
  }

  #error(problem: string): Error {
    return invalidRecord(this.#path, `line ${this.#line}, column ${this.#column}`, problem);
  }

  #hold(piece: Uint8Array): void {
    this.#heldBytes += piece.length;
    if (this.#heldBytes > this.#maxBytes) throw tooLong(this.#path, this.#itemPlace.line, this.#maxBytes);
    this.#held.push(piece);
  }

  #take(piece: Uint8Array): JsonPiece {
    this.#hold(piece);
    const bytes = this.#held.length === 1 ? piece : joined(this.#held);
    [this.#held, this.#heldBytes] = [[], 0];
    return { bytes, ...this.#itemPlace };
  }
}

/** Its errors say line and column. */
class PlacedReader extends JsonReader {
  readonly #path: string;
  readonly #piece: JsonPiece;

  constructor(path: string, piece: JsonPiece) {
    super(piece.bytes, path);
    this.#path = path;
    this.#piece = piece;
  }

  override error(problem: string, position = this.position): FormatError {
    const { bytes, line, column } = this.#piece;
    return new FormatError("invalid-file", `${this.#path}, ${placeOf(bytes, position, line, column)}: ${problem}`);
  }
}

function parse(path: string, piece: JsonPiece): Record<string, unknown> {
  const reader = new PlacedReader(path, piece);
  try {
    const kind = reader.peek();
    if (kind === "object") {
      const value = readObject(reader);
      reader.end();
      return value;
    }
    reader.skip();
    throw reader.error(`this is ${kind === "array" ? "an array" : kind}, not an object`, 0);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const remedy = "each line must hold one JSON object, or the file one array of objects";
    throw new TrainError("invalid-record", `${error.message}; ${remedy}`, { cause: error });
  }
}

function readObject(reader: JsonReader): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  reader.object((key) => entries.push([key, readValue(reader)]));
  // Defines keys, where assigning "__proto__" would do something else.
  return Object.fromEntries(entries);
}

function readValue(reader: JsonReader): unknown {
  switch (reader.peek()) {
    case "object":
      return readObject(reader);
    case "array": {
      const items: unknown[] = [];
      reader.array(() => items.push(readValue(reader)));
      return items;
    }
    case "string":
      return reader.string();
    case "boolean":
      return reader.boolean();
    case "null":
      return reader.null();
    case "number": {
      const start = reader.position;
      const value = reader.number();
      if (!Number.isFinite(value)) throw reader.error("the number is larger than any that is computed with", start);
      return value;
    }
  }
}
