import { quote } from "@gpt/common";
import { FormatError } from "./errors.ts";

/** What a value of JSON may be. */
export type JsonKind = "object" | "array" | "string" | "number" | "boolean" | "null";

const maxDepth = 32;
const numberGrammar = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/**
 * Reads JSON (RFC 8259) from bytes, driven by what the caller expects: hostile input makes it build nothing that was
 * not asked for. Stricter than `JSON.parse`: the text must be valid UTF-8, the keys of an object must differ, and
 * nesting is bounded. Errors (`invalid-file`) name the file and the byte.
 */
export class JsonReader {
  readonly #bytes: Uint8Array;
  readonly #file: string;
  readonly #fileOffset: number;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #position = 0;
  #depth = 0;

  /** `fileOffset` is where `bytes` begin in the file. */
  constructor(bytes: Uint8Array, file: string, fileOffset = 0) {
    this.#bytes = bytes;
    this.#file = file;
    this.#fileOffset = fileOffset;
  }

  /** The byte that is read next. */
  get position(): number {
    return this.#position;
  }

  /** The kind of the value that comes next. */
  peek(): JsonKind {
    this.skipSpace();
    switch (String.fromCharCode(this.#bytes[this.#position] ?? 0)) {
      case "{":
        return "object";
      case "[":
        return "array";
      case '"':
        return "string";
      case "t":
      case "f":
        return "boolean";
      case "n":
        return "null";
      default:
        return "number";
    }
  }

  /** Reads an object; `visit` must read the value of each key. */
  object(visit: (key: string) => void): void {
    const keys = new Set<string>();
    this.list("{", "}", "an object", () => {
      const start = this.#position;
      const key = this.string();
      if (keys.has(key)) throw this.error(`the key ${quote(key)} appears twice`, start);
      keys.add(key);
      this.expect(":", "a colon");
      visit(key);
    });
  }

  /** Reads an array; `visit` must read each item. */
  array(visit: (index: number) => void): void {
    let index = 0;
    this.list("[", "]", "an array", () => visit(index++));
  }

  string(): string {
    this.expect('"', "a string");
    const start = this.#position;
    let escaped = false;
    for (;;) {
      const byte = this.#bytes[this.#position];
      if (byte === undefined) throw this.error("the text ends within a string", start);
      if (byte < 0x20) throw this.error("a string holds a control character");
      if (byte === 0x22) break;
      if (byte === 0x5c) {
        escaped = true;
        this.#position++;
      }
      this.#position++;
    }
    const raw = this.decode(start, this.#position);
    this.#position++;
    return escaped ? this.unescape(raw, start) : raw;
  }

  number(): number {
    this.skipSpace();
    const start = this.#position;
    while (isNumberByte(this.#bytes[this.#position])) this.#position++;
    const text = this.decode(start, this.#position);
    if (!numberGrammar.test(text)) throw this.error("expected a value", start);
    return Number(text);
  }

  boolean(): boolean {
    return this.peek() === "boolean" && this.#bytes[this.#position] === 0x74
      ? this.literal("true", true)
      : this.literal("false", false);
  }

  null(): null {
    return this.literal("null", null);
  }

  /** Reads any value, and gives its JSON. */
  raw(): string {
    this.skipSpace();
    const start = this.#position;
    this.skip();
    return this.decode(start, this.#position);
  }

  /** Reads any value and forgets it. */
  skip(): void {
    switch (this.peek()) {
      case "object":
        return this.object(() => this.skip());
      case "array":
        return this.array(() => this.skip());
      case "string":
        return void this.string();
      case "boolean":
        return void this.boolean();
      case "null":
        return void this.null();
      case "number":
        return void this.number();
    }
  }

  /** Checks that nothing but white space follows. */
  end(): void {
    this.skipSpace();
    if (this.#position < this.#bytes.length) throw this.error("there is more text behind the value");
  }

  /** An error at the byte that is read next, or at `position` of the bytes. */
  error(problem: string, position = this.#position): FormatError {
    return new FormatError("invalid-file", `${this.#file}: ${problem}, at byte ${this.#fileOffset + position}`);
  }

  private list(open: string, close: string, name: string, readItem: () => void): void {
    this.expect(open, name);
    if (++this.#depth > maxDepth) throw this.error(`values are nested more than ${maxDepth} deep`);
    if (!this.accept(close)) {
      do {
        this.skipSpace();
        readItem();
      } while (this.accept(","));
      this.expect(close, `a comma or "${close}"`);
    }
    this.#depth--;
  }

  private accept(character: string): boolean {
    this.skipSpace();
    const found = this.#bytes[this.#position] === character.charCodeAt(0);
    if (found) this.#position++;
    return found;
  }

  private expect(character: string, name: string): void {
    if (!this.accept(character)) throw this.error(`expected ${name}`);
  }

  private literal<T>(text: string, value: T): T {
    this.skipSpace();
    const start = this.#position;
    for (const character of text) {
      if (this.#bytes[this.#position] !== character.charCodeAt(0)) throw this.error(`expected ${text}`, start);
      this.#position++;
    }
    return value;
  }

  private skipSpace(): void {
    for (;;) {
      const byte = this.#bytes[this.#position];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.#position++;
    }
  }

  private decode(start: number, end: number): string {
    try {
      return this.#decoder.decode(this.#bytes.subarray(start, end));
    } catch {
      throw this.error("the text is not valid UTF-8", start);
    }
  }

  private unescape(raw: string, start: number): string {
    let text: string;
    try {
      text = JSON.parse(`"${raw}"`) as string;
    } catch {
      throw this.error("a string holds an invalid escape", start);
    }
    if (/\p{Surrogate}/u.test(text)) throw this.error("a string holds half of a surrogate pair", start);
    return text;
  }
}

function isNumberByte(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x2b || byte === 0x2e || (byte | 0x20) === 0x65;
}
