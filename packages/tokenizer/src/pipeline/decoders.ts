import { unspellBytes } from "../files/byte-alphabet.ts";
import type { JsonValue } from "../files/json.ts";
import { replaced } from "./normalizers.ts";
import { readPattern } from "./patterns.ts";
import { readMark, readScheme } from "./pre-tokenizers.ts";
import { otherKind, steps } from "./steps.ts";

/** Makes text of tokens that come one by one; what is not decided yet comes later. */
export interface TokenDecoder {
  push(token: string): readonly string[];
  /** What is left at the end; the decoder may be used again then. */
  flush(): readonly string[];
}

/** Gives a decoder for each text. */
export type NewDecoder = () => TokenDecoder;

/** Refuses all decoders but that of the byte-level alphabet. */
export function checkByteLevelDecoder(part: JsonValue): void {
  const all = [...steps(part, "decoders")];
  if (all.length !== 1 || all[0].get("type").value !== "ByteLevel") throw part.unsupported("is not ByteLevel");
}

/** Reads `decoder` of a `tokenizer.json` (decoders/ of the Rust library). Without one, tokens are joined by spaces. */
export function readDecoder(part: JsonValue): NewDecoder {
  const all = [...steps(part, "decoders")];
  if (all.length === 0) return spaced;
  const made = all.map((step, index) => {
    const fused = all.slice(0, index).some((before) => ["Fuse", "ByteLevel"].includes(before.get("type").value as string));
    if (fused && !["Fuse", "Strip"].includes(step.get("type").value as string)) {
      throw step.get("type").unsupported("comes behind what joins all tokens");
    }
    return readStep(step, fused);
  });
  return () => chain(made.map((make) => make()));
}

function chain(decoders: readonly TokenDecoder[]): TokenDecoder {
  const through = (tokens: readonly string[], from: number): readonly string[] => {
    for (const decoder of decoders.slice(from)) tokens = tokens.flatMap((token) => decoder.push(token));
    return tokens;
  };
  return {
    push: (token) => through([token], 0),
    flush: () => decoders.flatMap((decoder, index) => through(decoder.flush(), index + 1)),
  };
}

/** `fused`: whether what comes are parts of one token. */
function readStep(step: JsonValue, fused: boolean): NewDecoder {
  const type = step.get("type");
  switch (type.value) {
    case "ByteLevel":
      return byteLevel;
    case "ByteFallback":
      return byteFallback;
    case "Fuse":
      return () => each((token) => token);
    case "Replace": {
      const spans = readPattern(step.get("pattern"));
      const content = step.get("content").string();
      return () => each((token) => replaced(token, spans(token), content));
    }
    case "Strip":
      return stripDecoder(step, fused);
    case "Metaspace": {
      const mark = readMark(step);
      const prepends = readScheme(step) !== "never";
      return () => first((token, isFirst) => token.replaceAll(mark, isFirst && prepends ? "" : " "));
    }
    case "BPEDecoder": {
      const suffix = step.get("suffix").string();
      return () => last((token, isLast) => (suffix === "" ? token : token.replaceAll(suffix, isLast ? "" : " ")));
    }
    default:
      throw otherKind(type);
  }
}

function each(change: (token: string) => string): TokenDecoder {
  return { push: (token) => [change(token)], flush: () => [] };
}

function first(change: (token: string, isFirst: boolean) => string): TokenDecoder {
  let isFirst = true;
  return {
    push(token) {
      const changed = change(token, isFirst);
      isFirst = false;
      return [changed];
    },
    flush() {
      isFirst = true;
      return [];
    },
  };
}

/** Keeps a token until it is known whether another follows. */
function last(change: (token: string, isLast: boolean) => string): TokenDecoder {
  let held: string | undefined;
  return {
    push(token) {
      const ready = held === undefined ? [] : [change(held, false)];
      held = token;
      return ready;
    },
    flush() {
      const ready = held === undefined ? [] : [change(held, true)];
      held = undefined;
      return ready;
    },
  };
}

const spaced: NewDecoder = () => first((token, isFirst) => (isFirst ? token : ` ${token}`));

/** Tokens that spell bytes, as the text that these are. */
function byteLevel(): TokenDecoder {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const encoder = new TextEncoder();
  return {
    push: (token) => [decoder.decode(unspellBytes(token) ?? encoder.encode(token), { stream: true })],
    flush: () => [decoder.decode()],
  };
}

const byteToken = /^<0x([0-9a-fA-F]{2})>$/;

/** Tokens such as `<0xE2>` that stand together as the text that they are, or one U+FFFD each where they are none. */
function byteFallback(): TokenDecoder {
  let bytes: number[] = [];
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const take = (): readonly string[] => {
    if (bytes.length === 0) return [];
    const run = Uint8Array.from(bytes);
    bytes = [];
    try {
      return [decoder.decode(run)];
    } catch {
      return Array.from(run, () => "\uFFFD");
    }
  };
  return {
    push(token) {
      const match = byteToken.exec(token);
      if (!match) return [...take(), token];
      bytes.push(parseInt(match[1], 16));
      return [];
    },
    flush: take,
  };
}

/** Characters that a Strip may take; files in use take one. */
const maxStripped = 1000;

/** Removes a character from the start and the end of tokens, up to `start` and `stop` times. */
function stripDecoder(step: JsonValue, fused: boolean): NewDecoder {
  const content = step.get("content").string();
  if ([...content].length !== 1) throw step.get("content").invalid("is not one character");
  const [start, stop] = ["start", "stop"].map((name) => step.get(name).index(maxStripped));
  if (!fused) return () => each((token) => stripEnd(stripStart(token, content, start), content, stop));
  return () => {
    let left = start;
    let held = "";
    return {
      push(token) {
        const text = held + stripStart(token, content, left);
        left = text === "" ? left - token.length / content.length : 0;
        const kept = stripEnd(text, content, stop);
        held = text.slice(kept.length);
        return [kept];
      },
      flush() {
        const rest = stripEnd(held, content, stop);
        [left, held] = [start, ""];
        return [rest];
      },
    };
  };
}

function stripStart(token: string, content: string, count: number): string {
  let at = 0;
  while (count-- > 0 && token.startsWith(content, at)) at += content.length;
  return token.slice(at);
}

function stripEnd(token: string, content: string, count: number): string {
  let end = token.length;
  while (count-- > 0 && token.endsWith(content, end)) end -= content.length;
  return token.slice(0, end);
}
